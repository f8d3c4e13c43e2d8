"""Federation, shovels and other runtime parameters; what brokers refuse is in test_refusals."""

from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Reference
from rmqsync.kinds.context import Context
from rmqsync.model.values import Row
from tests.kinds.cluster import row_of

UPSTREAM, SET, SHOVEL = (
    KINDS[name] for name in ("federation_upstream", "federation_upstream_set", "shovel")
)
PARAMETER, GLOBAL = KINDS["parameter"], KINDS["global_parameter"]
NEW = Context(version=(4, 3, 6))
SECRETS = Context(secret={"a": "amqp://me:pw@a", "b": "amqp://me:pw@b"}.get)


def _upstream(**fields: Any) -> Row:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    return row_of(UPSTREAM, {"vhost": "v", "name": "u", **named})


def _shovel(**fields: Any) -> Row:
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    base = {"src-uri": "amqp://a", "dest-uri": "amqp://b", "src-queue": "q"}
    return row_of(SHOVEL, {"vhost": "v", "name": "s", **base, **named})


def test_the_raw_form_is_the_same_row() -> None:
    raw = row_of(UPSTREAM, {"vhost": "v", "name": "u", "value": {"uri": "amqp://a", "max-hops": 2}})

    assert raw == _upstream(uri="amqp://a", max_hops=2)


def test_what_is_said_beside_a_raw_value_wins() -> None:
    entry = {"vhost": "v", "name": "u", "max-hops": 3, "value": {"uri": "amqp://", "max-hops": 2}}

    assert row_of(UPSTREAM, entry) == _upstream(uri="amqp://", max_hops=3)


def test_fields_nobody_knows_are_kept_and_told() -> None:
    """A newer broker may have more of them: an update must not lose any."""
    row = row_of(UPSTREAM, {"vhost": "v", "name": "u", "value": {"uri": "amqp://", "max-hop": 2}})

    (problem,) = UPSTREAM.check(row, NEW)
    (request,) = UPSTREAM.declare(None, row, NEW)

    assert request.body == {"value": {"uri": "amqp://", "max-hop": 2}}
    assert (problem.code, problem.path, problem.hint) == (
        "RMQ081",
        ("value", "max-hop"),
        "did you mean 'max-hops'?",
    )


def test_an_empty_object_written_as_a_list_is_one() -> None:
    assert _shovel(src_queue_args=[])["src-queue-args"] == {}


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        pytest.param({"uri": ["amqp://a"]}, {"uri": "amqp://a"}, id="a list of one"),
        pytest.param({"uri": {"secret": "a"}}, {"uri": "amqp://me:pw@a"}, id="secret"),
        pytest.param({"uri": {"secret": "a"}}, {"uri": ["amqp://me:pw@a"]}, id="secret in a list"),
        pytest.param({"uri": [{"secret": "a"}]}, {"uri": "amqp://me:pw@a"}, id="list of a secret"),
        pytest.param({"uri": {"secret": "unset"}}, {"uri": "amqp://any"}, id="not known"),
        pytest.param(
            {"uri": ["amqp://x", {"secret": "unset"}]},
            {"uri": ["amqp://x", "amqp://any"]},
            id="one of them not known",
        ),
        pytest.param(
            {"uri": "amqp://a", "max-hops": 1, "ack-mode": "on-confirm"},
            {"uri": "amqp://a"},
            id="a default is nothing",
        ),
        pytest.param({"uri": "amqp://a"}, {"uri": "amqp://a", "reconnect-delay": 5.0}, id="5.0"),
    ],
)
def test_upstreams_that_mean_the_same(desired: Row, live: Row) -> None:
    there = _upstream(**live)

    assert UPSTREAM.settle(_upstream(**desired), there, SECRETS) is there


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        pytest.param({"uri": {"secret": "a"}}, {"uri": "amqp://me:pw@b"}, id="rotated"),
        pytest.param({"uri": ["amqp://a", "amqp://b"]}, {"uri": "amqp://a"}, id="one more"),
        pytest.param({"uri": "amqp://a"}, {"uri": "amqp://a", "max-hops": 2}, id="one less"),
        pytest.param({"uri": "a", "max-hops": True}, {"uri": "a"}, id="true is not 1"),
    ],
)
def test_upstreams_that_do_not(desired: Row, live: Row) -> None:
    mine, there = _upstream(**desired), _upstream(**live)

    settled = UPSTREAM.settle(mine, there, SECRETS)

    assert settled == mine, "and a secret stays a reference"


@pytest.mark.parametrize(
    ("desired", "live"),
    [
        ({"delete-after": 5}, {"src-delete-after": 5}),
        ({"src-delete-after": "never"}, {}),
        ({"prefetch-count": 5}, {"src-prefetch-count": 5}),
        ({"add-forward-headers": True}, {"dest-add-forward-headers": True}),
        ({"add-timestamp-header": True}, {"dest-add-timestamp-header": True}),
        ({"publish-properties": {"app_id": "x"}}, {"dest-publish-properties": {"app_id": "x"}}),
        ({"src-protocol": "amqp091"}, {}),
        ({"src-prefetch-count": 5, "prefetch-count": 9}, {"src-prefetch-count": 5}),
        ({"src-uri": ["amqp://a"]}, {}),
    ],
)
def test_shovels_by_other_names_mean_the_same(desired: Row, live: Row) -> None:
    there = _shovel(**live)

    assert SHOVEL.settle(_shovel(**desired), there, SECRETS) is there


