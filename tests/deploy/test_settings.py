"""Settings in deploy/ are right by rmqsync itself, and fit for a container."""

from pathlib import Path

import pytest

from tests.deploy.places import DEPLOY, SETTINGS, settings

NAMES = [path.relative_to(DEPLOY).as_posix() for path in SETTINGS]


def test_there_is_something_to_check() -> None:
    assert NAMES == ["compose/rmqsync.yaml", "kubernetes/rmqsync.yaml"]


@pytest.mark.parametrize("file", SETTINGS, ids=NAMES)
def test_settings_are_read_without_an_error(file: Path) -> None:
    assert settings(file).clusters


@pytest.mark.parametrize("file", SETTINGS, ids=NAMES)
def test_an_address_that_others_reach_has_a_token(file: Path) -> None:
    daemon = settings(file).daemon

    assert daemon.bind == "0.0.0.0:8080"
    assert daemon.tokens
    assert not daemon.allow_anonymous


@pytest.mark.parametrize("file", SETTINGS, ids=NAMES)
def test_every_cluster_has_a_lock(file: Path) -> None:
    """Else a second daemon, or a person at a terminal, could write at the same time."""
    assert all(cluster.amqp for cluster in settings(file).clusters.values())
