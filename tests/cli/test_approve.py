"""approve: held changes go ahead in the next unattended run, once, as they were shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rmqsync.model.times import stamp
from tests.brokers import Broker
from tests.cli.workspace import Workspace

VHOST = {"vhosts": [{"name": "shop"}]}
BASE = {**VHOST, "queues": [{"vhost": "shop", "name": name} for name in ("qu.order", "qu.old")]}
LESS = {**VHOST, "queues": BASE["queues"][:1]}
OLD = "queue:shop/qu.old"


def holds(found: Any) -> dict[str, str | None]:
    return {one["address"]: one["hold"] and one["hold"]["code"] for one in found.cluster["changes"]}


def queues(broker: Broker) -> list[str]:
    with broker.management() as api:
        return sorted(one["name"] for one in api.get("queues", "shop"))


def fill(broker: Broker, name: str) -> None:
    with broker.management() as api:
        api.post(
            "exchanges",
            "shop",
            "amq.default",
            "publish",
            body={
                "properties": {},
                "routing_key": name,
                "payload": "x",
                "payload_encoding": "string",
            },
        )


@pytest.fixture
def held(workspace: Workspace, broker: Broker) -> Workspace:
    """A queue that is not declared any more, and holds a message."""
    workspace.cluster("one", broker)
    workspace.define(BASE)
    workspace.commit()
    assert workspace.apply("--adopt").code == 0
    fill(broker, "qu.old")
    workspace.define(LESS)
    workspace.commit()
    return workspace


def approve(workspace: Workspace, *arguments: str) -> Any:
    return workspace.run("approve", "one", *arguments, "--auto-approve")


def test_an_approved_change_goes_ahead_once(held: Workspace, broker: Broker) -> None:
    before = held.apply()
    given = approve(held, OLD, "--reason", "agreed with the shop", "--who", "ann")
    shown = held.plan()
    done = held.apply()
    after = queues(broker)
    with broker.management() as api:
        api.put("queues", "shop", "qu.old", body={"durable": True})
    fill(broker, "qu.old")
    held.define(BASE)
    held.commit()
    held.apply("--adopt")
    held.define(LESS)
    held.commit()
    again = held.apply()

    assert (before.code, holds(before)) == (3, {OLD: "loss"})
    assert given.code == 0, given.err
    assert holds(shown) == {OLD: None}
    assert any(
        "approved by ann" in one["message"] and "agreed with the shop" in one["message"]
        for one in shown.cluster["findings"]
    )
    assert done.code == 0, done.out
    assert after == ["qu.order"]
    assert (again.code, holds(again)) == (3, {OLD: "loss"})
    assert queues(broker) == ["qu.old", "qu.order"]


def test_an_approval_is_for_the_plan_that_was_shown(held: Workspace, broker: Broker) -> None:
    assert approve(held, OLD).code == 0
    held.define({**VHOST, "queues": [*LESS["queues"], {"vhost": "shop", "name": "qu.new"}]})
    held.commit()

    moved = held.apply()

    assert moved.code == 3
    assert holds(moved) == {OLD: "loss", "queue:shop/qu.new": None}
    assert "qu.old" in queues(broker)


def test_what_is_revoked_or_over_does_not_count(held: Workspace, broker: Broker) -> None:
    approve(held, OLD)
    revoked = held.run("approve", "one", "--revoke")
    first = held.apply()
    approve(held, OLD, "--for", "1s")
    held.monkeypatch.setattr("rmqsync.history.approvals._now", lambda: "2999-01-01T00:00:00Z")
    second = held.apply()

    assert revoked.out == "Approvals of cluster 'one' taken back: 1.\n"
    assert (first.code, second.code) == (3, 3)
    assert "qu.old" in queues(broker)


def test_with_windows_it_counts_until_the_next_one_is_over_unless_it_is_said(
    held: Workspace,
) -> None:
    now = datetime.now(UTC)
    opens = (now + timedelta(days=5)).replace(hour=2, minute=0, second=0, microsecond=0)
    window = {"cron": f"0 2 {opens.day} {opens.month} *", "for": "3h"}
    held.settings["clusters"]["one"]["windows"] = [window]
    held.save()

    given = approve(held, OLD)
    said = approve(held, OLD, "--for", "2h")

    assert given.out.startswith(f"Approved until {stamp(opens + timedelta(hours=3))}, for one run")
    assert said.out.removeprefix("Approved until ") < stamp(now + timedelta(hours=3))


def test_only_held_changes_can_be_approved(held: Workspace) -> None:
    held.settings["clusters"]["one"]["protect"] = ["queue:shop/qu.old"]
    held.save()

    protected = approve(held, OLD)
    unknown = approve(held, "queue:shop/qu.none")
    nothing = held.run("approve", "one")
    all_of_it = approve(held)

    assert protected.code == 64
    assert "is under `protect`" in protected.err
    assert unknown.code == 64
    assert "queue:shop/qu.none is not held" in unknown.err
    assert "no held change that can be approved" in nothing.out
    assert all_of_it.code == 64


def test_an_approval_of_another_plan_is_refused(held: Workspace) -> None:
    right = held.plan().cluster["fingerprint"]

    wrong = approve(held, OLD, "--fingerprint", "0" * 64)
    fitting = approve(held, OLD, "--fingerprint", right)

    assert wrong.code == 5
    assert fitting.code == 0, fitting.err


def test_adoption_can_be_approved_object_by_object(workspace: Workspace, r43: Broker) -> None:
    with r43.management() as api:
        api.put("vhosts", "shop", body={})
        for name in ("a", "b"):
            api.put(
                "policies", "shop", name, body={"pattern": name, "definition": {"max-length": 5}}
            )
    workspace.cluster("one", r43)
    policies = [
        {"vhost": "shop", "name": n, "pattern": n, "definition": {"max-length": 9}} for n in "ab"
    ]
    workspace.define({**VHOST, "policies": policies})
    workspace.commit()

    assert approve(workspace, "policy:shop/a").code == 0
    found = workspace.apply()
    with r43.management() as api:
        limits = {one["name"]: one["definition"]["max-length"] for one in api.get("policies")}

    assert found.code == 3
    assert limits == {"a": 9, "b": 5}


def test_it_cannot_be_used_where_that_cannot_be_written_down(
    held: Workspace, broker: Broker
) -> None:
    def fails(*_: object) -> bool:
        from rmqsync.model.errors import HistoryError

        raise HistoryError("no space left")

    approve(held, OLD)
    held.monkeypatch.setattr("rmqsync.history.approvals.ApprovalHistory.spend", fails)

    found = held.apply()

    assert found.code == 1
    assert "counts once" in str(found.cluster["error"])
    assert "qu.old" in queues(broker)
