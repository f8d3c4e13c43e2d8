"""Whose change it is, through the command line: git, a marker on a real broker, and hands on it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker
from tests.cli.workspace import GIT, Outcome, Workspace
from tests.conftest import BrokerSource

VHOST = {"vhosts": [{"name": "shop"}]}
ORDER = {"vhost": "shop", "name": "qu.order"}
QUORUM, CLASSIC = {"default_queue_type": "quorum"}, {"default_queue_type": "classic"}
MAIL = {"vhost": "shop", "name": "qu.mail"}


@pytest.fixture(autouse=True)
def git_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)


def policy(length: int, **more: Any) -> dict[str, Any]:
    return {
        "vhost": "shop",
        "name": "limits",
        "pattern": "^none$",
        "apply-to": "queues",
        "definition": {"max-length": length, **more},
    }


def by_hand(broker: Broker, found: dict[str, Any]) -> None:
    """Change a policy as a person would, on the management page."""
    body = {key: value for key, value in found.items() if key not in ("vhost", "name")}
    with broker.management() as api:
        api.put("policies", "shop", "limits", body=body)


def make(broker: Broker, queue: str, **fields: Any) -> None:
    with broker.management() as api:
        api.put("queues", "shop", queue, body={"durable": True, **fields})


def drop(broker: Broker, queue: str) -> None:
    with broker.management() as api:
        api.delete("queues", "shop", queue)


def queues(broker: Broker) -> list[str]:
    with broker.management() as api:
        return sorted(one["name"] for one in api.get("queues", "shop"))


def definition(broker: Broker) -> dict[str, Any]:
    with broker.management() as api:
        found: dict[str, Any] = api.get("policies", "shop", "limits")["definition"]
        return found


def marker(broker: Broker, owner: str = "main") -> Any:
    with broker.management() as api:
        return api.get("global-parameters", f"rmqsync.{owner}")["value"]


def set_marker(broker: Broker, value: Any, owner: str = "main") -> None:
    with broker.management() as api:
        body = {"name": f"rmqsync.{owner}", "value": value}
        api.put("global-parameters", f"rmqsync.{owner}", body=body)


def told(found: Outcome) -> list[tuple[str, str, str, str | None]]:
    """Return (action, address, cause, code of the hold) of each change."""
    return [
        (one["action"], one["address"], one["cause"], one["hold"] and one["hold"]["code"])
        for one in found.cluster["changes"]
    ]


def applied(workspace: Workspace, document: dict[str, Any], *arguments: str) -> str:
    """Commit definitions and apply them; return the commit."""
    workspace.define(document)
    commit = workspace.commit()
    done = workspace.apply(*arguments)
    assert done.code == 0, done.out + done.err
    return commit


# The table of the design, row by row.


def test_what_is_equal_is_taken_into_ownership_silently(
    workspace: Workspace, broker: Broker
) -> None:
    workspace.cluster("one", broker)
    applied(workspace, VHOST)
    make(broker, "qu.order")
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    same = workspace.apply()
    workspace.define(VHOST)
    workspace.commit()
    removed = workspace.plan()

    assert (same.code, told(same)) == (0, [])
    assert told(removed) == [("delete", "queue:shop/qu.order", "git", None)]


def test_a_creation_is_gits(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    planned = workspace.plan()

    assert [(action, cause, hold) for action, _, cause, hold in told(planned)] == [
        ("create", "git", None),
        ("create", "git", None),
    ]


def test_what_was_there_first_is_adopted_once(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    with broker.management() as api:
        api.put("vhosts", "shop", body={})
    by_hand(broker, policy(5))
    workspace.define({**VHOST, "policies": [policy(10)], "queues": [ORDER]})
    workspace.commit()

    planned = workspace.plan()
    held = workspace.apply()
    between = definition(broker)
    adopted = workspace.apply("--adopt")
    workspace.define({**VHOST, "policies": [policy(20)], "queues": [ORDER]})
    workspace.commit()
    later = workspace.apply()

    assert ("update", "policy:shop/limits", "unknown", "adoption") in told(planned)
    assert planned.cluster["changes"][-1]["hold"] is None
    assert held.code == 3
    assert between == {"max-length": 5}
    assert queues(broker) == ["qu.order"]
    assert adopted.code == 0, adopted.out
    assert later.code == 0
    assert definition(broker) == {"max-length": 20}


def test_drift_is_reported_and_left_alone(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    commit = applied(workspace, {**VHOST, "policies": [policy(10)]})
    by_hand(broker, policy(5))

    planned = workspace.plan()
    drift = workspace.run("drift", "--format", "json", "--detailed-exitcode")
    text = workspace.run("plan").out
    left = workspace.apply()

    assert told(planned) == [("update", "policy:shop/limits", "drift", "drift")]
    assert (drift.code, told(drift)) == (2, told(planned))
    assert "Note: Objects have changed outside of rmqsync" in text
    assert "definition.max-length was 10, now 5" in text
    assert f"since the run of commit {commit[:12]} at " in text
    assert left.code == 0
    assert definition(broker) == {"max-length": 5}


def test_drift_that_a_run_left_alone_is_not_said_to_be_newer(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "policies": [policy(10)]})
    by_hand(r43, policy(5))

    later = applied(workspace, {**VHOST, "policies": [policy(10)], "queues": [ORDER]})
    text = workspace.run("plan").out

    (line,) = (one for one in text.splitlines() if one.startswith("On cluster one"))
    assert f"since the run of commit {later[:12]} at " in line
    assert line.endswith("Z, or left as it was by that:")


def test_drift_is_healed_where_the_settings_say_so(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker, on_drift="heal")
    applied(workspace, {**VHOST, "policies": [policy(10)]})
    by_hand(broker, policy(5))

    healed = workspace.apply()

    assert told(healed) == [("update", "policy:shop/limits", "drift", None)]
    assert healed.code == 0
    assert definition(broker) == {"max-length": 10}


def test_what_was_deleted_by_hand_is_made_again(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    drop(broker, "qu.order")

    done = workspace.apply()

    assert told(done) == [("create", "queue:shop/qu.order", "drift", None)]
    assert queues(broker) == ["qu.order"]


def test_a_change_in_git_and_drift_of_one_object_are_told_apart(
    workspace: Workspace, broker: Broker
) -> None:
    workspace.cluster("one", broker)
    applied(workspace, {**VHOST, "policies": [policy(10, expires=1000)]})
    by_hand(broker, policy(5, expires=1000))
    workspace.define({**VHOST, "policies": [policy(10, expires=2000)]})
    workspace.commit()

    done = workspace.apply()
    after = workspace.plan()

    (change,) = done.cluster["changes"]
    assert done.code == 0, done.out
    assert [(one["path"], one["cause"]) for one in change["fields"]] == [
        (["definition", "expires"], "git")
    ]
    assert [(one["path"], one["cause"]) for one in change["left"]] == [
        (["definition", "max-length"], "drift")
    ]
    assert definition(broker) == {"max-length": 5, "expires": 2000}
    assert told(after) == [("update", "policy:shop/limits", "drift", "drift")]


def test_all_three_values_are_shown_where_both_changed(
    workspace: Workspace, broker: Broker
) -> None:
    workspace.cluster("one", broker)
    applied(workspace, {**VHOST, "policies": [policy(10)]})
    by_hand(broker, policy(5))
    workspace.define({**VHOST, "policies": [policy(20)]})
    workspace.commit()

    planned = workspace.plan()

    (change,) = planned.cluster["changes"]
    assert told(planned) == [("update", "policy:shop/limits", "both", "drift")]
    assert [(one["last"], one["before"], one["after"]) for one in change["fields"]] == [(10, 5, 20)]


@pytest.mark.parametrize("generation", ["r40", "r43"])  # before, nobody tells a vhost's default
def test_a_queue_whose_vhost_has_another_default_in_git_is_gits(
    workspace: Workspace, empty_broker: BrokerSource, generation: str
) -> None:
    workspace.cluster("one", empty_broker(generation))
    applied(workspace, {"vhosts": [{"name": "shop", **QUORUM}], "queues": [ORDER, MAIL]})
    workspace.define({"vhosts": [{"name": "shop", **CLASSIC}], "queues": [ORDER]})
    workspace.commit()

    planned = workspace.plan()
    run = workspace.apply("--allow-loss", "messages:queue:shop/qu.mail")

    held = ("replace", "queue:shop/qu.order", "git", "on-change")
    assert sorted(told(planned)) == [
        ("delete", "queue:shop/qu.mail", "git", "loss"),
        held,
        ("update", "vhost:shop", "git", None),
    ]
    assert run.code == 3
    assert [one["result"] for one in run.cluster["changes"] if not one["hold"]] == ["applied"] * 2
    assert told(workspace.plan()) == [held]


def test_what_git_no_longer_declares_is_deleted(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    make(broker, "by.hand")
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    done = workspace.apply()

    assert told(done) == [("delete", "queue:shop/qu.mail", "git", None)]
    assert queues(broker) == ["by.hand", "qu.order"]
    assert "queue:shop/by.hand" in [one["address"] for one in done.cluster["unmanaged"]]


def test_never_prune_makes_it_unmanaged(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43, prune="never")
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    applied(workspace, {**VHOST, "queues": [ORDER]})

    assert queues(r43) == ["qu.mail", "qu.order"]


def test_what_somebody_altered_is_not_deleted(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    applied(workspace, {**VHOST, "policies": [policy(10)]})
    by_hand(broker, policy(5))
    workspace.define(VHOST)
    workspace.commit()

    held = workspace.apply()
    again = workspace.plan()
    text = workspace.run("plan").out

    assert told(held) == [("delete", "policy:shop/limits", "both", "altered")]
    assert "definition.max-length was 10, now 5, not declared any more\n" in text
    assert held.code == 3
    assert definition(broker) == {"max-length": 5}
    assert told(again) == told(held)


# The bullets.


def test_a_rotated_secret_is_gits_and_a_password_changed_by_hand_is_drift(
    workspace: Workspace, broker: Broker
) -> None:
    workspace.cluster("one", broker)
    workspace.secret("crm", "first password")
    users = [{"name": "crm", "password": {"secret": "crm"}, "tags": []}]
    applied(workspace, {"users": users})

    workspace.secret("crm", "second password")
    rotated = workspace.apply()
    with broker.management() as api:
        api.put("users", "crm", body={"password": "by hand", "tags": ""})
    changed = workspace.plan()
    shown = workspace.run("plan")

    assert told(rotated) == [("update", "user:crm", "git", None)]
    assert rotated.code == 0, rotated.out
    assert told(changed) == [("update", "user:crm", "drift", "drift")]
    for found in (rotated, changed):  # and not the hash and its algorithm, as the broker keeps it
        (change,) = found.cluster["changes"]
        assert [one["path"] for one in change["fields"]] == [["password"]]
    assert "user 'crm': password changed (sensitive)" in shown.out
    assert "hash" not in shown.out
    for text in (rotated.out, changed.out, str(marker(broker))):
        assert 'password"' not in text.replace('"password"', "")
        assert "by hand" not in text


def test_a_squash_after_the_apply_changes_nothing(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, VHOST)
    base = workspace.git("rev-parse", "HEAD")
    applied(workspace, {**VHOST, "queues": [ORDER]})
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    workspace.git("reset", "-q", "--soft", base)
    workspace.commit("all in one")
    workspace.git("reflog", "expire", "--expire=now", "--all")
    workspace.git("gc", "-q", "--prune=now")
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    done = workspace.apply()

    assert told(done) == [("delete", "queue:shop/qu.mail", "git", None)]
    assert done.code == 0


def test_a_squash_of_what_is_still_at_hand_is_told_and_settled(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, VHOST)
    base = workspace.git("rev-parse", "HEAD")
    applied(workspace, {**VHOST, "queues": [ORDER]})
    last = applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    workspace.git("reset", "-q", "--soft", base)
    squashed = workspace.commit("all in one")

    told_of = workspace.apply()
    kept = marker(r43)["applied"]["commit"]
    settled = workspace.apply("--allow-rewind")
    moved = marker(r43)["applied"]["commit"]
    quiet = workspace.plan()
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()
    after = workspace.apply()

    (finding,) = told_of.cluster["findings"]
    assert (finding["code"], finding["severity"]) == ("RMQ118", "note")
    assert f"same as commit {last[:12]}" in finding["message"]
    assert "apply --allow-rewind" in finding["message"]
    assert (told_of.code, kept) == (0, last)
    assert (settled.code, settled.cluster["findings"], moved) == (0, [], squashed)
    assert quiet.cluster["findings"] == []
    assert (told(after), after.code) == ([("delete", "queue:shop/qu.mail", "git", None)], 0)


def test_a_run_that_heals_is_the_last_one_from_then_on(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43, on_drift="heal")
    applied(workspace, {**VHOST, "policies": [policy(10)]})
    before = marker(r43)["applied"]
    by_hand(r43, policy(5))
    workspace.write("README.md", "nothing that counts")
    commit = workspace.commit()

    healed = workspace.apply()
    after = marker(r43)["applied"]
    by_hand(r43, policy(6))
    last = workspace.plan().cluster["last_applied"]

    assert told(healed) == [("update", "policy:shop/limits", "drift", None)]
    assert after["commit"] == last["commit"] == commit
    assert last["at"] == after["at"]
    assert after["run"] not in (None, before["run"])


def test_a_force_push_to_an_older_commit_is_held(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    first = applied(workspace, {**VHOST, "queues": [ORDER]})
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    workspace.git("reset", "-q", "--hard", first)

    held = workspace.apply()
    rewound = workspace.apply("--allow-rewind")

    assert told(held) == [("delete", "queue:shop/qu.mail", "git", "not-ahead")]
    assert held.code == 3
    assert rewound.code == 0, rewound.out
    assert queues(broker) == ["qu.order"]
    assert marker(broker)["applied"]["commit"] == first


def test_a_revert_is_a_change_like_any_other(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    workspace.git("revert", "--no-edit", "HEAD")

    done = workspace.apply()

    assert told(done) == [("delete", "queue:shop/qu.mail", "git", None)]
    assert done.code == 0


def test_an_old_clone_does_not_undo_what_it_does_not_know(
    workspace: Workspace, r43: Broker, tmp_path: Path
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(workspace.folder), str(clone)], check=True)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    other = Workspace(clone, workspace.capsys, workspace.monkeypatch, workspace.settings)
    workspace.monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))

    held = other.apply()
    by_force = other.plan()

    assert {hold for *_, hold in told(held)} <= {"not-ahead"}
    assert queues(r43) == ["qu.mail", "qu.order"]
    assert "delete" not in {action for action, *_ in told(by_force)}
    assert any("cannot be read" in one["message"] for one in held.cluster["findings"])


def test_a_shallow_clone_says_what_it_lacks(
    workspace: Workspace, r43: Broker, tmp_path: Path
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()
    clone = tmp_path / "clone"
    url = workspace.folder.as_uri()
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, str(clone)], check=True)
    other = Workspace(clone, workspace.capsys, workspace.monkeypatch, workspace.settings)
    workspace.monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another machine"))

    held = other.apply()
    subprocess.run(["git", "-C", str(clone), "fetch", "-q", "--unshallow"], check=True)
    done = other.apply()

    assert told(held) == []
    assert any("--unshallow" in one["message"] for one in held.cluster["findings"])
    assert told(done) == [("delete", "queue:shop/qu.mail", "git", None)]
    assert done.code == 0


def test_a_folder_without_git_deletes_nothing(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define({**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    assert workspace.apply().code == 0
    workspace.define({**VHOST, "queues": [ORDER], "policies": [policy(20)]})

    done = workspace.apply()

    assert told(done) == [("update", "policy:shop/limits", "unknown", None)]
    assert done.code == 0
    assert queues(r43) == ["qu.mail", "qu.order"]


def test_what_was_applied_dirty_is_known_once_it_is_committed(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    workspace.define({**VHOST, "queues": [ORDER, MAIL]})
    refused = workspace.apply()
    dirty = workspace.apply("--allow-dirty")
    workspace.commit()
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    done = workspace.apply()

    assert refused.code == 1
    assert dirty.code == 0, dirty.out
    assert told(done) == [("delete", "queue:shop/qu.mail", "git", None)]


def test_without_its_marker_nothing_is_ours(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    with r43.management() as api:
        api.delete("global-parameters", "rmqsync.main")
    workspace.define({**VHOST, "queues": [ORDER], "policies": [policy(20)]})
    workspace.commit()

    held = workspace.apply()

    assert told(held) == [("update", "policy:shop/limits", "unknown", "adoption")]
    assert queues(r43) == ["qu.mail", "qu.order"]


@pytest.mark.parametrize(
    "broken",
    [
        {"format": 2},
        {"cluster": "another"},
        {"members": ["rabbit@elsewhere"]},
        {"repository": "0" * 40},
        {"applied": {"commit": "../../etc", "tree": "x"}},
        {"secrets": [1]},
        {"scope": "all"},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_a_foreign_marker_holds_everything(
    workspace: Workspace, r43: Broker, broken: dict[str, Any]
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL]})
    set_marker(r43, {**marker(r43), **broken})
    workspace.define({**VHOST, "queues": [ORDER], "exchanges": [{**MAIL, "type": "topic"}]})
    workspace.commit()

    held = workspace.apply()
    taken = workspace.apply("--take-over")

    assert told(held) == [("create", "exchange:shop/qu.mail", "git", "foreign-marker")]
    assert held.cluster["changes"][0]["hold"]["override"] == "--take-over"
    assert taken.code == 0, taken.out
    assert queues(r43) == ["qu.mail", "qu.order"]
    assert marker(r43)["cluster"] == "one"


def test_a_renamed_cluster_says_what_becomes_unmanaged(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    make(r43, "qu.other")
    workspace.settings["clusters"].clear()
    workspace.cluster("two", r43)
    workspace.define({**VHOST, "policies": [policy(20)]})
    workspace.commit()

    renamed = workspace.plan()
    taken = workspace.apply("--take-over", "--adopt")
    later = workspace.plan()

    (before,) = [one["message"] for one in renamed.cluster["findings"] if one["code"] == "RMQ108"]
    (while_taken,) = [
        one["message"] for one in taken.cluster["findings"] if one["code"] == "RMQ108"
    ]
    gone = (
        "2 objects applied under it and not declared any more (queue:shop/qu.mail, "
        "queue:shop/qu.order)"
    )
    assert "of cluster 'one'" in before
    assert "apply --take-over begins a new one, with --adopt" in before
    assert before.endswith(f"unmanaged from then on: {gone}")
    assert while_taken.endswith(f"Unmanaged from now on: {gone}")
    assert [one for one in later.cluster["findings"] if one["code"] == "RMQ108"] == []
    assert taken.code == 0
    assert later.changes == []
    assert queues(r43) == ["qu.mail", "qu.order", "qu.other"]


def test_another_owner_in_the_settings_is_told_the_way_there(
    workspace: Workspace, r43: Broker
) -> None:
    """The marker of the one before is not ours to ignore: it may be another repository's."""
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    workspace.cluster("one", r43, owner="shop")
    workspace.define({**VHOST, "queues": [ORDER], "policies": [policy(20)]})
    workspace.commit()

    refused = workspace.apply()
    disowned = workspace.run("disown", "one", "--owner", "main", "--auto-approve")
    held = workspace.apply()
    done = workspace.apply("--adopt")

    error = refused.cluster["error"]
    assert refused.code == 1
    assert "remove the marker of before with rmqsync disown one --owner main" in error
    assert "then apply --adopt" in error
    assert "what is not declared any more by then is unmanaged" in error
    assert disowned.code == 0
    assert told(held) == [("update", "policy:shop/limits", "unknown", "adoption")]
    assert done.code == 0
    assert "queue:shop/qu.mail" in [one["address"] for one in done.cluster["unmanaged"]]


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"format": "1"}, [[[]]]])
def test_what_is_no_marker_at_all_is_foreign(
    workspace: Workspace, r43: Broker, value: object
) -> None:
    workspace.cluster("one", r43)
    set_marker(r43, value)
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    held = workspace.apply()

    assert {hold for *_, hold in told(held)} == {"foreign-marker"}
    assert held.code == 3


