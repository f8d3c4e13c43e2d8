"""A folder with rmqsync.yaml and definitions, and the command line run in it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from rmqsync.cli.main import run
from tests.brokers import Broker

GIT = {
    "GIT_AUTHOR_NAME": "t",
    "GIT_AUTHOR_EMAIL": "t@example.com",
    "GIT_COMMITTER_NAME": "t",
    "GIT_COMMITTER_EMAIL": "t@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass
class Outcome:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def cluster(self) -> dict[str, Any]:
        """The one cluster of a plan."""
        (found,) = self.document["clusters"]
        return found

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(change["action"], change["address"]) for change in self.cluster["changes"]]

    @property
    def last_line(self) -> str:
        return self.out.strip().splitlines()[-1]


@dataclass
class Workspace:
    """Commands run here, in this process."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch
    settings: dict[str, Any] = field(default_factory=lambda: {"clusters": {}})

    def cluster(self, name: str, broker: Broker | None = None, **keys: Any) -> None:
        """Add a cluster to the settings; keys are those of `rmqsync.yaml`."""
        found: dict[str, Any] = {"layers": ["base"]}
        if broker is not None:
            variable = f"PASSWORD_{name.upper()}"
            self.monkeypatch.setenv(variable, broker.password)
            found |= {
                "endpoints": [broker.management_url],
                "username": broker.username,
                "password": {"env": variable},
            }
        self.settings["clusters"][name] = found | keys
        self.save()

    def secret(self, name: str, value: str | None, *patterns: str) -> None:
        variable = f"SECRET_{name.upper()}"
        if value is not None:
            self.monkeypatch.setenv(variable, value)
        entry = {"env": variable, "for": list(patterns) or ["*"]}
        self.settings.setdefault("secrets", {})[name] = entry
        self.save()

    def save(self) -> None:
        (self.folder / "rmqsync.yaml").write_text(yaml.safe_dump(self.settings, sort_keys=False))

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def define(self, document: dict[str, Any], path: str = "base/all.yaml") -> None:
        self.write(path, yaml.safe_dump(document, allow_unicode=True, sort_keys=False))

    def run(self, *arguments: str) -> Outcome:
        self.monkeypatch.chdir(self.folder)
        self.capsys.readouterr()
        code = run(list(arguments))
        found = self.capsys.readouterr()
        return Outcome(code, found.out, found.err)

    def plan(self, *arguments: str) -> Outcome:
        return self.run("plan", "--format", "json", *arguments)

    def apply(self, *arguments: str) -> Outcome:
        return self.run("apply", "--auto-approve", "--format", "json", *arguments)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "change") -> str:
        if not (self.folder / ".git").exists():
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")
