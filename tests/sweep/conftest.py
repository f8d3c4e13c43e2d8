"""The seed of the sample, and a line about it."""

from __future__ import annotations

import os
import random

import pytest

from tests.cli.conftest import workspace

__all__ = ["workspace"]

SEED = pytest.StashKey[str]()
TRIALS = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> str:
    """What the sample is drawn by: `RMQSYNC_SWEEP_SEED`, else a new one."""
    found = os.environ.get("RMQSYNC_SWEEP_SEED") or str(random.randrange(10**6))
    pytestconfig.stash[SEED] = found
    return found


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how to have the same sample again."""
    if SEED in config.stash:
        number = config.stash.get(TRIALS, 0)
        line = f"fault sweep: {number} trials, RMQSYNC_SWEEP_SEED={config.stash[SEED]}"
        terminalreporter.write_line(line)