def test_a_rebuilt_cluster_is_filled_again(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    with r43.management() as api:
        api.delete("global-parameters", "rmqsync.main")
        api.delete("vhosts", "shop")

    done = workspace.apply()

    assert done.code == 0, done.out
    assert queues(r43) == ["qu.order"]


def test_layers_and_vars_that_change_with_the_files_are_no_guess(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43, layers=["base", "old"], vars={"name": "order"})
    workspace.define({"queues": [MAIL]}, "old/all.yaml")
    applied(workspace, {**VHOST, "queues": [{**ORDER, "name": "qu.${name}"}]})
    workspace.cluster("one", r43, layers=["base", "new"], vars={"name": "invoice"})
    workspace.git("rm", "-rq", "old")
    workspace.define({"queues": [{**MAIL, "name": "qu.new"}]}, "new/all.yaml")
    workspace.commit()

    done = workspace.apply()

    assert sorted(told(done)) == [
        ("create", "queue:shop/qu.invoice", "git", None),
        ("create", "queue:shop/qu.new", "git", None),
        ("delete", "queue:shop/qu.mail", "git", None),
        ("delete", "queue:shop/qu.order", "git", None),
    ]
    assert queues(r43) == ["qu.invoice", "qu.new"]


def test_two_owners_with_scopes_apart_leave_each_other_alone(
    workspace: Workspace, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    keys = {"kinds": ["*"]}
    workspace.cluster("one", broker, owner="shop", scope={"vhosts": ["shop"], **keys})
    other = Workspace(tmp_path_factory.mktemp("other"), workspace.capsys, workspace.monkeypatch)
    other.cluster("one", broker, owner="crm", scope={"vhosts": ["crm*"], **keys}, prune="all")
    applied(workspace, {**VHOST, "queues": [ORDER]})
    applied(other, {"vhosts": [{"name": "crm"}], "queues": [{**ORDER, "vhost": "crm"}]}, "--adopt")

    mine, theirs = workspace.plan(), other.plan()
    other.cluster("one", broker, owner="crm", scope={"vhosts": ["crm", "s*"], **keys})
    overlapping = other.plan()

    assert (told(mine), told(theirs)) == ([], [])
    assert overlapping.code == 1
    assert "owner 'shop' manages" in overlapping.cluster["error"]


def test_what_a_narrower_scope_leaves_behind_is_told_before_it_is_forgotten(
    workspace: Workspace, r43: Broker
) -> None:
    """The marker moves on with the next run: nobody could say then that it was ours."""
    workspace.cluster("one", r43)
    stock = {"vhosts": [*VHOST["vhosts"], {"name": "stock"}]}
    applied(workspace, {**stock, "queues": [ORDER, {"vhost": "stock", "name": "qu.parts"}]})
    workspace.cluster("one", r43, scope={"vhosts": ["shop"], "kinds": ["*"]})
    workspace.define({**VHOST, "queues": [ORDER]})
    workspace.commit()

    narrowed = workspace.plan()
    workspace.cluster("one", r43)
    widened = workspace.plan()
    workspace.cluster("one", r43, scope={"vhosts": ["shop"], "kinds": ["*"]})
    run = workspace.apply()
    later = workspace.plan()
    workspace.cluster("one", r43)
    forgotten = workspace.plan()

    assert narrowed.changes == later.changes == forgotten.changes == []
    assert run.code == 0
    (found,) = [one for one in narrowed.cluster["findings"] if one["code"] == "RMQ114"]
    assert found["severity"] == "warning"
    assert "2 objects applied from here (vhost:stock, queue:stock/qu.parts)" in found["message"]
    assert "the next run leaves them unmanaged; widen `scope` again" in found["message"]
    assert told(widened) == [("delete", "vhost:stock", "git", "loss")]
    assert [one for one in later.cluster["findings"] if one["code"] == "RMQ114"] == []
    unmanaged = [one["address"] for one in forgotten.cluster["unmanaged"]]
    assert "queue:stock/qu.parts" in unmanaged


def test_targets_leave_the_rest_as_git_has_it(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    workspace.define({**VHOST, "queues": [ORDER], "policies": [policy(20)]})
    workspace.commit()

    chosen = workspace.apply("--target", "policy:*")
    rest = workspace.plan()

    assert chosen.code == 0
    assert definition(r43) == {"max-length": 20}
    assert told(rest) == [("delete", "queue:shop/qu.mail", "git", None)]
    assert [one["addresses"] for one in marker(r43)["outstanding"].values()] == [
        ["queue:shop/qu.mail"]
    ]


def test_a_killed_run_leaves_what_the_next_one_understands(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER], "policies": [policy(10)]})
    before = marker(r43)
    second = {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(20)]}
    applied(workspace, second)
    after = marker(r43)
    # As if the run had been killed when all but its last write was done.
    set_marker(r43, {**before, "running": after["applied"]})
    by_hand(r43, policy(10))

    again = workspace.plan()
    workspace.define({**VHOST, "queues": [ORDER], "policies": [policy(20)]})
    workspace.commit()
    done = workspace.apply()

    assert told(again) == [("update", "policy:shop/limits", "git", None)]
    assert sorted(told(done)) == [
        ("delete", "queue:shop/qu.mail", "git", None),
        ("update", "policy:shop/limits", "git", None),
    ]
    assert done.code == 0, done.out
    assert (marker(r43)["running"], marker(r43)["runs"]) == (None, [])


