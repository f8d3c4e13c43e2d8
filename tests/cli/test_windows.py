"""Windows bind a run that asks nobody, and no person who says yes."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Outcome, Workspace

SHUT = {"cron": "0 0 29 2 *", "for": "1m"}
ALWAYS = {"cron": "* * * * *", "for": "10m"}
HOSTS = {"vhosts": [{"name": "shop"}]}
QUEUE = {**HOSTS, "queues": [{"vhost": "shop", "name": "qu.order"}]}
ADDRESS = "queue:shop/qu.order"


@pytest.fixture
def shop(workspace: Workspace, broker: Broker) -> Workspace:
    """A cluster to which the vhost was applied, and the queue was not yet."""
    workspace.cluster("one", broker)
    workspace.write(".gitignore", "*.plan\n")
    workspace.define(HOSTS)
    workspace.commit()
    assert workspace.apply().code == 0
    workspace.define(QUEUE)
    workspace.commit()
    return workspace


def windows(shop: Workspace, broker: Broker, *found: Any) -> None:
    shop.cluster("one", broker, windows=list(found))
    shop.commit()


def queues(broker: Broker) -> list[str]:
    with broker.management() as api:
        return [one["name"] for one in api.get("queues", "shop")]


def codes(found: Outcome) -> list[str]:
    return [one["hold"]["code"] for one in found.cluster["changes"] if one["hold"]]


def test_outside_of_all_windows_nothing_is_applied_without_asking(
    shop: Workspace, broker: Broker
) -> None:
    windows(shop, broker, SHUT)

    planned, held = shop.plan(), shop.apply()
    told = shop.run("apply", "--auto-approve")

    assert codes(planned) == []
    assert (held.code, codes(held)) == (3, ["window"])
    assert queues(broker) == []
    assert "waits for the window that opens 2028-02-29T00:00:00Z" in told.out
    assert "apply at a terminal, without --auto-approve" in " ".join(told.out.split())


def test_inside_of_one_window_it_is(shop: Workspace, broker: Broker) -> None:
    windows(shop, broker, SHUT, ALWAYS)

    assert shop.apply().code == 0
    assert queues(broker) == ["qu.order"]


def test_a_person_is_not_bound(
    shop: Workspace, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    windows(shop, broker, SHUT)
    monkeypatch.setattr("rmqsync.cli.output.is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))

    assert shop.run("apply").code == 0
    assert queues(broker) == ["qu.order"]


def test_a_saved_plan_waits_and_is_not_used_up(shop: Workspace, broker: Broker) -> None:
    windows(shop, broker, SHUT)
    assert shop.run("plan", "--out", "x.plan").code == 0

    held = shop.apply("x.plan")
    there = queues(broker)
    shop.cluster("one", broker, windows=[ALWAYS])
    applied = shop.apply("x.plan", "--allow-dirty")

    assert (held.code, codes(held), there) == (3, ["window"], [])
    assert applied.code == 0, applied.err
    assert queues(broker) == ["qu.order"]


def test_a_rollback_waits_too(shop: Workspace, broker: Broker) -> None:
    assert shop.apply().code == 0
    windows(shop, broker, SHUT)

    held = shop.run("rollback", "one", "HEAD~2", "--auto-approve", "--format", "json")

    assert (held.code, codes(held)) == (3, ["window"])
    assert "is not pinned" in held.err
    assert queues(broker) == ["qu.order"]
