"""Applies the example to brokers as a user would."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.demo.workplace import DEFINITIONS, secrets_for, settings_for, write_settings

Run = Callable[..., str]
"""`(*words, code=0)`: runs rmqsync in a process of its own, returns its stdout."""


@pytest.fixture
def site_run(tmp_path: Path) -> Callable[[Mapping[str, Broker]], Run]:
    """Gives the command line for the sites of the example at these brokers."""

    def at(brokers: Mapping[str, Broker]) -> Run:
        write_settings(tmp_path / "rmqsync.yaml", settings_for(brokers, {"path": str(DEFINITIONS)}))
        environ = {n: v for n, v in os.environ.items() if not n.startswith("RMQSYNC_")}
        environ |= secrets_for(brokers) | {"XDG_STATE_HOME": str(tmp_path / "state")}

        def run(*words: str, code: int = 0) -> str:
            done = subprocess.run(
                [sys.executable, "-m", "rmqsync", *words],
                cwd=tmp_path,
                env=environ | {"PYTHONPATH": str(DEFINITIONS.parents[1])},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout

        return run

    return at
