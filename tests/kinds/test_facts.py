"""What the code takes for granted about brokers, where no round trip would show an error."""

from collections.abc import Iterator

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.passwords import hash_password, is_password
from rmqsync.model.values import Row
from tests.brokers import Broker
from tests.kinds.cluster import Cluster, row_of
from tests.kinds.lives import HASH, SECRETS, V

USER, VHOST, LIMITS = KINDS["user"], KINDS["vhost"], KINDS["vhost_limit"]


@pytest.fixture
def cluster(broker: Broker) -> Iterator[Cluster]:
    with Cluster(broker, SECRETS) as cluster:
        yield cluster


def _at(cluster: Cluster, *version: int) -> bool:
    return cluster.context.at_least(*version)


def _declare(cluster: Cluster, name: str, entry: Row) -> Row:
    row = row_of(KINDS[name], entry)
    cluster.declare(KINDS[name], None, row)
    return row


def test_no_password_is_a_hash_of_nothing_or_nothing(cluster: Cluster) -> None:
    """Made without any, a user has what `password_hash: ""` means."""
    cluster.send(Request("PUT", ("users", "k_u"), {"tags": ""}))
    live = cluster.row(USER, ("k_u",))
    assert live is not None

    settled = USER.settle(
        row_of(USER, {"name": "k_u", "tags": [], "password_hash": ""}), live, cluster.context
    )

    assert settled is live
    assert (live["password_hash"] == "") is _at(cluster, 4, 2, 8)


@pytest.mark.parametrize(
    "algorithm",
    [
        "rabbit_password_hashing_sha256",
        "rabbit_password_hashing_sha512",
        "rabbit_password_hashing_md5",
    ],
)
def test_our_hashes_log_in(cluster: Cluster, algorithm: str) -> None:
    entry = {
        "name": "k_u",
        "tags": ["management"],
        "password_hash": hash_password("pässword", b"abcd", algorithm),
        "hashing_algorithm": algorithm,
    }
    _declare(cluster, "user", entry)

    assert cluster.who_is("k_u", "pässword") == "k_u"
    assert cluster.who_is("k_u", "password") is None


def test_the_brokers_own_hash_is_recognised(cluster: Cluster) -> None:
    _declare(cluster, "user", {"name": "k_u", "tags": [], "password": {"secret": "first"}})
    live = cluster.row(USER, ("k_u",))

    assert live is not None
    assert is_password(SECRETS["first"], live["password_hash"], live["hashing_algorithm"]) is True
    assert is_password("another", live["password_hash"], live["hashing_algorithm"]) is False


def test_a_changed_tag_keeps_the_password(cluster: Cluster) -> None:
    _declare(
        cluster, "user", {"name": "k_u", "tags": ["management"], "password": {"secret": "first"}}
    )
    live = cluster.row(USER, ("k_u",))
    assert live is not None
    desired = USER.settle(
        row_of(USER, {"name": "k_u", "tags": ["monitoring"]}), live, cluster.context
    )

    cluster.declare(USER, live, desired)

    assert cluster.who_is("k_u", SECRETS["first"]) == "k_u"


def test_a_user_that_is_protected_cannot_be_changed(cluster: Cluster, broker: Broker) -> None:
    _declare(cluster, "user", {"name": "k_u", "tags": ["protected", "x"], "password_hash": HASH})
    try:
        live = cluster.row(USER, ("k_u",))
        assert live is not None
        desired = {**live, "tags": ["protected"]}
        (request,) = USER.declare(live, desired, cluster.context)

        answer = cluster.send(request)

        problems = list(USER.update_problems(live, desired, cluster.context))
        assert bool(problems) is not answer.is_fine
    finally:
        broker.rabbitmqctl("delete_user", "k_u")


def test_limits_of_a_user_go_with_its_import(cluster: Cluster) -> None:
    document: Row = {}
    USER.embed(document, row_of(USER, {"name": "k_u", "tags": [], "password_hash": HASH}))
    limits = row_of(KINDS["user_limit"], {"user": "k_u", "max-channels": 5})
    KINDS["user_limit"].embed(document, limits)

    assert cluster.upload(document).is_fine

    assert cluster.row(KINDS["user_limit"], ("k_u",)) == limits


def test_a_default_queue_type_that_cannot_be_changed_is_a_problem(cluster: Cluster) -> None:
    made = _declare(cluster, "vhost", {"name": V, "default_queue_type": "quorum"})
    live = cluster.row(VHOST, (V,))
    assert live is not None
    desired = VHOST.settle({**made, "default_queue_type": "stream"}, live, cluster.context)

    cluster.declare(VHOST, live, desired)

    found = cluster.row(VHOST, (V,))
    assert found is not None
    problems = list(VHOST.update_problems(live, desired, cluster.context))
    assert bool(problems) is (found["default_queue_type"] != "stream")


def test_a_protected_vhost_is_not_deleted(cluster: Cluster) -> None:
    entry = {"name": V, "protected_from_deletion": True}
    row = row_of(VHOST, entry)
    problems = list(VHOST.check(row, cluster.context))
    answers = [cluster.send(request) for request in VHOST.declare(None, row, cluster.context)]

    assert all(answer.is_fine for answer in answers) is not bool(problems)
    (request,) = VHOST.remove(row, ())
    assert cluster.send(request).status == (204 if problems else 412)


def test_tracing_outlives_its_vhost(cluster: Cluster) -> None:
    row = _declare(cluster, "vhost", {"name": V, "tracing": True})
    cluster.remove(VHOST, row)

    _declare(cluster, "vhost", {"name": V})

    found = cluster.row(VHOST, (V,))
    cluster.send(Request("PUT", ("vhosts", V), {"tracing": False}))
    assert found is not None
    assert found["tracing"] is True


def test_limits_that_limit_nothing_are_none(cluster: Cluster) -> None:
    _declare(cluster, "vhost", {"name": V})
    for value in ({}, {"max-queues": -1}, {"max-connections": -5, "max-queues": -1}):
        path = ("parameters", "vhost-limits", V, "limits")
        assert cluster.send(Request("PUT", path, {"value": value})).is_fine

        assert cluster.row(LIMITS, (V,)) is None


def test_topic_permissions_go_with_their_exchange_or_stay(cluster: Cluster) -> None:
    kind, exchange = KINDS["topic_permission"], KINDS["exchange"]
    _declare(cluster, "vhost", {"name": V})
    row = _declare(cluster, "exchange", {"vhost": V, "name": "k_x", "type": "topic"})
    rights = {"vhost": V, "user": "admin", "exchange": "k_x", "write": "a", "read": "b"}
    _declare(cluster, "topic_permission", rights)

    cluster.remove(exchange, row)

    stays = any(one["exchange"] == "k_x" for one in cluster.get("definitions")["topic_permissions"])
    if exchange.spares(cluster.context):
        assert stays, f"{kind.name} is said to be spared"
    else:
        assert stays is (not _at(cluster, 4, 3)), "Khepri, the only store from 4.3"


def test_objects_that_are_empty_are_stored_as_lists(cluster: Cluster) -> None:
    for value, stored in (({}, []), ([], []), ({"a": {}}, {"a": {}})):
        cluster.send(Request("PUT", ("global-parameters", "k_g"), {"value": value}))

        assert cluster.get("global-parameters", "k_g")["value"] == stored


def test_the_name_of_the_cluster_is_a_global_parameter(cluster: Cluster) -> None:
    _declare(cluster, "global_parameter", {"name": "cluster_name", "value": "k_name"})

    assert cluster.get("cluster-name")["name"] == "k_name"
