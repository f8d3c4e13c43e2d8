"""A repository, a settings file and `rmqsync run` as a process of its own, for tests end to end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from tests.brokers import Broker
from tests.cli.workspace import GIT
from tests.daemon.launchers import Here, Launcher, Process

TOKEN = "t0ken-of-the-operators"
HOOK = "s3cret-of-the-forge"
BOUND_S = 40.0
"""However busy the machine is, what a test waits for has come by then."""


@dataclass
class Home:
    """A bare repository that the daemon fetches from, and a clone in which people work."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    launcher: Launcher = field(default_factory=Here)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "--bare", "-b", "main", str(self.remote), at=self.folder)
        # as the forges do: copies hold only files that were read
        self.git("config", "uploadpack.allowFilter", "true", at=self.remote)
        self.git("clone", "-q", str(self.remote), str(self.work), at=self.folder)
        self.settings = {
            "source": {"git": self.remote.as_uri(), "branch": "main", "poll": "2s"},
            "daemon": {
                "bind": "127.0.0.1:0",
                "data_dir": self.launcher.data_dir(self.folder),
                "tokens": {
                    "ops": {"env": "OPS_TOKEN", "can": ["plan", "sync", "pause", "approve"]}
                },
                "webhooks": {"generic": {"env": "HOOK_SECRET"}},
                "grace": "20s",
            },
            "clusters": {},
        }
        self.environ = {"OPS_TOKEN": TOKEN, "HOOK_SECRET": HOOK}

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def config(self) -> Path:
        return self.folder / "rmqsync.yaml"

    def git(self, *words: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *words], cwd=at or self.work, env={**os.environ, **GIT},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def cluster(self, name: str, broker: Broker, **keys: Any) -> None:
        self.environ["BROKER_PASSWORD"] = broker.password
        self.settings["clusters"][name] = {
            "layers": ["base"],
            "endpoints": [broker.management_url],
            "username": broker.username,
            "password": {"env": "BROKER_PASSWORD"},
            "amqp": [broker.amqp_url],
            "every": "2s",
            **keys,
        }

    def snapshot(self, name: str, **keys: Any) -> None:
        """Add a cluster that is a file: nothing but its source is asked."""
        (self.folder / f"{name}.json").write_text('{"rabbit_version": "4.0.5", "vhosts": []}')
        self.settings["clusters"][name] = {
            "endpoints": [f"file:{name}.json"],
            "layers": ["base"],
            "every": "2s",
            **keys,
        }

    def push(self, document: Mapping[str, Any] | str, *options: str) -> str:
        """Commit definitions and push them; return the commit."""
        file = self.work / "base" / "all.yaml"
        file.parent.mkdir(exist_ok=True)
        text = document if isinstance(document, str) else yaml.safe_dump(dict(document))
        file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "definitions")
        self.git("push", "-q", *options, "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def secret(self, file: Path) -> dict[str, str]:
        """Let the daemon read a file that only its owner may; return the reference to it."""
        self.launcher.hand_over(file)
        return {"file": str(file)}

    def run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another verb on the settings of the daemon."""
        command = [verb, "--config", str(self.config), *words]
        return self.launcher.run(command, self.folder, self.environ)

    @contextmanager
    def running(self, *words: str, kill: bool = False) -> Iterator[Running]:
        """Run the daemon; in the end stop it as a service manager does, and see it end well."""
        self.config.write_text(yaml.safe_dump(self.settings))
        log = self.folder / "log"
        begins = log.stat().st_size if log.exists() else 0
        command = ["run", "--config", str(self.config), *words]
        process = self.launcher.start(command, self.folder, self.environ, log)
        daemon = Running(process, log, begins)
        try:
            daemon.until(lambda: daemon.url, "it listens")
            yield daemon
            if process.poll() is None:
                process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
                code = process.wait(BOUND_S)
                assert code == (-signal.SIGKILL if kill else 0), daemon.text
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@dataclass
class Running:
    """A daemon that runs."""

    process: Process
    log: Path
    begins: int

    @property
    def text(self) -> str:
        return self.log.read_bytes()[self.begins :].decode()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines() if line.startswith("{")]

    @property
    def url(self) -> str | None:
        for line in self.lines:
            if line["message"].startswith("listening on "):
                return str(line["message"].removeprefix("listening on "))
        return None

    def source(self, number: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = self.get("/api/v1/fleet")["sources"][number]
        return found

    def messages(self, beginning: str) -> list[str]:
        """Return what was logged and begins so."""
        found = (str(line["message"]) for line in self.lines)
        return [one for one in found if one.startswith(beginning)]

    def get(self, path: str) -> Any:
        answer = requests.get(f"{self.url}{path}", timeout=BOUND_S)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers["content-type"] else answer.text

    def post(self, path: str, body: Any = None, *, token: str | None = TOKEN) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return requests.post(f"{self.url}{path}", json=body, headers=headers, timeout=BOUND_S)

    def cluster(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"/api/v1/clusters/{name}")
        return found

    def runs(self, number: int) -> list[dict[str, Any]]:
        """Return the runs once there are so many: the history is written after all else is told."""
        return list(
            self.until(
                lambda: len(found := self.get("/api/v1/runs")["runs"]) >= number and found,
                f"{number} runs",
            )
        )

    def until(self, found: Callable[[], Any], what: str, bound_s: float = BOUND_S) -> Any:
        """Return what is found once it is anything; fail with the log after a time."""
        deadline = time.monotonic() + bound_s
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"it ended: {self.text}"
            value = found()
            if value:
                return value
            time.sleep(0.1)
        raise AssertionError(f"not within {bound_s} s: {what}\n{self.text[-6000:]}")

    def until_cluster(self, name: str, what: str, **keys: Any) -> dict[str, Any]:
        """Wait until what is told of a cluster has these values; return it."""

        def fits() -> dict[str, Any] | None:
            now = self.cluster(name)
            return now if all(now[key] == value for key, value in keys.items()) else None

        try:
            found: dict[str, Any] = self.until(fits, f"{what}: {keys}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{json.dumps(self.cluster(name), indent=1)}") from None
        return found


def shop(*queues: str, **more: Any) -> dict[str, Any]:
    """Return definitions of a vhost with these queues."""
    return {
        "vhosts": [{"name": "shop"}],
        "queues": [{"vhost": "shop", "name": name} for name in queues],
        **more,
    }


def names(broker: Broker) -> set[str]:
    """Return the queues that are there."""
    with broker.management() as api:
        return {one["name"] for one in api.get("queues", "shop")}
