"""Where a daemon finds its settings and definitions; a module may choose another `broker`."""

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.daemon.daemons import Home


@pytest.fixture
def empty_home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def home(empty_home: Home, broker: Broker) -> Home:
    empty_home.cluster("one", broker)
    return empty_home
