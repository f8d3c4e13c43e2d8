"""A daemon in this process, on a broker that is a fake: one cycle at a time, by a clock of ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from rmqsync.cli.outcome import end_code
from rmqsync.daemon.cycle import Request
from rmqsync.daemon.documents import ClusterDetailDocument
from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.service import Daemon
from rmqsync.daemon.start import Running
from rmqsync.wiring import Session
from tests.cli.workspace import GIT
from tests.fakes.management import PASSWORD, USERNAME, FakeBroker

NAME = "mq"


def fake_broker() -> FakeBroker:
    """Return a broker on which our user may do everything."""
    user = {"name": USERNAME, "tags": ["administrator"], "password_hash": "x", "limits": {}}
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    definitions = {
        "users": [{**user, "hashing_algorithm": "rabbit_password_hashing_sha256"}],
        "permissions": [{"user": USERNAME, "vhost": "/", **everything}],
    }
    return FakeBroker(version="4.0.5", features=[], definitions=definitions)


@dataclass
class Inside:
    """One cluster, and the folder that its definitions come from."""

    folder: Path
    broker: FakeBroker
    keys: Mapping[str, Any] = field(default_factory=dict)
    """More settings of the cluster."""
    clock: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    """What cycles take for the time."""

    def __post_init__(self) -> None:
        self.work = self.folder / "work"
        (self.work / "base").mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> None:
        subprocess.run(
            ["git", *words], cwd=self.work, env={**os.environ, **GIT}, check=True
        )  # fmt: skip

    def commit(self, *queues: str, **more: Any) -> None:
        """Have these queues declared, and nothing else but what is said."""
        declared = [{"vhost": "/", "name": name} for name in queues]
        document = {"vhosts": [{"name": "/"}], "queues": declared, **more}
        (self.work / "base" / "all.yaml").write_text(yaml.safe_dump(document))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "definitions")

    @contextmanager
    def running(self) -> Iterator[At]:
        """Put a daemon together that does nothing by itself."""
        cluster = {
            "layers": ["base"], "endpoints": [self.broker.url], "username": USERNAME,
            "password": {"env": "PASSWORD"}, **self.keys,
        }  # fmt: skip
        source = {"path": str(self.work)}
        settings = self.folder / "rmqsync.yaml"
        settings.write_text(yaml.safe_dump({"source": source, "clusters": {NAME: cluster}}))
        environ = {**os.environ, "PASSWORD": PASSWORD}
        session = Session(str(settings), str(self.folder / "data"), environ)
        running = Running(session, Metrics, lambda result: end_code([result], None))
        running.cycles.now = lambda: self.clock
        running.lanes.close(0)  # cycles are only those that tests carry out
        try:
            yield At(running)
        finally:
            running.stop(5)
            session.close()


@dataclass
class At:
    """A daemon that was put together."""

    running: Running

    @property
    def service(self) -> Daemon:
        return self.running.service

    def cycle(self, trigger: str = "schedule", who: str | None = None) -> ClusterDetailDocument:
        """Fetch, carry out one cycle, and return what is told then."""
        (source,) = self.running.sources.names
        self.running.sources.update(source)
        self.running._cycle(NAME, Request(trigger, who))
        return self.service.cluster(NAME)
