from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row
from tests.kinds.cluster import row_of

OF_VHOST, OF_USER = KINDS["vhost_limit"], KINDS["user_limit"]
ANYWHERE = Context()


@pytest.mark.parametrize(
    ("entry", "limits"),
    [
        pytest.param({"max-connections": 5}, {"max-connections": 5}, id="one"),
        pytest.param({"max-connections": 0}, {"max-connections": 0}, id="none may connect"),
        pytest.param({"max-queues": -7}, {}, id="negative is any number"),
        pytest.param({"name": "limits", "value": {"max-queues": 3}}, {"max-queues": 3}, id="raw"),
        pytest.param(
            {"max-queues": 4, "value": {"max-queues": 3, "max-connections": 1}},
            {"max-queues": 4, "max-connections": 1},
            id="flat fields win",
        ),
        pytest.param({"max-queues": None, "max-connections": 1}, {"max-connections": 1}, id="null"),
    ],
)
def test_normal_form(entry: dict[str, Any], limits: Row) -> None:
    row = row_of(OF_VHOST, {"vhost": "v", **entry})

    assert row == {"vhost": "v", "max-connections": -1, "max-queues": -1, **limits}


@pytest.mark.parametrize("value", [{}, [], None])
def test_emptied_limits_are_no_object(value: Any) -> None:
    entry = OF_VHOST.shape({"vhost": "v", "name": "limits", "value": value})

    assert list(OF_VHOST.expand(entry)) == []


def test_an_entry_that_says_something_else_is_one() -> None:
    """A layer may take limits away: `state: absent`."""
    assert list(OF_USER.expand({"user": "u", "state": "absent"})) != []


def test_limits_that_limit_nothing_are_nothing() -> None:
    assert OF_USER.is_nothing(row_of(OF_USER, {"user": "u", "max-channels": -1}))
    assert not OF_USER.is_nothing(row_of(OF_USER, {"user": "u", "max-channels": 0}))


def _vhost(**limits: int) -> Row:
    return row_of(OF_VHOST, {"vhost": "v", **{n.replace("_", "-"): v for n, v in limits.items()}})


def _user(**limits: int) -> Row:
    return row_of(OF_USER, {"user": "u", **{n.replace("_", "-"): v for n, v in limits.items()}})


PATH = ("parameters", "vhost-limits", "v", "limits")


@pytest.mark.parametrize(
    ("live", "desired", "calls"),
    [
        pytest.param(
            None,
            _vhost(max_queues=5),
            [Request("PUT", PATH, {"value": {"max-queues": 5}})],
            id="made",
        ),
        pytest.param(
            _vhost(max_queues=5, max_connections=1),
            _vhost(max_connections=2),
            [Request("PUT", PATH, {"value": {"max-connections": 2}})],
            id="one call replaces all",
        ),
        pytest.param(
            _vhost(max_queues=5), _vhost(max_queues=-1), [Request("DELETE", PATH)], id="lifted"
        ),
        pytest.param(None, _vhost(max_queues=-1), [], id="nothing to make"),
    ],
)
def test_calls_for_a_vhost(live: Row | None, desired: Row, calls: list[Request]) -> None:
    assert list(OF_VHOST.declare(live, desired, ANYWHERE)) == calls


@pytest.mark.parametrize(
    ("live", "desired", "calls"),
    [
        pytest.param(
            None,
            _user(max_channels=5),
            [Request("PUT", ("user-limits", "u", "max-channels"), {"value": 5})],
            id="made",
        ),
        pytest.param(
            _user(max_channels=5, max_connections=1),
            _user(max_connections=1),
            [Request("DELETE", ("user-limits", "u", "max-channels"))],
            id="one removed, the other left",
        ),
        pytest.param(None, _user(max_channels=-1), [], id="nothing to make"),
    ],
)
def test_calls_for_a_user(live: Row | None, desired: Row, calls: list[Request]) -> None:
    assert list(OF_USER.declare(live, desired, ANYWHERE)) == calls


def test_removal_names_only_limits_that_are_set() -> None:
    assert OF_USER.remove(_user(max_channels=5), ()) == (
        Request("DELETE", ("user-limits", "u", "max-channels")),
    )


def test_a_document_holds_limits_of_users_with_their_user() -> None:
    document: Row = {"users": [{"name": "other"}, {"name": "u"}]}

    OF_USER.embed(document, _user(max_channels=5))
    OF_USER.embed(document, row_of(OF_USER, {"user": "other", "max-channels": -1}))

    assert document == {"users": [{"name": "other"}, {"name": "u", "limits": {"max-channels": 5}}]}


def test_limits_that_limit_nothing_are_in_no_document() -> None:
    document: Row = {}

    OF_VHOST.embed(document, _vhost(max_queues=-1))

    assert document == {}


@pytest.mark.parametrize("value", ["5", 1.5, True])
def test_a_raw_value_of_another_type_is_an_error(value: object) -> None:
    row = row_of(OF_VHOST, {"vhost": "v", "value": {"max-queues": value}})

    assert [problem.code for problem in OF_VHOST.check(row, ANYWHERE)] == ["RMQ082"]


def test_new_limits_may_lock_out() -> None:
    assert OF_VHOST.create_loss is OF_USER.create_loss is Loss.ACCESS