def test_a_marker_is_not_written_again_for_nothing(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    before = marker(r43)
    workspace.write("README.md", "nothing that counts")
    workspace.commit()

    again = workspace.apply()

    assert again.code == 0
    assert marker(r43) == before


def test_what_goes_by_itself_is_not_made_again(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    fleeting = {"vhost": "shop", "name": "qu.fleeting", "auto_delete": True}
    applied(workspace, {**VHOST, "queues": [fleeting]})
    drop(broker, "qu.fleeting")

    gone = workspace.plan()
    changed = {**fleeting, "arguments": {"x-max-length": 5}}
    workspace.define({**VHOST, "queues": [changed]})
    workspace.commit()
    made = workspace.plan()

    assert told(gone) == []
    assert any("goes by itself" in one["message"] for one in gone.cluster["findings"])
    assert [(action, address) for action, address, *_ in told(made)] == [
        ("create", "queue:shop/qu.fleeting")
    ]


def test_definitions_that_declare_nothing_delete_nothing(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER]})
    workspace.define({"vhosts": []})
    workspace.commit()

    planned = workspace.plan()
    done = workspace.apply()

    assert planned.code == 1
    assert "declare nothing at all" in planned.cluster["error"]
    assert done.code == 1
    assert queues(r43) == ["qu.order"]


