"""What is said of a saved plan that does not fit any more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rmqsync.cli.planfile import check_same
from rmqsync.model.errors import StalePlan
from tests.brokers import Broker
from tests.cli.workspace import Workspace

PAUSED = {"code": "paused", "reason": "the cluster is paused by ann: incident"}
PROTECTED = {"code": "protected", "reason": "it is under `protect`"}


def change(address: str, **fields: Any) -> dict[str, Any]:
    found = {"address": address, "action": "delete", "fields": [], "loss": "routing", "hold": None}
    return found | fields


def plan(fingerprint: str, *changes: dict[str, Any]) -> dict[str, Any]:
    cluster = {"name": "one", "error": None, "fingerprint": fingerprint, "changes": list(changes)}
    return {"clusters": [cluster]}


A, B = "queue:v/a", "queue:v/b"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        pytest.param([change(A)], [], f"{A} moved since it was made", id="it is done"),
        pytest.param([change(A)], [change(A, action="replace")], f"{A} moved", id="another action"),
        pytest.param(
            [change(A), change(B)],
            [change(A, hold=PAUSED), change(B, hold=PAUSED)],
            f"{A}, {B}: held now, the cluster is paused by ann: incident",
            id="paused",
        ),
        pytest.param(
            [change(A, hold=PROTECTED)], [change(A)], f"{A}: not held any more", id="let go"
        ),
        pytest.param(
            [change(A), change(B)],
            [change(B, hold=PROTECTED)],
            f"{A} moved since it was made, {B}: held now, it is under `protect`",
            id="both",
        ),
        pytest.param([change(A)], [change(A, loss="messages")], f"{A} moved", id="it costs more"),
        pytest.param([change(A)], [change(A)], "the order of changes", id="nothing else"),
    ],
)
def test_what_moved_is_told_from_what_is_held(
    before: list[dict[str, Any]], after: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(StalePlan) as found:
        check_same(plan("x", *before), plan("y", *after))

    assert f"nothing was done: one: {told}" in str(found.value)


def test_a_plan_of_before_a_pause_names_the_pause(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.write(".gitignore", "*.plan\n")
    workspace.define({"vhosts": [{"name": "shop"}]})
    workspace.commit()
    assert workspace.apply().code == 0
    workspace.define({"vhosts": [{"name": "shop", "description": "of all goods"}]})
    workspace.commit()
    workspace.run("plan", "--out", "saved.plan")
    workspace.run("pause", "one", "--reason", "incident")

    stale = workspace.run("apply", "--auto-approve", "saved.plan")

    assert stale.code == 5
    assert "vhost:shop: held now, the cluster is paused" in stale.err


def test_the_vhost_of_the_lock_stays(workspace: Workspace, r43: Broker) -> None:
    """Without it no run has a lock any more, and this one would lose its own."""
    workspace.cluster("one", r43, lock={"vhost": "locks"}, amqp=[r43.amqp_url])
    both = [{"name": "locks"}, {"name": "shop"}]
    with r43.management() as api:
        api.put("vhosts", "locks", body={})
    workspace.define({"vhosts": both})
    workspace.commit()
    assert workspace.apply("--adopt").code == 0
    workspace.define({"vhosts": both[1:]})
    workspace.commit()

    held = workspace.apply("--allow-loss", "everything:vhost:locks")

    assert held.code == 3, held.out
    assert held.cluster["changes"][0]["hold"]["code"] == "protected"
    assert "lock.vhost" in held.cluster["changes"][0]["hold"]["reason"]


def test_a_file_that_was_changed_is_shown_and_not_applied(
    workspace: Workspace, r43: Broker
) -> None:
    """It would be planned again and come out the same, but who reads it would see less."""
    workspace.cluster("one", r43)
    workspace.write(".gitignore", "*.plan\n")
    workspace.define({"vhosts": [{"name": "shop"}, {"name": "stock"}]})
    workspace.commit()
    workspace.run("plan", "--out", "saved.plan")
    saved = json.loads((workspace.folder / "saved.plan").read_text())
    saved["clusters"][0]["changes"].pop()
    workspace.write("saved.plan", json.dumps(saved))

    shown = workspace.run("show", "saved.plan", "--format", "json")
    refused = workspace.run("apply", "--auto-approve", "saved.plan")

    assert shown.code == 0
    assert [one["address"] for one in shown.cluster["changes"]] == ["vhost:shop"]
    assert "warning: saved.plan was changed after it was written" in shown.err
    assert "apply refuses it" in shown.err
    assert refused.code == 1
    assert "saved.plan was changed after it was written" in refused.err
    assert "make the plan again" in refused.err
    with r43.management() as api:
        assert "shop" not in [one["name"] for one in api.get("vhosts")]
