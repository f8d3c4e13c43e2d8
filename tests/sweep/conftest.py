"""The seed of the sample."""

from __future__ import annotations

import os
import random

import pytest

from tests.cli.conftest import workspace

__all__ = ["workspace"]


@pytest.fixture(scope="session")
def seed() -> str:
    """What the sample is drawn by: `RMQSYNC_SWEEP_SEED`, else a new one."""
    return os.environ.get("RMQSYNC_SWEEP_SEED") or str(random.randrange(10**6))