def test_an_upgrade_hides_nothing_that_a_hand_did(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "policies": [policy(10)]})
    set_marker(r43, {**marker(r43), "rabbitmq_version": "3.10.8"})
    by_hand(r43, policy(5, expires=1000))

    planned = workspace.plan()

    (change,) = planned.cluster["changes"]
    causes = {one["path"][-1]: one["cause"] for one in change["fields"] + change.get("left", [])}
    assert causes == {"max-length": "drift", "expires": "drift"}


def test_a_revision_that_is_given_up_leaves_what_it_declared(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43)
    applied(workspace, {**VHOST, "queues": [ORDER, MAIL], "policies": [policy(10)]})
    lost = {**marker(r43)["applied"], "commit": "0" * 40, "tree": "0" * 40}
    set_marker(r43, {**marker(r43), "applied": lost})
    workspace.define({**VHOST, "queues": [ORDER], "policies": [policy(20)]})
    workspace.commit()

    unread = workspace.apply()
    done = workspace.apply("--forget-revision")
    later = workspace.plan()

    assert told(unread) == [("update", "policy:shop/limits", "unknown", "not-ahead")]
    assert any("cannot be read" in one["message"] for one in unread.cluster["findings"])
    assert told(done) == [("update", "policy:shop/limits", "unknown", None)]
    assert done.code == 0, done.out
    assert any("is given up" in one["message"] for one in done.cluster["findings"])
    assert queues(r43) == ["qu.mail", "qu.order"]
    assert told(later) == []
    assert marker(r43)["applied"]["commit"] != "0" * 40


