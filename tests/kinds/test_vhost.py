from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.context import Context
from rmqsync.model.values import Row
from tests.kinds.cluster import row_of

VHOST = KINDS["vhost"]
OLD, MIDDLE, NEW = (Context(version=v) for v in ((3, 10, 8), (4, 0, 5), (4, 3, 6)))
LIVE: Row = {
    "name": "shop",
    "description": "Orders",
    "tags": ["a", "b"],
    "default_queue_type": "quorum",
    "tracing": False,
    "protected_from_deletion": False,
}


@pytest.mark.parametrize(
    ("entry", "row"),
    [
        pytest.param({}, {}, id="nothing declared"),
        pytest.param({"tags": "b, a,,b "}, {"tags": ["a", "b"]}, id="tags as one string"),
        pytest.param({"tags": ["b", "a", "b"]}, {"tags": ["a", "b"]}, id="tags are a set"),
        pytest.param({"default_queue_type": "undefined"}, {}, id="undefined is not set"),
        pytest.param({"default_queue_type": ""}, {}, id="neither is an empty one"),
        pytest.param(
            {"metadata": {"description": "m", "tags": "y,x", "default_queue_type": "stream"}},
            {"description": "m", "tags": ["x", "y"], "default_queue_type": "stream"},
            id="metadata alone",
        ),
        pytest.param(
            {"description": "top", "metadata": {"description": "m", "tags": ["x"]}},
            {"description": "top", "tags": ["x"]},
            id="the top level wins",
        ),
        pytest.param(
            {"description": None, "metadata": {"description": "m"}},
            {"description": "m"},
            id="null at the top is nothing",
        ),
        pytest.param(
            {"metadata": {"protected_from_deletion": True, "own": 1}},
            {"protected_from_deletion": True, "metadata": {"own": 1}},
            id="unknown metadata stay for a finding",
        ),
        pytest.param({"cluster_state": {"n": "running"}, "messages": 5}, {}, id="of a listing"),
    ],
)
def test_normal_form(entry: dict[str, Any], row: Row) -> None:
    assert row_of(VHOST, {"name": "shop", **entry}) == {"name": "shop", **row}


@pytest.mark.parametrize(
    "desired",
    [
        pytest.param({}, id="nothing declared"),
        pytest.param({"description": "Orders"}, id="one field"),
        pytest.param({"metadata": {"own": 1}}, id="metadata the broker does not keep"),
    ],
)
def test_what_is_not_declared_is_no_difference(desired: Row) -> None:
    assert VHOST.settle({"name": "shop", **desired}, LIVE, NEW) is LIVE


def test_protection_that_an_old_broker_cannot_have_is_off() -> None:
    live = {name: value for name, value in LIVE.items() if name != "protected_from_deletion"}

    assert VHOST.settle({"name": "shop", "protected_from_deletion": False}, live, OLD) is live


def test_a_put_says_everything_that_it_would_else_wipe() -> None:
    desired = VHOST.settle({"name": "shop", "description": "New"}, LIVE, NEW)

    assert VHOST.declare(LIVE, desired, NEW) == (
        Request(
            "PUT",
            ("vhosts", "shop"),
            {
                "description": "New",
                "tags": ["a", "b"],
                "default_queue_type": "quorum",
                "tracing": False,
            },
        ),
    )


def test_3_10_reads_the_default_queue_type_under_another_name() -> None:
    (request,) = VHOST.declare(None, {"name": "shop", "default_queue_type": "quorum"}, OLD)

    assert request.body == {
        "description": "",
        "tags": [],
        "default_queue_type": "quorum",
        "defaultqueuetype": "quorum",
    }


@pytest.mark.parametrize(
    ("before", "after", "method"),
    [
        pytest.param(None, True, "POST", id="made protected"),
        pytest.param(None, False, None, id="made without"),
        pytest.param(False, True, "POST", id="protected"),
        pytest.param(True, False, "DELETE", id="lifted"),
        pytest.param(True, True, None, id="stays protected"),
    ],
)
def test_protection_has_calls_of_its_own(
    before: bool | None, after: bool, method: str | None
) -> None:
    live = None if before is None else {**LIVE, "protected_from_deletion": before}
    desired = {**LIVE, "protected_from_deletion": after}

    _, *calls = VHOST.declare(live, desired, NEW)

    path = ("vhosts", "shop", "deletion", "protection")
    assert [(call.method, call.path) for call in calls] == ([(method, path)] if method else [])


@pytest.mark.parametrize(
    ("fields", "context", "codes"),
    [
        pytest.param({"protected_from_deletion": True}, MIDDLE, ["RMQ061"], id="4.0.5"),
        pytest.param({"protected_from_deletion": True}, NEW, [], id="4.3"),
        pytest.param({"protected_from_deletion": True}, Context(), [], id="version not known"),
        pytest.param({"protected_from_deletion": False}, OLD, [], id="off is fine anywhere"),
        pytest.param(
            {"default_queue_type": "quorum"}, Context(version=(3, 10, 7)), ["RMQ062"], id="3.10.7"
        ),
        pytest.param({"default_queue_type": "quorm"}, NEW, ["RMQ063"], id="no type of ours"),
        pytest.param({"metadata": {"own": 1}}, NEW, ["RMQ064"], id="not kept"),
        pytest.param({"name": ".."}, NEW, ["RMQ027"], id="not addressable"),
        pytest.param({"name": "ü" * 128}, NEW, ["RMQ023"], id="256 bytes"),
        pytest.param({"name": ""}, NEW, ["RMQ021"], id="no name"),
    ],
)
def test_problems(fields: Row, context: Context, codes: list[str]) -> None:
    found = [problem.code for problem in VHOST.check({"name": "shop", **fields}, context)]

    assert found == codes


@pytest.mark.parametrize(
    ("context", "codes"),
    [(OLD, ["RMQ065"]), (Context(version=(3, 11, 0)), []), (NEW, []), (Context(), [])],
)
def test_3_10_never_changes_the_default_queue_type(context: Context, codes: list[str]) -> None:
    desired = {**LIVE, "default_queue_type": "classic"}

    assert [p.code for p in VHOST.update_problems(LIVE, desired, context)] == codes
    assert not list(VHOST.update_problems(LIVE, LIVE, context))


def test_an_export_says_it_in_both_places() -> None:
    assert VHOST.to_export({**LIVE, "protected_from_deletion": True}) == {
        "name": "shop",
        "description": "Orders",
        "tags": ["a", "b"],
        "default_queue_type": "quorum",
        "tracing": False,
        "metadata": {
            "description": "Orders",
            "tags": ["a", "b"],
            "default_queue_type": "quorum",
            "protected_from_deletion": True,
        },
    }


def test_it_takes_down_everything_in_it() -> None:
    assert VHOST.takes_down == {kind.name for kind in KINDS if kind.in_vhost}
