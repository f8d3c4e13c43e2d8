"""What the history says of runs on real brokers, on both databases."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from rmqsync.app.apply import ApplyOptions, apply_clusters
from rmqsync.app.plan import plan_clusters
from rmqsync.cli.outcome import apply_code
from rmqsync.report.plan_schema import plan_schema
from rmqsync.run_options import RunOptions
from rmqsync.text.schema import Checker
from rmqsync.wiring import Session
from rmqsync.wiring_history import open_journal, starter
from tests.brokers import Broker
from tests.cli.workspace import GIT, Workspace

BASE = {"vhosts": [{"name": "shop"}], "queues": [{"vhost": "shop", "name": "a"}]}
MANY = BASE | {"queues": [{"vhost": "shop", "name": f"qu.{number}"} for number in range(3000)]}


@pytest.fixture
def shop(workspace: Workspace, r40: Broker) -> Workspace:
    """A workspace with the history where it is by default."""
    workspace.cluster("one", r40)
    workspace.define(BASE)
    return workspace


@pytest.fixture
def elsewhere(shop: Workspace, history_url: str) -> Workspace:
    """The same with each sort of history, by a reference as where there is a password."""
    shop.monkeypatch.setenv("HISTORY_URL", history_url)
    shop.settings["daemon"] = {"history": {"env": "HISTORY_URL"}}
    shop.save()
    return shop


def listed(workspace: Workspace, *arguments: str) -> list[dict[str, Any]]:
    found = workspace.run("history", "--format", "json", *arguments)
    assert found.code == 0, found.err
    runs: list[dict[str, Any]] = found.document["runs"]
    return runs


def state_file(workspace: Workspace) -> Path:
    return Path(os.environ["XDG_STATE_HOME"]) / "rmqsync" / "history.sqlite"


def started(workspace: Workspace) -> "subprocess.Popen[str]":
    """A slow run in a process of its own, once the history knows of it."""
    command = [sys.executable, "-m", "rmqsync", "apply", "--auto-approve", "--format", "json"]
    command += ["--bulk", "never", "--parallelism", "1"]
    process = subprocess.Popen(
        command,
        cwd=workspace.folder,
        env={**os.environ, **GIT},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 30
    while not (runs := listed(workspace)) or runs[0]["status"] != "running":
        assert time.monotonic() < until
        assert process.poll() is None
    return process


def test_a_run_is_in_the_history_with_its_outcome(elsewhere: Workspace) -> None:
    commit = elsewhere.commit()

    applied = elsewhere.apply("--who", "ann")

    (row,) = listed(elsewhere)
    known = {"started_at", "ended_at", "tree", "rmqsync_version"}
    assert {key: value for key, value in row.items() if key not in known} == {
        "run": applied.cluster["run"],
        "cluster": "one",
        "status": "applied",
        "action": "apply",
        "trigger": "cli",
        "who": "ann",
        "exit_code": 0,
        "commit": commit,
        "dirty": False,
        "summary": {**applied.cluster["summary"], "applied": 2},
        "verified": True,
        "error": None,
        "backup": applied.cluster["backup"],
    }
    assert row["started_at"] <= row["ended_at"]
    assert len(row["tree"]) == 40


def test_one_run_is_shown_as_it_was_told(elsewhere: Workspace) -> None:
    applied = elsewhere.apply()
    run = applied.cluster["run"]

    shown = elsewhere.run("history", run[:7], "--format", "json")
    as_text = elsewhere.run("history", run.upper())

    assert shown.code == 0
    assert Checker(plan_schema()).accepts(shown.document)
    assert {**shown.cluster, "unmanaged": []} == {**applied.cluster, "unmanaged": []}
    assert shown.document["summary"] == applied.document["summary"]
    assert [one["run"] for one in shown.document["runs"]] == [run]
    assert f"Run {run} on cluster one: applied" in as_text.out
    assert "Applied: queue 'a' in vhost 'shop' was created" in as_text.out
    assert as_text.last_line == "Apply complete! Resources: 2 added, 0 changed, 0 destroyed."


def test_what_was_held_is_in_the_history(shop: Workspace) -> None:
    shop.apply()
    shop.define(
        BASE | {"queues": [{"vhost": "shop", "name": "a", "arguments": {"x-max-length": 1}}]}
    )

    held = shop.apply()

    row = listed(shop)[0]
    assert held.code == 3
    assert (row["status"], row["exit_code"], row["summary"]["held"]) == ("held", 3, 1)
    assert (row["run"], row["backup"]) == (held.cluster["run"], None)


def test_what_failed_is_in_the_history_with_the_reason(elsewhere: Workspace) -> None:
    odd = {"vhost": "shop", "name": "odd", "type": "x-nothing"}
    elsewhere.define(BASE | {"exchanges": [odd]})
    partial = elsewhere.apply()
    failed = elsewhere.apply()

    rows = listed(elsewhere)
    shown = elsewhere.run("history", failed.cluster["run"])

    assert [(row["status"], row["exit_code"]) for row in rows] == [("failed", 1), ("partial", 4)]
    assert (partial.code, failed.code) == (4, 1)
    assert "unknown exchange type" in shown.out


def test_what_was_refused_is_in_the_history(shop: Workspace, r40: Broker) -> None:
    shop.cluster("one", r40, lock={"required": True})

    refused = shop.apply()

    (row,) = listed(shop)
    assert refused.code == 1
    assert (row["status"], row["exit_code"], row["verified"]) == ("refused", 1, None)
    assert "lock.required" in row["error"]


def test_a_run_over_several_clusters_is_one_run(shop: Workspace, r40: Broker, r43: Broker) -> None:
    shop.cluster("two", r43)

    applied = shop.apply()

    rows = listed(shop)
    run = rows[0]["run"]
    shown = shop.run("history", run, "--format", "json")
    assert sorted(row["cluster"] for row in rows) == ["one", "two"]
    assert {row["run"] for row in rows} == {run}
    assert {cluster["run"] for cluster in applied.document["clusters"]} == {run}
    assert [cluster["name"] for cluster in shown.document["clusters"]] == ["one", "two"]
    assert shown.document["summary"] == applied.document["summary"]
    assert [row["cluster"] for row in listed(shop, "--cluster", "t*")] == ["two"]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["INT", "TERM"]
)
def test_an_interrupted_run_is_closed(
    elsewhere: Workspace, number: signal.Signals, code: int
) -> None:
    elsewhere.define(MANY)
    process = started(elsewhere)

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    (row,) = listed(elsewhere)
    (cluster,) = json.loads(out)["clusters"]
    done = sum(change["result"] == "applied" for change in cluster["changes"])
    assert process.returncode == code, err
    assert (row["status"], row["exit_code"]) == ("interrupted", code)
    assert row["summary"].get("applied", 0) == done < 3000
    assert row["ended_at"] is not None


def test_a_killed_run_was_interrupted(elsewhere: Workspace) -> None:
    elsewhere.define(MANY)
    process = started(elsewhere)
    run = listed(elsewhere)[0]["run"]

    process.kill()
    process.communicate()

    (row,) = listed(elsewhere)
    shown = elsewhere.run("history", run)
    assert (row["status"], row["exit_code"], row["ended_at"]) == ("interrupted", None, None)
    assert Path(row["backup"]).exists()
    assert shown.code == 0
    assert f"Run {run} on cluster one: interrupted" in shown.out
    assert "This is what it was about to do:" in shown.out
    assert "queue 'qu.2999' in vhost 'shop' will be created" in shown.out


def spoil(path: Path, how: str) -> Any:
    """Make the history one that cannot be written; what is returned keeps it so."""
    if how == "locked":
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        return connection
    path.unlink()
    for beside in path.parent.glob("history.sqlite-*"):
        beside.unlink()
    if how == "broken":
        path.write_bytes(b"no database" * 1000)
    if how == "folder":
        path.mkdir()
    return None


@pytest.mark.parametrize("how", ["locked", "broken", "folder"])
def test_a_history_that_cannot_be_written_stops_no_run(shop: Workspace, how: str) -> None:
    shop.apply()
    shop.define(BASE | {"queues": [{"vhost": "shop", "name": "b"}]})
    kept = spoil(state_file(shop), how)

    applied = shop.apply()
    asked = shop.run("history")
    if kept is not None:
        kept.close()

    assert applied.code == 0, applied.err
    assert applied.cluster["verified"] is True
    assert f"warning: this run is missing in the history: history '{state_file(shop)}': " in (
        applied.err
    )
    assert Path(applied.cluster["backup"]).exists()
    assert asked.code == (0 if how == "locked" else 1)  # who reads need not wait
    assert how == "locked" or f"error: history '{state_file(shop)}': " in asked.err


def test_a_history_that_was_deleted_begins_anew(shop: Workspace) -> None:
    shop.apply()
    shop.define(BASE | {"queues": [{"vhost": "shop", "name": "b"}]})
    spoil(state_file(shop), "deleted")

    applied = shop.apply()

    assert applied.code == 0
    assert "missing in the history" not in applied.err
    assert [row["run"] for row in listed(shop)] == [applied.cluster["run"]]


def test_a_database_that_is_away_stops_no_run(shop: Workspace) -> None:
    shop.monkeypatch.setenv("HISTORY_URL", "postgresql://ann:hunter2@127.0.0.1:9/runs")
    shop.settings["daemon"] = {"history": {"env": "HISTORY_URL"}}
    shop.save()

    applied = shop.apply()
    asked = shop.run("history")
    shop.monkeypatch.delenv("HISTORY_URL")
    unset = shop.run("history")

    assert applied.code == 0
    assert applied.err.count("this run is missing in the history") == 1
    assert (asked.code, unset.code) == (1, 1)
    assert "postgresql://ann@127.0.0.1:9/runs" in asked.err
    assert "HISTORY_URL is not set" in unset.err
    assert "hunter2" not in applied.out + applied.err + asked.err


def everything(url: str) -> str:
    """All that a database holds, as text."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT * FROM rmqsync_runs")).all()
    engine.dispose()
    assert rows
    return str(rows)