def test_a_shovel_is_written_as_it_is_declared() -> None:
    (request,) = SHOVEL.declare(None, _shovel(delete_after=5), NEW)

    assert request.body == {
        "value": {
            "src-uri": "amqp://a",
            "src-queue": "q",
            "delete-after": 5,
            "dest-uri": "amqp://b",
        }
    }


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, False),
        ({"src_delete_after": "never"}, False),
        ({"src_delete_after": "queue-length"}, True),
        ({"delete_after": 0}, True),
        ({"src_delete_after": "never", "delete_after": 5}, False),
        ({"src_delete_after_duration": 60}, True),
    ],
)
def test_which_shovels_delete_themselves(fields: Row, expected: bool) -> None:
    assert SHOVEL.goes_by_itself(_shovel(**fields)) is expected


def test_only_a_local_shovel_is_sure_to_name_objects_of_its_vhost() -> None:
    remote = _shovel(dest_exchange="x")
    local = _shovel(src_protocol="local", dest_protocol="local", dest_exchange="x")

    assert not list(SHOVEL.references(remote))
    assert list(SHOVEL.references(local)) == [
        Reference("queue", ("v", "q"), ("src-queue",), strict=False),
        Reference("exchange", ("v", "x"), ("dest-exchange",), strict=False),
    ]


def test_shovels_of_the_brokers_own_are_left_alone() -> None:
    assert SHOVEL.broker_owned(_shovel(internal=True))
    assert not SHOVEL.broker_owned(_shovel(internal=False))


def test_uris_are_not_repeated_in_what_is_said_about_them() -> None:
    row = _shovel(src_uri="http://me:hush@host")

    said = [f"{problem.message} {problem.hint}" for problem in SHOVEL.check(row, NEW)]

    assert said
    assert "hush" not in " ".join(said)


def test_a_raw_uri_of_a_wrong_type_is_not_repeated_either() -> None:
    row = _upstream(uri={"user": "me", "password": "hush"})

    said = [problem.message for problem in UPSTREAM.check(row, NEW)]

    assert said
    assert "hush" not in " ".join(said)


@pytest.mark.parametrize(
    ("members", "codes"),
    [
        ([{"upstream": "a", "max-hops": 2}], []),
        ([], []),
        ([{"max-hops": 2}], ["RMQ080"]),
        (["a"], ["RMQ080"]),
        ([{"upstream": "a", "uri": "amqp://"}], ["RMQ082"]),
        ([{"upstream": "a", "max-hop": 2}], ["RMQ081"]),
        ([{"upstream": "a", "ack-mode": "x"}], ["RMQ082"]),
        ({"upstream": "a"}, ["RMQ080"]),
    ],
)
def test_members_of_a_set(members: Any, codes: list[str]) -> None:
    row = row_of(SET, {"vhost": "v", "name": "s", "value": members})

    assert [problem.code for problem in SET.check(row, NEW)] == codes


def test_a_set_named_all_is_never_used() -> None:
    row = row_of(SET, {"vhost": "v", "name": "all", "upstreams": []})

    assert [problem.code for problem in SET.check(row, NEW)] == ["RMQ085"]


@pytest.mark.parametrize(
    ("name", "owned", "comes_by_itself"),
    [
        ("internal_cluster_id", True, False),
        ("internal.anything", True, False),
        ("rmqsync.main", True, False),
        ("imported_definition_hash_value", True, False),
        ("cluster_tags", False, True),
        ("cluster_name", False, False),
        ("mine", False, False),
    ],
)
def test_whose_a_global_parameter_is(name: str, owned: bool, comes_by_itself: bool) -> None:
    row = {"name": name, "value": 1}

    assert GLOBAL.broker_owned(row) is owned
    assert GLOBAL.never_pruned(row) is comes_by_itself


@pytest.mark.parametrize("component", ["exchange-delete-in-progress", "internal_thing"])
def test_notes_of_the_broker_are_left_alone(component: str) -> None:
    assert PARAMETER.broker_owned({"vhost": "v", "component": component, "name": "x", "value": 1})


def test_a_policy_is_no_parameter() -> None:
    row = {"vhost": "v", "component": "policy", "name": "x", "value": {}}

    assert [problem.code for problem in PARAMETER.check(row, NEW)] == ["RMQ086"]


def test_an_empty_object_and_an_empty_list_are_one_value() -> None:
    """The broker stores both as an empty list; inside a value it tells them apart."""
    assert row_of(GLOBAL, {"name": "g", "value": {}})["value"] == []
    assert row_of(GLOBAL, {"name": "g", "value": {"a": {}}})["value"] == {"a": {}}


def test_secrets_at_any_depth() -> None:
    live = {"name": "g", "value": {"list": [1, {"uri": "amqp://me:pw@a"}]}}
    same_ = {"name": "g", "value": {"list": [1, {"uri": {"secret": "a"}}]}}
    other = {"name": "g", "value": {"list": [2, {"uri": {"secret": "b"}}]}}
    unset = {"name": "g", "value": {"list": [2, {"uri": {"secret": "?"}}]}}

    assert GLOBAL.settle(same_, live, SECRETS) is live
    assert GLOBAL.settle(other, live, SECRETS) == other
    assert GLOBAL.settle(unset, live, SECRETS) == {
        "name": "g",
        "value": {"list": [2, {"uri": "amqp://me:pw@a"}]},
    }
