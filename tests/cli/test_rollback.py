"""rollback: the way back as a guarded plan, and the pin that keeps runs from undoing it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.brokers import Broker
from tests.cli.workspace import Outcome, Workspace


def definitions(length: int, *queues: str) -> dict[str, Any]:
    return {
        "vhosts": [{"name": "shop"}],
        "policies": [
            {
                "vhost": "shop",
                "name": "limits",
                "pattern": "^qu[.]",
                "apply-to": "queues",
                "definition": {"max-length": length},
            }
        ],
        "queues": [{"vhost": "shop", "name": name} for name in queues],
    }


def names(broker: Broker) -> list[str]:
    with broker.management() as api:
        return sorted(one["name"] for one in api.get("queues", "shop"))


def length(broker: Broker) -> int:
    with broker.management() as api:
        found: int = api.get("policies", "shop", "limits")["definition"]["max-length"]
        return found


def fill(broker: Broker, queue: str) -> None:
    """Publish a message into a queue."""
    with broker.management() as api:
        message = {"routing_key": queue, "payload": "x", "payload_encoding": "string"}
        api.post("exchanges", "shop", "amq.default", "publish", body={**message, "properties": {}})


def two_runs(workspace: Workspace, broker: Broker) -> tuple[str, Outcome]:
    """Apply two commits; return the first and the outcome of the second."""
    workspace.cluster("one", broker)
    workspace.define(definitions(1000, "qu.order"))
    first = workspace.commit()
    assert workspace.apply().code == 0
    workspace.define(definitions(2000, "qu.order", "qu.mail"))
    workspace.commit()
    done = workspace.apply()
    assert done.code == 0
    return first, done


def rollback(workspace: Workspace, to: str, *arguments: str) -> Outcome:
    return workspace.run("rollback", "one", to, "--auto-approve", "--format", "json", *arguments)


def test_the_way_back_to_a_revision_is_pinned_until_resume(
    workspace: Workspace, broker: Broker
) -> None:
    first, _ = two_runs(workspace, broker)

    back = rollback(workspace, first)
    held = workspace.apply()
    there = (names(broker), length(broker))
    at_rest = workspace.plan("--revision", first)
    workspace.run("resume", "one")
    behind = workspace.plan()
    forth = workspace.apply()

    assert back.code == 0, back.out
    assert sorted(back.changes) == [
        ("delete", "queue:shop/qu.mail"),
        ("update", "policy:shop/limits"),
    ]
    assert there == (["qu.order"], 1000)
    assert held.code == 3
    assert {one["hold"]["code"] for one in held.cluster["changes"]} == {"paused"}
    assert at_rest.changes == []
    (pinned,) = [one for one in at_rest.cluster["findings"] if one["code"] == "RMQ112"]
    assert "the cluster is pinned" in pinned["message"]
    assert "rolled back to" in held.cluster["changes"][0]["hold"]["reason"]
    assert {one["cause"] for one in behind.cluster["changes"]} == {"git"}
    assert forth.code == 0
    assert (names(broker), length(broker)) == (["qu.mail", "qu.order"], 2000)


def test_a_backup_is_the_way_back_as_well(workspace: Workspace, broker: Broker) -> None:
    _, done = two_runs(workspace, broker)
    workspace.cluster("one", broker, ignore=["queue:shop/qu.order"])
    backup = done.cluster["backup"]
    assert Path(backup).is_file()

    back = rollback(workspace, backup)

    assert back.code == 0, back.out
    assert (names(broker), length(broker)) == (["qu.order"], 1000)
    # Nobody wrote it: it holds the broker's own objects, the user that rmqsync logs in as, and what
    # is ignored. And it would be wrong that nothing is deleted because it is not declared.
    assert back.cluster["findings"] == []
    assert workspace.apply().code == 3


def test_what_holds_messages_stays(workspace: Workspace, r43: Broker) -> None:
    first, _ = two_runs(workspace, r43)
    fill(r43, "qu.mail")

    back = rollback(workspace, first)
    allowed = rollback(workspace, first, "--allow-loss", "messages:queue:shop/qu.mail")

    assert back.code == 3
    assert back.cluster["changes"][-1]["hold"]["code"] == "loss"
    assert allowed.code == 0, allowed.out
    assert names(r43) == ["qu.order"]


def test_a_revision_that_is_none_is_an_error(workspace: Workspace, r43: Broker) -> None:
    two_runs(workspace, r43)

    back = rollback(workspace, "no-such-thing")

    assert back.code == 1
    assert "no-such-thing" in back.err
    assert names(r43) == ["qu.mail", "qu.order"]


def test_the_history_calls_it_a_rollback(workspace: Workspace, r43: Broker) -> None:
    first, _ = two_runs(workspace, r43)
    rollback(workspace, first)

    listed = workspace.run("history", "--format", "json")

    assert [one["action"] for one in listed.document["runs"]] == ["rollback", "apply", "apply"]


def test_a_way_back_that_is_held_as_a_whole_is_pinned_all_the_same(
    workspace: Workspace, r43: Broker
) -> None:
    """Else the next run would go further away from where people want to be."""
    workspace.cluster("one", r43)
    for queues in (["qu.order"], ["qu.order", "qu.mail"]):
        workspace.define(definitions(1000, *queues))
        workspace.commit()
        assert workspace.apply().code == 0
    fill(r43, "qu.mail")

    back = rollback(workspace, "HEAD~1")
    workspace.define(definitions(3000, "qu.order", "qu.mail"))
    workspace.commit()
    held = workspace.apply()

    assert back.code == 3
    assert [one["result"] for one in back.cluster["changes"]] == ["skipped"]
    assert {one["hold"]["code"] for one in held.cluster["changes"]} == {"paused"}
    first = workspace.git("rev-parse", "HEAD~2")
    assert f"rolled back to HEAD~1, commit {first[:12]}" in held.out


def test_a_way_back_that_is_refused_says_that_nothing_is_pinned(
    workspace: Workspace, r43: Broker
) -> None:
    first, _ = two_runs(workspace, r43)
    workspace.cluster("one", r43, nodes=["rabbit@away"])

    back = rollback(workspace, first, "--timeout", "5", "--lock-timeout", "0")

    assert back.code == 3
    assert "cluster 'one' is not pinned, since nothing was written" in back.err
    assert length(r43) == 2000


def test_after_a_backup_people_are_told_that_nothing_is_known(
    workspace: Workspace, r43: Broker
) -> None:
    _, done = two_runs(workspace, r43)
    assert rollback(workspace, done.cluster["backup"]).code == 0
    workspace.run("resume", "one")

    assert "RMQ110" in [one["code"] for one in workspace.plan().cluster["findings"]]
    assert workspace.apply().code == 0
    assert "RMQ110" not in [one["code"] for one in workspace.plan().cluster["findings"]]


def test_what_was_held_is_still_to_go_after_the_way_back_to_a_backup(
    workspace: Workspace, broker: Broker
) -> None:
    """The backup has it since it was held: that is no word of git's that it is to stay."""
    two_runs(workspace, broker)
    fill(broker, "qu.mail")
    workspace.define(definitions(3000, "qu.order"))
    workspace.commit()
    done = workspace.apply()
    assert done.code == 3

    back = rollback(workspace, done.cluster["backup"])
    workspace.run("resume", "one")
    forth = workspace.apply("--allow-loss", "messages:queue:shop/qu.mail")

    assert back.changes == [("update", "policy:shop/limits")]
    assert forth.code == 0, forth.out
    assert ("delete", "queue:shop/qu.mail") in forth.changes
    assert names(broker) == ["qu.order"]


def test_what_a_backup_has_no_place_for_is_to_be_done_by_hand(
    workspace: Workspace, r43: Broker
) -> None:
    """`on_change: recreate` is a line of the definitions, and a backup has none."""
    two_runs(workspace, r43)
    found = definitions(2000, "qu.order", "qu.mail")
    found["queues"][0] |= {"on_change": "recreate", "arguments": {"x-max-length": 5}}
    workspace.define(found)
    workspace.commit()
    done = workspace.apply()
    assert done.code == 0, done.out

    back = rollback(workspace, done.cluster["backup"])

    (hold,) = [one["hold"] for one in back.cluster["changes"]]
    assert (hold["code"], hold["override"]) == (
        "on-change",
        "delete it by hand, with all that is in it, then roll back again",
    )