def test_no_secret_is_in_the_history(elsewhere: Workspace, history_url: str) -> None:
    """Neither of those that are sent, nor of those that are on the cluster or refused by it."""
    elsewhere.secret("crm", "planted-1", "user:crm")
    elsewhere.secret("uri", "amqp://u:planted-2@127.0.0.1:1", "*:*/*")

    def definitions(**more):
        return BASE | {
            "users": [{"name": "crm", "password": {"secret": "crm"}}],
            "federation_upstreams": [
                {"vhost": "shop", "name": "up", "value": {"uri": {"secret": "uri"}, **more}}
            ],
        }

    elsewhere.define(definitions())
    outcomes = [elsewhere.apply()]
    elsewhere.monkeypatch.setenv("SECRET_CRM", "planted-3")
    elsewhere.monkeypatch.setenv("SECRET_URI", "amqp://u:planted-4@127.0.0.1:1")
    outcomes.append(elsewhere.apply())
    elsewhere.define(definitions(**{"ack-mode": "on-confirm", "prefetch-count": 5}))
    outcomes.append(elsewhere.apply())
    elsewhere.monkeypatch.setenv("SECRET_URI", "amqp://u:planted-5@127.0.0.1:1?bad=%zz")
    outcomes.append(elsewhere.apply())

    told = everything(history_url)
    runs = [one.cluster["run"] for one in outcomes if "run" in one.cluster]
    for form in ("text", "json", "markdown"):
        told += elsewhere.run("history", "--format", form).out
        told += "".join(elsewhere.run("history", run, "--format", form).out for run in runs)
    assert len(runs) == 4
    assert "planted" not in told
    assert '"password"' in told
    assert "(sensitive)" in told


