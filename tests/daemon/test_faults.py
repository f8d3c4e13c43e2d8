"""What breaks beside the brokers: disk, history, git. The daemon goes on, and says so."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home, Running, names, shop
from tests.daemon.forges import hanging_server


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r43")


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "rmqsync-test", folder], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(file: Path) -> None:
    with file.open("wb", buffering=0) as output, contextlib.suppress(OSError):
        while True:
            output.write(bytes(4096))


def status(daemon: Running, path: str) -> int:
    return requests.get(f"{daemon.url}{path}", timeout=30).status_code


def test_on_a_full_disk_nothing_is_written_until_there_is_room_for_a_backup(
    home: Home, broker: Broker
) -> None:
    # A folder is read where it is: git itself needs no room then.
    home.settings["source"] = {"path": str(home.work), "poll": "2s"}
    home.push(shop("qu.a"))
    data = home.folder / "data"
    with small_disk(data), home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        fill(data / "ballast")
        second = home.push(shop("qu.a", "qu.b"))
        failed = daemon.until_cluster("one", "no backup", sync="failed", commit=second)
        assert "no backup could be kept" in failed["error"]
        assert "no space left" in failed["error"].lower()
        (told,) = daemon.messages("cluster one: the last run failed")
        assert "no backup could be kept" in told
        assert status(daemon, "/healthz") == 200
        assert names(broker) == {"qu.a"}

        (data / "ballast").unlink()
        assert daemon.post("/api/v1/clusters/one/sync").status_code == 202
        daemon.until_cluster("one", "room again", sync="in-sync", failures=0)
        assert names(broker) == {"qu.a", "qu.b"}


def test_a_locked_history_keeps_no_commit_back_and_what_drifted_is_written_later(
    home: Home, broker: Broker
) -> None:
    parameter = {"name": "shop", "value": {"open": 8}}
    home.push(shop("qu.a", global_parameters=[parameter]))
    file = home.folder / "data" / "history.sqlite"
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        other = sqlite3.connect(file, isolation_level=None)
        try:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            second = home.push(shop("qu.a", "qu.b", global_parameters=[parameter]))
            daemon.until_cluster("one", "applied all the same", sync="in-sync", commit=second)
            assert names(broker) == {"qu.a", "qu.b"}
            assert daemon.messages("this run is missing in the history:")
            with broker.management() as api:
                api.put("global-parameters", "shop", body={"name": "shop", "value": {"open": 9}})
            daemon.until_cluster("one", "drift is seen", sync="drifted", drifted=1)
            assert daemon.messages("drift is kept in memory only:")
            assert status(daemon, "/readyz") == 503
            assert "rmqsync_ready 0.0" in daemon.get("/metrics")
            assert status(daemon, "/healthz") == 200
        finally:
            other.rollback()
            other.close()
        daemon.until(lambda: status(daemon, "/readyz") == 200, "it is ready again")
        assert "rmqsync_ready 1.0" in daemon.get("/metrics")

        def written() -> bool:
            with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reading:
                found = reading.execute("SELECT address FROM rmqsync_drifts WHERE gone_at IS NULL")
                return found.fetchall() == [("global_parameter:shop",)]

        daemon.until(written, "the drift is in the history")
        assert len(daemon.messages("cluster one: 1 object changed outside of rmqsync")) == 1


def test_a_history_that_is_deleted_begins_anew(home: Home, broker: Broker) -> None:
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        for file in (home.folder / "data").glob("history.sqlite*"):
            file.unlink()
        assert daemon.get("/api/v1/runs")["runs"] == []
        assert status(daemon, "/readyz") == 200
        file = home.folder / "data" / "history.sqlite"
        (told,) = daemon.messages(f"history '{file}' was removed while it was in use: ")
        assert "approvals, cancellations and drift are not known any more" in told
        second = home.push(shop("qu.a", "qu.b"))
        daemon.until_cluster("one", "the second commit", sync="in-sync", commit=second)

        assert daemon.messages(f"history '{file}'") == [told]
        runs = daemon.get("/api/v1/runs")["runs"]
        assert [(run["status"], run["commit"]) for run in runs] == [("applied", second)]
        assert names(broker) == {"qu.a", "qu.b"}


def test_a_git_server_that_hangs_delays_no_other_source_and_no_end(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.snapshot("one")
    first = home.push(shop("qu.a"))
    with hanging_server() as url:
        for number in range(5):
            home.snapshot(f"hangs{number}", source={"git": f"{url}/{number}.git"})
        with home.running() as daemon:
            daemon.until_cluster("one", "it is compared", sync="pending", commit=first)
            second = home.push(shop("qu.a", "qu.b"))
            daemon.until_cluster("one", "and so is what comes", sync="pending", commit=second)
            hangs = daemon.cluster("hangs0")
            assert (hangs["sync"], hangs["error"]) == ("unknown", None)
            assert status(daemon, "/readyz") == 503
        assert daemon.messages("stopped") == ["stopped"]


def test_a_signal_ends_it_while_it_fetches_for_the_first_time(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with hanging_server() as url:
        home.snapshot("one", source={"git": f"{url}/one.git"})
        with home.running() as daemon:
            assert daemon.cluster("one")["sync"] == "unknown"
            daemon.until(lambda: status(daemon, "/healthz") == 200, "it is alive all the same")
            assert status(daemon, "/readyz") == 503
        assert daemon.messages("stopped") == ["stopped"]


def test_a_run_that_fails_is_tried_again_late_and_a_newer_commit_at_once(
    home: Home, broker: Broker
) -> None:
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        with broker.management() as api:
            api.put("vhost-limits", "shop", "max-queues", body={"value": 1})
        home.push(shop("qu.a", "qu.b"))
        failed = daemon.until_cluster("one", "the broker refuses", sync="failed", failures=1)
        assert failed["error"].startswith("create queue:shop/qu.b: ")
        waits = daemon.until(lambda: daemon.cluster("one")["waits"], "it backs off")
        assert waits["reason"] == "back-off"
        assert daemon.post("/api/v1/clusters/one/plan").status_code == 202
        checked = daemon.cluster("one")["checked_at"]
        daemon.until(lambda: looked_twice(daemon, checked), "it is looked at again")
        found = daemon.cluster("one")
        assert (found["sync"], found["failures"]) == ("failed", 1)
        assert found["waits"]["reason"] == "back-off"
        assert not daemon.messages("cluster one: it does not fail any more")
        assert len(daemon.get("/api/v1/runs")["runs"]) == 2

        third = home.push(shop("qu.a", global_parameters=[{"name": "x", "value": 1}]))
        daemon.until_cluster("one", "the newer one", sync="in-sync", commit=third, failures=0)
        assert len(daemon.messages("cluster one: the last run failed")) == 1


def looked_twice(daemon: Running, since: str) -> bool:
    seen: set[str] = {since}
    daemon.until(lambda: seen.add(daemon.cluster("one")["checked_at"]) or len(seen) > 2, "looks")
    return True