def test_the_marker_is_in_no_plan_export_or_diff(
    workspace: Workspace, r43: Broker, tmp_path: Path
) -> None:
    keys = {"prune": "all", "prune_kinds": ["global_parameter"], "ignore": ["vhost:%2F"]}
    workspace.cluster("one", r43, **keys)
    applied(workspace, {**VHOST, "queues": [ORDER]}, "--adopt")

    planned = workspace.plan()
    workspace.run("export", "one", "--dir", str(tmp_path / "tree"))
    diff = workspace.run("diff", "cluster:one", "rev:HEAD", "--format", "json")

    exported = "".join(path.read_text() for path in (tmp_path / "tree").rglob("*.yaml"))
    assert "rmqsync." not in planned.out.replace('"rmqsync_version"', "")
    assert "rmqsync.main" not in exported
    assert "rmqsync.main" not in diff.out


def test_what_is_declared_and_ignored_is_told_and_left_alone(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43, ignore=["queue:shop/qu.o*"])
    workspace.define({**VHOST, "queues": [ORDER, MAIL]})
    workspace.commit()

    planned = workspace.plan()
    shown = workspace.run("plan")
    assert workspace.apply().code == 0

    (found,) = [one for one in planned.cluster["findings"] if one["code"] == "RMQ113"]
    assert found["source"] == {"file": "base/all.yaml", "line": 4}
    assert found["address"] == "queue:shop/qu.order"
    assert "base/all.yaml:4: warning: queue:shop/qu.order is in the definitions" in shown.out
    assert "`ignore` in the settings (queue:shop/qu.o*)" in shown.out
    assert queues(r43) == ["qu.mail"]