def test_a_list_comes_in_several_formats(shop: Workspace) -> None:
    run = shop.apply().cluster["run"]

    as_text = shop.run("history").out.splitlines()
    lines = shop.run("history", "--format", "ndjson").out.splitlines()
    markdown = shop.run("history", "--format", "markdown").out.splitlines()
    sarif = shop.run("history", "--format", "sarif")

    assert as_text[0].split() == [
        "RUN",
        "STARTED",
        "CLUSTER",
        "ACTION",
        "STATUS",
        "CHANGES",
        "COMMIT",
        "WHO",
    ]
    assert as_text[1].startswith(f"{run[:8]}  20")
    assert "+2 ~0 -0" in as_text[1]
    assert [json.loads(line)["type"] for line in lines] == ["run"]
    assert markdown[2].startswith(f"| {run[:8]} |")
    assert sarif.code == 64
    assert "json" in sarif.err


def with_queues(shop: Workspace, number: int) -> list[str]:
    """So many runs; their ids, the newest first."""
    runs = []
    for one in range(number):
        shop.define(BASE | {"queues": [{"vhost": "shop", "name": f"qu.{one}"}]})
        runs.insert(0, shop.apply().cluster["run"])
    return runs


def test_runs_are_chosen_by_number_and_time(shop: Workspace) -> None:
    runs = with_queues(shop, 3)

    def ids(*arguments: str) -> list[str]:
        return [row["run"] for row in listed(shop, *arguments)]

    second = listed(shop)[1]["started_at"]
    assert ids() == runs
    assert ids("--limit", "2") == runs[:2]
    assert ids("--since", second) == runs[:2]
    assert ids("--since", second.replace("Z", "+00:00")) == runs[:2]
    assert ids("--since", "1d") == runs
    assert ids("--since", "2000-01-01") == runs
    assert ids("--since", "2999-01-01") == []
    assert ids("--cluster", "one") == runs


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["--since", "tomorrow"], "how long ago: 7d"),
        (["--limit", "0"], "--limit"),
        (["--cluster", "onne"], "did you mean 'one'?"),
        (["x", "--cluster", "one"], "RUN is one of it"),
        ([""], "there is no run"),
    ],
)
def test_wrong_usage(shop: Workspace, arguments: list[str], hint: str) -> None:
    wrong = shop.run("history", *arguments)

    assert wrong.code == 64
    assert hint in wrong.err


