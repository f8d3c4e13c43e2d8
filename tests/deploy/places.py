"""The files of deploy/, and what they must fit: the settings of rmqsync and the Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from rmqsync.app.apply import ApplyOptions
from rmqsync.config.read import read_settings
from rmqsync.config.secrets import SecretRef
from rmqsync.config.settings import Settings
from rmqsync.daemon.lanes import QUICK, SLOW
from rmqsync.kinds import KINDS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SETTINGS = sorted(DEPLOY.rglob("rmqsync.yaml"))
DATA = "/var/lib/rmqsync"
_OTHER_THREADS = 200
"""Of the web server, fetches with their `git` and `ssh`, the scheduler, and messages."""


def load(path: str) -> Any:
    """A YAML file of deploy/."""
    return yaml.safe_load((DEPLOY / path).read_text())


def settings(file: Path) -> Settings:
    """As rmqsync itself reads them."""
    return read_settings(str(file), lambda name: Path(name).read_bytes(), "/", KINDS.names)


def secret_files(found: Settings) -> set[str]:
    """Every file that holds a secret of these settings."""
    return {ref.file for ref in _refs(found) if ref.file is not None}


def _refs(found: Settings) -> Iterator[SecretRef]:
    yield from found.secrets.values()
    yield from found.daemon.tokens.values()
    yield from found.daemon.webhooks.values()
    yield from (one.url for one in found.notify)
    for cluster in found.clusters.values():
        refs = (cluster.password, cluster.source.token, cluster.source.ssh_key, *cluster.amqp)
        yield from (ref for ref in refs if isinstance(ref, SecretRef))


def dockerfile(instruction: str) -> str:
    """The rest of the last line of the Dockerfile that begins with `instruction`."""
    text = (ROOT / "Dockerfile").read_text()
    return re.findall(rf"^{instruction} (.*)$", text, re.MULTILINE)[-1]


def seconds(duration: str) -> int:
    """What a duration of compose or systemd in whole seconds means."""
    return int(duration.removesuffix("s"))


def most_threads() -> int:
    """As many as a daemon may have at once: a commit for all clusters, while pages are read."""
    of_a_cycle = 2 + ApplyOptions().parallelism
    return (QUICK + SLOW) * of_a_cycle + _OTHER_THREADS
