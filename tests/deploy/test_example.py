"""
The example of deploy/compose at work, as processes: its git server, its settings, two real brokers.

Only addresses are others than in the compose file, as there is no network of containers here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue

import pytest
import requests
import yaml

from tests.brokers import Broker
from tests.brokers.ports import free_ports
from tests.cli.workspace import GIT
from tests.daemon.daemons import Home
from tests.deploy.places import DEPLOY

HERE = DEPLOY / "compose"
BOUND_S = 30.0


@dataclass(frozen=True)
class GitServer:
    """The git server of the example, as a process of this machine."""

    url: str
    """Of its repository."""
    log: Path
    ours: str
    """Where it tells rmqsync of a push."""

    def told(self) -> list[str]:
        """What came of its webhooks."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if line.startswith("webhook: ")]


@pytest.fixture
def git_server(tmp_path: Path) -> Iterator[GitServer]:
    port, ours = free_ports(2, ())
    (tmp_path / "git").mkdir()
    url, log = f"http://127.0.0.1:{port}", tmp_path / "git.log"
    own = {
        "GIT_ROOT": str(tmp_path / "git"),
        "GIT_SEED": str(HERE / "git/definitions"),
        "GIT_PORT": str(port),
        "RMQSYNC_WEBHOOK": f"http://127.0.0.1:{ours}/webhooks/generic",
        "RMQSYNC_WEBHOOK_SECRET": str(HERE / "secrets/webhook_secret"),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-u", str(HERE / "git/server.py")],
            env={**os.environ, **GIT, **own},
            stdout=output,
            stderr=output,
        )
    try:
        until(lambda: answers(f"{url}/healthz"), "the git server answers")
        yield GitServer(f"{url}/definitions.git", log, f"127.0.0.1:{ours}")
    finally:
        process.terminate()
        process.wait(BOUND_S)


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=BOUND_S).ok
    except requests.ConnectionError:
        return False


def until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + BOUND_S
    while not found():
        assert time.monotonic() < deadline, f"not within {BOUND_S} s: {what}"
        time.sleep(0.1)


def git(*words: str, at: Path) -> str:
    done = subprocess.run(
        ["git", *words],
        cwd=at,
        env={**os.environ, **GIT},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def clone(git_server: GitServer, tmp_path: Path) -> Path:
    git("clone", "--quiet", git_server.url, "clone", at=tmp_path)
    return tmp_path / "clone"


def test_the_first_start_makes_the_repository_of_the_definitions(clone: Path) -> None:
    seed = HERE / "git/definitions"

    assert git("ls-files", at=clone).splitlines() == sorted(
        file.relative_to(seed).as_posix() for file in seed.rglob("*.yaml")
    )
    assert git("branch", "--show-current", at=clone) == "main"


def test_a_large_push_arrives_whole(clone: Path, git_server: GitServer, tmp_path: Path) -> None:
    """Above a megabyte git sends it in pieces."""
    (clone / "large").write_bytes(os.urandom(3_000_000))
    git("add", "--all", at=clone)
    git("commit", "--quiet", "--message=large", at=clone)

    git("push", "--quiet", at=clone)

    git("clone", "--quiet", git_server.url, "again", at=tmp_path)
    assert (tmp_path / "again/large").read_bytes() == (clone / "large").read_bytes()


def test_two_pushes_within_a_second_are_two_deliveries(clone: Path, git_server: GitServer) -> None:
    """What is signed in one second with the same body is taken for a replay."""
    got: Queue[bytes] = Queue()

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.put(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(202)
            self.end_headers()

    host, _, port = git_server.ours.rpartition(":")
    with HTTPServer((host, int(port)), Takes) as ours:
        thread = threading.Thread(target=ours.serve_forever, args=(0.01,))
        thread.start()
        for number in range(2):
            git("commit", "--quiet", "--allow-empty", f"--message={number}", at=clone)
            git("push", "--quiet", at=clone)
        bodies = [got.get(timeout=BOUND_S) for _ in range(2)]
        ours.shutdown()
        thread.join()

    assert bodies[0] != bodies[1]
    assert all(isinstance(json.loads(body), dict) for body in bodies)


def test_no_path_leads_out_of_the_repository(git_server: GitServer) -> None:
    outside = git_server.url.replace("definitions.git", "..%2f..%2fetc%2fpasswd")

    assert not requests.get(outside, timeout=BOUND_S).ok


def of_this_machine(home: Home, git_server: GitServer, brokers: dict[str, Broker]) -> None:
    """Give the daemon the settings of the example, with the addresses of this machine in them."""
    text = (HERE / "rmqsync.yaml").read_text().replace("/run/secrets/", f"{HERE}/secrets/")
    found = yaml.safe_load(text)
    found["source"] |= {"git": git_server.url, "poll": "1h"}
    found["daemon"] |= {"bind": git_server.ours, "data_dir": str(home.folder / "data")}
    for name, broker in brokers.items():
        password = home.folder / f"{name}_password"
        password.write_text(broker.password)
        cluster = found["clusters"][name]
        del cluster["nodes"]
        cluster["endpoints"] = [broker.management_url]
        cluster["amqp"] = [broker.amqp_url]
        cluster["username"] = broker.username
        cluster["password"] = {"file": str(password)}
    home.settings = found


def test_both_clusters_become_as_git_says_and_a_push_is_applied_without_a_poll(
    r310: Broker, r43: Broker, git_server: GitServer, clone: Path, tmp_path: Path
) -> None:
    brokers = {"north": r310, "south": r43}
    home = Home(tmp_path / "home")
    of_this_machine(home, git_server, brokers)
    with home.running() as daemon:
        for name in brokers:
            daemon.until_cluster(name, "as it was seeded", sync="in-sync")
        with r310.management() as api:
            queues = {one["name"] for one in api.get("queues", "shop")}
        assert "qu.order.archive.north" in queues

        file = clone / "base/shop.yaml"
        file.write_text(file.read_text().replace("max-length: 100000", "max-length: 200000"))
        git("commit", "--quiet", "--all", "--message=More room", at=clone)
        git("push", "--quiet", at=clone)
        commit = git("rev-parse", "HEAD", at=clone)

        for name in brokers:
            daemon.until_cluster(name, "as it was pushed", sync="in-sync", commit=commit)
        with r310.management() as api:
            policy = api.get("policies", "shop", "bounds")
        assert policy["definition"]["max-length"] == 200_000
        assert set(git_server.told()) == {"webhook: 202"}
