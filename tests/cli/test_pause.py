"""pause, resume and disown: what people say in the marker, and who obeys it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace

BASE = {"vhosts": [{"name": "shop"}], "queues": [{"vhost": "shop", "name": "qu.order"}]}
MORE = {**BASE, "queues": [*BASE["queues"], {"vhost": "shop", "name": "qu.more"}]}


def holds(found: Any) -> list[tuple[str, str]]:
    return [
        (one["address"], one["hold"] and one["hold"]["code"]) for one in found.cluster["changes"]
    ]


def said_of_stops(found: Any) -> list[str]:
    findings = found.cluster["findings"]
    return [one["message"] for one in findings if one["code"] == "RMQ112"]


def marker(broker: Broker, owner: str = "main") -> Any:
    with broker.management() as api:
        found = [
            one["value"]
            for one in api.get("global-parameters")
            if one["name"] == f"rmqsync.{owner}"
        ]
    return found[0] if found else None


def test_a_paused_cluster_is_left_alone_until_resume(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    workspace.define(BASE)
    workspace.commit()
    assert workspace.apply().code == 0
    workspace.define(MORE)
    workspace.commit()

    paused = workspace.run("pause", "one", "--reason", "maintenance of the site", "--for", "2h")
    planned = workspace.plan()
    held = workspace.apply()
    with broker.management() as api:
        names = [one["name"] for one in api.get("queues", "shop")]
    resumed = workspace.run("resume", "one")
    again = workspace.run("resume", "one")
    applied = workspace.apply()

    assert paused.code == 0, paused.err
    assert holds(planned) == [("queue:shop/qu.more", "paused")]
    hold = planned.cluster["changes"][0]["hold"]
    assert "maintenance of the site" in hold["reason"]
    assert hold["override"] == "rmqsync resume one"
    assert held.code == 3
    assert names == ["qu.order"]
    assert (resumed.code, resumed.out) == (0, "Cluster 'one' goes on.\n")
    assert again.out == "Cluster 'one' was neither paused nor pinned.\n"
    assert applied.code == 0
    assert marker(broker)["paused"] is None


def test_a_plan_without_changes_tells_of_a_pause(workspace: Workspace, r43: Broker) -> None:
    """Nothing is held then, so no change could say so."""
    workspace.cluster("one", r43)
    workspace.define(BASE)
    workspace.commit()
    assert workspace.apply().code == 0
    workspace.run("pause", "one", "--reason", "maintenance of the site", "--who", "ann")

    planned = workspace.plan()
    shown = workspace.run("plan")
    applied = workspace.apply()
    workspace.define(MORE)
    with_changes = workspace.plan()
    workspace.run("resume", "one")
    resumed = workspace.plan()

    assert planned.changes == []
    assert said_of_stops(planned) == [
        "one: the cluster is paused by ann: maintenance of the site; rmqsync resume one ends that; "
        "until then, what is committed waits"
    ]
    assert "note: one: the cluster is paused by ann: maintenance of the site" in shown.out
    assert shown.last_line.startswith("No changes.")
    assert applied.code == 0
    assert holds(with_changes) == [("queue:shop/qu.more", "paused")]
    assert said_of_stops(with_changes) == said_of_stops(resumed) == []


def test_a_pause_ends_by_itself(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)
    before = datetime.now(UTC)
    workspace.run("pause", "one", "--reason", "a short one", "--for", "1h")
    after = datetime.now(UTC)

    held = workspace.plan()
    paused = marker(r43)
    over = {**paused, "paused": {**paused["paused"], "until": "2026-01-01T00:00:00Z"}}
    with r43.management() as api:
        api.put("global-parameters", "rmqsync.main", body={"name": "rmqsync.main", "value": over})
    free = workspace.plan()
    workspace.run("disown", "one", "--auto-approve")

    until = datetime.fromisoformat(paused["paused"]["until"])
    an_hour, a_second = timedelta(hours=1), timedelta(seconds=1)
    assert before + an_hour - a_second <= until <= after + an_hour
    assert {code for _, code in holds(held)} == {"paused"}
    assert {code for _, code in holds(free)} == {None}


def test_who_paused_is_who_says_so(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    paused = workspace.run("pause", "one", "--reason", "peak", "--who", "ann")
    by = marker(r43)["paused"]["by"]
    for blank in ("", " "):
        refused = workspace.run("pause", "one", "--reason", "peak", "--who", blank)
        assert refused.code == 64
        assert "the name of who does it is empty" in refused.err
    workspace.run("disown", "one", "--auto-approve")

    assert (paused.code, by) == (0, "ann")


def test_a_pause_before_the_first_run_holds_as_well(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    workspace.run("pause", "one", "--reason", "not yet")
    held = workspace.apply()
    disowned = workspace.run("disown", "one", "--auto-approve")
    again = workspace.run("disown", "one", "--auto-approve")

    assert held.code == 3
    assert "is removed" in disowned.out
    assert "With it ends its pause (not yet): later runs apply what git says." in disowned.out
    assert "is not there" in again.out
    assert "ends" not in again.out
    assert marker(r43) is None


def test_disowned_objects_stay_and_are_unmanaged(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    workspace.define(MORE)
    workspace.commit()
    assert workspace.apply().code == 0

    workspace.run("disown", "one", "--auto-approve")
    workspace.define(BASE)
    workspace.commit()
    planned = workspace.plan()

    assert planned.changes == []
    assert "queue:shop/qu.more" in [one["address"] for one in planned.cluster["unmanaged"]]


def test_disown_asks_a_person(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    found = workspace.run("disown", "one")

    assert found.code == 64
    assert "--auto-approve" in found.err


@pytest.mark.parametrize("length", ["2", "0h", "h", "2 hours", "-1h"])
def test_a_pause_of_no_length_is_refused(workspace: Workspace, r43: Broker, length: str) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    found = workspace.run("pause", "one", "--reason", "x", f"--for={length}")

    assert found.code == 64
    assert marker(r43) is None


@pytest.mark.parametrize("reason", ["", " ", "x" * 5_000])
def test_a_pause_without_a_reason_that_can_be_kept_is_refused(
    workspace: Workspace, r43: Broker, reason: str
) -> None:
    """The variable in a pipeline is not set: the marker would be spoilt, and nothing run again."""
    workspace.cluster("one", r43)
    workspace.define(BASE)

    found = workspace.run("pause", "one", "--reason", reason)

    assert found.code == 64
    assert "error: the reason " in found.err
    assert marker(r43) is None


def test_nothing_of_it_is_written_where_the_mode_is_report(
    workspace: Workspace, broker: Broker
) -> None:
    workspace.cluster("one", broker)
    workspace.define(BASE)
    workspace.commit()
    assert workspace.apply().code == 0
    before = marker(broker)
    workspace.cluster("one", broker, mode="report")

    done = [
        workspace.run("pause", "one", "--reason", "maintenance"),
        workspace.run("resume", "one"),
        workspace.run("disown", "one", "--auto-approve"),
    ]

    assert [one.code for one in done] == [64] * 3
    assert all("has mode: report in the settings" in one.err for one in done)
    assert marker(broker) == before
