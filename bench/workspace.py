"""A git repository of generated definitions for one broker, and commands run in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.generate import LAYERS, Generated
from tests.brokers import Broker

_ROOT = Path(__file__).resolve().parent.parent
_LAUNCH = Path(__file__).resolve().with_name("launch.py")
_REQUEST = re.compile(r" method=(\w+) target=([^? \n]*)")
_GIT = {
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@example.com",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@example.com",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one command took, and said."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    code: int
    out: str
    err: str

    @property
    def requests(self) -> list[tuple[str, str]]:
        """Method and path of each request, where the command ran with `-vv`."""
        return [(found[1], found[2]) for found in _REQUEST.finditer(self.err)]

    @property
    def exports(self) -> int:
        return self.requests.count(("GET", "definitions"))


class Workspace:
    """Definitions are committed, and so is every change of them."""

    def __init__(self, folder: Path, broker: Broker, definitions: Generated) -> None:
        self.folder = folder
        self.definitions = definitions
        self._env = {
            **os.environ,
            **_GIT,
            "PYTHONPATH": str(_ROOT),
            "XDG_STATE_HOME": str(folder.with_name(f"{folder.name}.state")),
            "BENCH_URL": broker.management_url,
            "BENCH_USER": broker.username,
            "BENCH_PASSWORD": broker.password,
        }
        folder.mkdir(parents=True)
        for path, text in definitions.files.items():
            self.write(path, text)
        self.write("rmqsync.yaml", _settings(broker))
        self.document = folder.with_name(f"{folder.name}.json")
        self.document.write_text(json.dumps(definitions.document), encoding="utf-8")
        self._git("init", "-q")
        self.commit()

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def forget(self) -> None:
        """Empty the data folder, where sets that were compiled before are kept."""
        shutil.rmtree(self._env["XDG_STATE_HOME"], ignore_errors=True)

    def commit(self) -> None:
        self._git("add", "-A")
        self._git("commit", "-q", "-m", "bench")

    def rmqsync(self, *arguments: str, code: int = 0) -> Run:
        """Run the command line in a process of its own; another exit code than `code` raises."""
        return self._run([sys.executable, "-m", "rmqsync", *arguments], code)

    def module(self, name: str, *arguments: str) -> Any:
        """Run `python -m bench.NAME` in a process of its own; returns what it printed as JSON."""
        return json.loads(self._run([sys.executable, "-m", f"bench.{name}", *arguments], 0).out)

    def _run(self, command: list[str], code: int) -> Run:
        told = self.folder.with_name(f"{self.folder.name}.run")
        done = subprocess.run(
            [sys.executable, "-I", str(_LAUNCH), str(told), *command],
            cwd=self.folder,
            env=self._env,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != code:
            shown = " ".join(command[1:])
            raise RuntimeError(f"{shown} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        found = json.loads(told.read_text(encoding="utf-8"))
        return Run(**found, out=done.stdout, err=done.stderr)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, env=self._env, check=True)


def _settings(broker: Broker) -> str:
    layers = "".join(f"      - {layer}\n" for layer in LAYERS)
    return (
        "clusters:\n"
        "  bench:\n"
        f"    endpoints: [{broker.management_url}]\n"
        f"    username: {broker.username}\n"
        "    password: {env: BENCH_PASSWORD}\n"
        f"    layers:\n{layers}"
    )