def test_an_unknown_run_is_told_with_the_nearest(shop: Workspace) -> None:
    empty = shop.run("history", "abc")
    (run,) = with_queues(shop, 1)
    other = "0" if run[3] != "0" else "1"
    near = shop.run("history", run[:3] + other + run[4:])
    far = shop.run("history", "zzz")

    assert [one.code for one in (empty, near, far)] == [64, 64, 64]
    assert "it is empty" in empty.err
    assert f"did you mean '{run}'" in near.err
    assert f"the last one is {run}" in far.err


def test_an_id_that_several_begin_with_is_told(shop: Workspace) -> None:
    with_queues(shop, 2)
    with sqlite3.connect(state_file(shop)) as connection:
        connection.execute("UPDATE rmqsync_runs SET run = 'ab' || substr(run, 3)")
    connection.close()

    several = shop.run("history", "ab")

    assert several.code == 64
    assert "may be one of 2 runs: ab" in several.err


def test_the_runs_of_a_cluster_that_left_the_settings_are_still_there(shop: Workspace) -> None:
    runs = with_queues(shop, 1)
    shop.settings["clusters"] = {"two": shop.settings["clusters"]["one"]}
    shop.save()

    assert [row["run"] for row in listed(shop, "--cluster", "one")] == runs


def test_the_list_of_a_folder_without_runs_is_empty(shop: Workspace) -> None:
    asked = shop.run("history")

    assert (asked.code, asked.out) == (0, "No runs.\n")
    assert not state_file(shop).exists()


def test_old_runs_are_dropped_as_settings_say(shop: Workspace) -> None:
    first = with_queues(shop, 2)
    with sqlite3.connect(state_file(shop)) as connection:
        connection.execute("UPDATE rmqsync_runs SET started_at = '2020' || substr(started_at, 5)")
    connection.close()
    shop.define(BASE)
    new = shop.apply().cluster["run"]

    assert [row["run"] for row in listed(shop)] == [new]
    assert new not in first


class Failing:
    """A lock that is lost after so many looks at it."""

    lost = "its connection broke"

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def held(self) -> bool:
        self.looks -= 1
        return self.looks > 0

    def release(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(("looks", "status"), [(1, "failed"), (40, "partial")])
def test_a_run_that_lost_its_lock_is_closed(shop: Workspace, looks: int, status: str) -> None:
    """Used as a service would, without the command line."""
    shop.define(BASE | {"queues": [{"vhost": "shop", "name": f"q{one}"} for one in range(60)]})
    shop.monkeypatch.chdir(shop.folder)
    opened = Session(None, None, os.environ)
    planned = plan_clusters(opened.targets(RunOptions()))
    begun = starter("ann", trigger="schedule")
    journal = open_journal(opened, begun, None, lambda result: apply_code([result]), print)
    locks = {"one": Failing(looks)}

    apply_clusters(planned, ApplyOptions(parallelism=1, bulk=False, locks=locks, journal=journal))
    opened.close()

    (row,) = listed(shop)
    assert (row["run"], row["trigger"], row["who"]) == (begun.run, "schedule", "ann")
    assert (row["status"], row["exit_code"], row["verified"]) == (status, 4, False)
    assert "the lock was lost: its connection broke" in row["error"]


def test_what_is_unmanaged_is_counted_and_not_all_named(shop: Workspace, r40: Broker) -> None:
    """It is none of the run's work, and there may be fifty thousand of it."""
    queue = {"vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
    with r40.management() as api:
        queues = [queue | {"name": f"old.{number}"} for number in range(1100)]
        api.post("definitions", body={"queues": queues})

    applied = shop.apply()

    shown = shop.run("history", applied.cluster["run"], "--format", "json").cluster
    assert len(applied.cluster["unmanaged"]) > 1100
    assert len(shown["unmanaged"]) == 1000
    assert shown["summary"] == applied.cluster["summary"]
