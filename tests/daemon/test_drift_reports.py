"""Drift as Markdown files: in a folder, and in a branch of the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rmqsync.config.read import read_settings
from rmqsync.config.source import Source
from rmqsync.daemon.drift_report import drift_report, markdown
from rmqsync.daemon.reports import Reports, file_name
from rmqsync.model.errors import SourceError
from rmqsync.repo.mirror import Mirror
from rmqsync.repo.publish import Message, publish
from tests.brokers import Broker
from tests.brokers.certificates import make_certificates
from tests.cli.workspace import GIT
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home
from tests.daemon.forges import https_forge

AUTHOR = ("robot", "robot@example.com")


def policy(length: int) -> dict[str, Any]:
    return {"vhost": "shop", "name": "p", "pattern": "^qu", "definition": {"max-length": length}}


def by_hand(broker: Broker, length: int) -> None:
    body = {"pattern": "^qu", "apply-to": "all", "definition": {"max-length": length}}
    with broker.management() as api:
        api.put("policies", "shop", "p", body=body)


def drift(address: str, **more: Any) -> dict[str, Any]:
    change = {"action": "update", "fields": [], "source": None, **more}
    return {
        "address": address, "kind": "queue", "cause": "drift", "since": "2026-01-02T03:04:05Z",
        "times": 2, "change": change,
    }  # fmt: skip


def cluster(
    name: str,
    *drifts: dict[str, Any],
    checked_at: str | None = "now",
    commit: str = "a" * 40,
    **more: Any,
) -> Any:
    return {
        "name": name, "sync": "drifted", "on_drift": "report", "checked_at": checked_at,
        "applied": {"commit": commit, "at": "…"}, "drifts": list(drifts), "mode": "apply",
        "drift_known": checked_at is not None, **more,
    }  # fmt: skip


def test_a_page_shows_what_is_and_what_was_declared():
    field = {"path": ["definition", "max-length"], "before": 2, "after": 1}
    found = drift("policy:shop/p", fields=[field], source={"file": "base/a.yaml", "line": 7})

    text = markdown(cluster("one", found))

    assert text.splitlines() == [
        "# Drift of one",
        "",
        "1 object was changed outside of rmqsync.",
        "",
        "| object | cause | since | times |",
        "|---|---|---|---|",
        "| policy\\:shop/p | drift | 2026-01-02T03:04:05Z | 2 |",
        "",
        "## policy\\:shop/p",
        "",
        "- `definition.max-length`: is `2`, declared `1`",
        "",
        "Declared in `base/a.yaml`, line 7.",
    ]


def test_of_what_git_gave_up_a_page_shows_what_is_and_what_was_applied():
    fields = [
        {"path": ["pattern"], "before": "^qu"},
        {"path": ["definition", "max-length"], "before": 2, "last": 1, "cause": "both"},
        {"path": ["definition", "expires"], "last": 5, "cause": "both"},
    ]

    text = markdown(cluster("one", drift("policy:shop/p", action="delete", fields=fields)))

    assert text.splitlines()[10:] == [
        "It was declared, and it was changed on the cluster.",
        "",
        "- `definition.max-length`: is `2`, was `1`",
        "- `definition.expires`: is absent, was `5`",
    ]


def test_names_are_no_markup():
    text = markdown(cluster("one", drift("queue:shop/<b>|`*@all")))

    assert "<b>" not in text.replace("\\<b\\>", "")
    assert "\\|" in text


def test_a_page_says_the_same_while_the_drift_is_the_same():
    assert markdown(cluster("one", checked_at="09:00")) == markdown(cluster("one"))


def test_a_cluster_that_was_never_compared_says_so():
    assert "not compared yet" in markdown(cluster("one", checked_at=None))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"applied": None, "mode": "report"}, "in mode: report nothing is"),
        ({"applied": None}, "Nothing is known to have been applied here yet"),
        ({}, "What was applied last cannot be read here"),
    ],
)
def test_where_nothing_is_known_to_be_applied_nobody_is_called_innocent(
    more: dict[str, Any], why: str
):
    text = markdown(cluster("one", drift_known=False, **more))

    assert why in text
    assert "pending or held" in text
    assert "was changed outside of rmqsync" not in text
    assert "Nothing on this cluster" not in text


def test_clusters_with_most_drift_come_first():
    clusters = [cluster("a"), cluster("b", drift("queue:x")), cluster("c")]

    report = drift_report(clusters, "now")

    assert [one["name"] for one in report["clusters"]] == ["b", "a", "c"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **GIT}, check=True, capture_output=True,
        text=True,
    )  # fmt: skip
    return done.stdout


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    folder = tmp_path / "remote.git"
    folder.mkdir()
    git(folder, "init", "-q", "--bare", "-b", "main")
    git(folder, "config", "uploadpack.allowFilter", "true")
    return folder


def mirror(remote: Path, data: Path) -> Mirror:
    return Mirror(Source(git=remote.as_uri()), str(data), lambda _ref, _what: "")


def said(text: str) -> Message:
    return lambda _changed: text


def test_files_are_committed_beside_what_the_branch_holds(remote: Path, tmp_path: Path):
    copy = mirror(remote, tmp_path / "data")
    one, two = {"one.md": b"1"}, {"two.md": b"2"}
    first = publish(copy, "drift", one, " ".join, AUTHOR)
    second = publish(mirror(remote, tmp_path / "data2"), "drift", {**one, **two}, " ".join, AUTHOR)

    assert publish(copy, "drift", one, " ".join, AUTHOR) is None
    assert first is not None
    assert second is not None
    assert (first[1], second[1]) == (["one.md"], ["two.md"])
    log = git(remote, "log", "--format=%H %an %ae %s", "drift").splitlines()
    assert log == [
        f"{second[0]} robot robot@example.com two.md",
        f"{first[0]} robot robot@example.com one.md",
    ]
    assert git(remote, "ls-tree", "--name-only", "drift").split() == ["one.md", "two.md"]


def test_a_commit_names_the_clusters_whose_drift_is_another_one(remote: Path, tmp_path: Path):
    lines = (
        f"source: {{git: '{remote.as_uri()}'}}\n"
        "daemon: {drift_reports: {branch: drift}}\n"
        "defaults: {endpoints: ['file:x.json'], layers: [base]}\n"
        "clusters: {one: {}, two: {}}\n"
    )
    settings = read_settings("rmqsync.yaml", lambda _name: lines.encode(), str(tmp_path))

    def written(*clusters: Any) -> list[str]:
        reports = Reports(settings, lambda _source: mirror(remote, tmp_path / "data"), 0.1)
        for found in clusters:
            reports.changed(found)
        reports.close(30)
        return git(remote, "log", "--format=%s", "drift").splitlines()

    both = written(cluster("one", drift("queue:a/b")), cluster("two"))
    more = written(cluster("one", drift("queue:a/b"), commit="b" * 40), cluster("two", drift("x")))
    again = written(cluster("one", drift("queue:a/b"), commit="c" * 40))

    assert both == ["Drift of one, two"]
    assert more == again == ["Drift of two", "Drift of one, two"]


def test_what_others_push_at_that_moment_stays(remote: Path, tmp_path: Path, monkeypatch):
    slow, quick = (mirror(remote, tmp_path / name) for name in ("slow", "quick"))
    publish(slow, "drift", {"one.md": b"1"}, said("first"), AUTHOR)

    class Overtaken(Mirror):
        overtaken = False

        def push(self, commit: str, branch: str) -> None:
            if not self.overtaken:
                self.overtaken = True
                publish(quick, "drift", {"two.md": b"2"}, said("between"), AUTHOR)
            super().push(commit, branch)

    late = Overtaken(Source(git=remote.as_uri()), str(tmp_path / "slow"), lambda _r, _w: "")
    publish(late, "drift", {"one.md": b"new"}, said("late"), AUTHOR)

    subjects = git(remote, "log", "--format=%s", "drift").split()
    assert subjects == ["late", "between", "first"]
    assert git(remote, "show", "drift:two.md") == "2"


def test_a_push_that_is_refused_says_why(tmp_path: Path):
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "-q", "-b", "drift")
    git(work, "commit", "-q", "--allow-empty", "-m", "first")

    with pytest.raises(SourceError, match="does not take this branch"):
        publish(mirror(work, tmp_path / "data"), "drift", {"a.md": b""}, said("a"), AUTHOR)


def test_a_push_that_fails_is_warned_of_once_though_the_folder_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    text = f"""
clusters: {{one: {{endpoints: ["file:live.json"], layers: [base], source: {{git: https://x/y.git}}}}}}
daemon: {{drift_reports: {{folder: {tmp_path / "reports"}, branch: drift}}}}
"""
    settings = read_settings("rmqsync.yaml", lambda _: text.encode(), "/")
    failed, is_closing = threading.Semaphore(0), threading.Event()

    def refuses(source: Source) -> Mirror:
        failed.release()
        is_closing.wait(30)  # what is under way then has its last try still before it
        raise SourceError("it does not let us push")

    reports = Reports(settings, refuses, 0.01)
    reports.changed(cluster("one"))
    assert failed.acquire(timeout=30)
    threading.Timer(0.2, is_closing.set).start()
    reports.close(30)  # which tries once more

    assert failed.acquire(blocking=False)
    assert (tmp_path / "reports" / "one.md").exists()
    assert caplog.messages == ["drift report: it does not let us push"]


BOTH_PLACES = """
defaults: {{endpoints: ["file:live.json"], layers: [base]}}
clusters:
  one: {{source: {{git: https://x/one.git}}}}
  two: {{source: {{git: https://x/two.git}}}}
daemon: {{drift_reports: {{folder: {folder}, branch: drift}}}}
"""


class Pushes:
    """Stands for the repositories: counts what is pushed to each, and fails where it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failing: str) -> None:
        self.failing = failing
        self.tried = {"one": 0, "two": 0}
        self.is_free = threading.Event()
        self.is_free.set()
        monkeypatch.setattr("rmqsync.daemon.reports.publish", lambda *_: None)

    def __call__(self, source: Source) -> Any:
        assert source.git is not None
        name = source.git.removeprefix("https://x/").removesuffix(".git")
        self.tried[name] += 1
        self.is_free.wait(30)
        if name in self.failing:
            raise SourceError(f"{name} does not let us push")


def both_places(folder: Path, pushes: Pushes) -> Reports:
    text = BOTH_PLACES.format(folder=folder)
    return Reports(read_settings("rmqsync.yaml", lambda _: text.encode(), "/"), pushes, 0.05)


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + 20  # less than AGAIN_S
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_folder_that_cannot_be_made_holds_up_no_branch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "file").write_text("")
    pushes = Pushes(monkeypatch)
    reports = both_places(tmp_path / "file" / "reports", pushes)
    reports.changed(cluster("one"))
    until(lambda: pushes.tried["one"] == 1 and bool(caplog.messages))
    reports.changed(cluster("one", drift("queue:x")))
    until(lambda: pushes.tried["one"] == 2)
    reports.changed(cluster("two"))
    until(lambda: pushes.tried["two"] == 1)
    reports.close(30)

    assert pushes.tried == {"one": 2, "two": 1}  # what was pushed is not pushed again
    assert [one for one in caplog.messages if "cannot be made" not in one] == []
    assert len(caplog.messages) == 1


def test_a_repository_that_fails_holds_up_no_other_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    pushes, folder = Pushes(monkeypatch, "one"), tmp_path / "reports"
    reports = both_places(folder, pushes)
    reports.changed(cluster("one"))
    until(lambda: pushes.tried["one"] == 1)
    reports.changed(cluster("one", drift("queue:x")))
    reports.changed(cluster("two"))
    until(lambda: pushes.tried["two"] == 1)
    until(lambda: (folder / "two.md").exists() and "queue" in (folder / "one.md").read_text())
    time.sleep(0.3)

    assert pushes.tried == {"one": 1, "two": 1}  # a change makes no failed one come sooner
    reports.close(30)
    assert pushes.tried == {"one": 2, "two": 1}


def test_what_failed_is_tried_again_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("rmqsync.daemon.reports.AGAIN_S", 0.05)
    pushes = Pushes(monkeypatch, "one")
    reports = both_places(tmp_path / "reports", pushes)
    reports.changed(cluster("one"))
    until(lambda: pushes.tried["one"] == 3)
    pushes.failing = ()
    reports.close(30)

    assert pushes.tried["two"] == 0


def test_a_push_that_hangs_holds_up_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pushes, folder = Pushes(monkeypatch), tmp_path / "reports"
    pushes.is_free.clear()
    reports = both_places(folder, pushes)
    reports.changed(cluster("one"))
    until(lambda: pushes.tried["one"] == 1)
    reports.changed(cluster("two"))
    until((folder / "two.md").exists)
    reports.changed(cluster("two", drift("queue:x")))
    reports.close(0.3)  # the push takes longer
    until(lambda: "queue" in (folder / "two.md").read_text())
    assert pushes.tried["two"] == 0
    pushes.is_free.set()
    reports.close(30)

    assert pushes.tried == {"one": 1, "two": 1}


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r43")


@pytest.fixture
def served_home(home: Home) -> Iterator[Home]:
    """A home whose repository is on a forge that asks for a token, to read and to push."""
    make_certificates(home.folder / "tls")
    home.environ["GIT_SSL_CAINFO"] = str(home.folder / "tls" / "ca.pem")
    home.environ["GIT_TOKEN"] = "t0ken-of-the-forge"
    user = "x-access-token:t0ken-of-the-forge"
    with https_forge(home.folder, home.folder / "tls", user) as url:
        home.settings["source"].update(git=f"{url}/remote.git", token={"env": "GIT_TOKEN"})
        yield home


def test_drift_is_written_to_the_folder_and_the_branch(served_home: Home, broker: Broker):
    home, folder = served_home, served_home.folder / "data" / "drift"
    named = f"{home.settings['daemon']['data_dir']}/drift"
    home.settings["daemon"]["drift_reports"] = {"folder": named, "branch": "drift"}
    home.push({"vhosts": [{"name": "shop"}], "policies": [policy(1000)]})
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        by_hand(broker, 2000)
        daemon.until_cluster("one", "drift", drifted=1)

        def told() -> bool:
            return "is `2000`, declared `1000`" in git(home.remote, "show", "drift:one.md")

        daemon.until(lambda: (folder / "one.md").is_file(), "a file")
        daemon.until(
            lambda: "drift" in git(home.remote, "branch", "--list", "drift") and told(), "a commit"
        )
        daemon.until(lambda: "2000" in (folder / "one.md").read_text(), "the drift in the file")
        assert daemon.get("/api/v1/drift")["clusters"][0]["drifts"][0]["address"] == "policy:shop/p"
        assert "policy:shop/p" in daemon.get("/drift")
        by_hand(broker, 1000)
        daemon.until(
            lambda: "Nothing on this cluster" in git(home.remote, "show", "drift:one.md"), "its end"
        )


def test_the_branch_of_the_definitions_is_never_written(tmp_path: Path):
    settings = tmp_path / "rmqsync.yaml"
    settings.write_text(
        "source: {git: 'https://git.example.com/mq.git'}\n"
        "daemon: {drift_reports: {branch: main}}\n"
        "clusters: {one: {endpoints: ['file:one.json'], layers: [base]}}\n"
    )
    command = [sys.executable, "-m", "rmqsync", "run", "--check", "--config", str(settings)]

    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    assert done.returncode == 1
    assert "the definitions of cluster 'one' come from branch 'main'" in done.stderr


def test_a_report_is_a_file_whatever_the_cluster_is_called():
    assert file_name("../a b") == "..%2Fa%20b.md"
