"""What logs in as a user that goes is named."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Finding, Severity
from rmqsync.planning.logins import lost_logins
from tests.planning.builders import desired_of, rows, vhost

SECRETS = {"link": "amqps://fed:pw@far:5671/v", "other": "amqp://other@far"}


def upstream(uri: Any, name: str = "up") -> tuple[str, dict[str, Any]]:
    return "federation_upstream", {"vhost": "v", "name": name, "uri": uri}


def told(found: Rows, *more: Change, live: Rows | None = None) -> list[Finding]:
    user = Ref("user", ("fed",))
    gone = Change(Action.DELETE, user, {"name": "fed"}, None)
    context = Context(secret=SECRETS.get)
    return list(lost_logins([gone, *more], desired_of(found), live or {}, context, KINDS))


@pytest.mark.parametrize(
    ("uri", "is_told"),
    [
        ("amqp://fed@far", True),
        ("amqp://f%65d:pw@far/v", True),
        (["amqp://other@far", "amqp://fed@near"], True),
        ({"secret": "link"}, True),
        ({"secret": "other"}, False),
        ({"secret": "unset"}, False),
        ("amqp://fed", False),
        ("amqp://other:fed@far", False),
        ("amqp://[fed@x", False),
    ],
)
def test_a_uri_that_names_the_user(uri: Any, is_told: bool) -> None:
    found = told(rows(vhost(), upstream(uri)))

    assert [one.code for one in found] == (["RMQ119"] if is_told else [])


def test_it_says_what_logs_in_and_no_password() -> None:
    (found,) = told(rows(vhost(), upstream({"secret": "link"}), upstream("amqp://fed:s3@x", "b")))

    assert found.severity is Severity.WARNING
    assert found.message.startswith(
        "federation_upstream:v/b, federation_upstream:v/up log in as user 'fed', which goes: "
    )
    assert "s3" not in str(found)
    assert "pw" not in str(found)


def test_what_is_there_counts_and_what_goes_does_not() -> None:
    live = rows(upstream("amqp://fed@far"))
    ((key, row),) = live["federation_upstream"].items()
    gone = Change(Action.DELETE, Ref("federation_upstream", key), row, None)

    assert [one.code for one in told({}, live=live)] == ["RMQ119"]
    assert told({}, gone, live=live) == []
