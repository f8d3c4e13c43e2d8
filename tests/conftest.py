"""Fixtures that give tests a real RabbitMQ, and PostgreSQL; `tests/brokers` tells how."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.brokers import Broker, Unavailable
from tests.brokers.pool import Pool, are_required
from tests.postgres.server import Postgres, server

os.environ["RMQSYNC_TRACEBACK"] = "1"  # an error that nobody expected fails the test
settings.register_profile("rmqsync", deadline=None)  # no test asserts on time
settings.load_profile("rmqsync")
FIGURE = "figure"
"""Property that a test records for what it measured; it is told in the end."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell what tests measured, and how to draw the same samples again."""
    for report in (one for found in terminalreporter.stats.values() for one in found):
        if isinstance(report, pytest.TestReport) and report.when == "call":
            for name, text in report.user_properties:
                if name == FIGURE:
                    terminalreporter.write_line(str(text))


BrokerSource = Callable[..., Broker]
"""`(generation, number=0)`: an empty broker; another number is another broker."""


@pytest.fixture(scope="session")
def broker_pool() -> Iterator[Pool]:
    """The session's brokers; for fixtures that fill one once for many tests."""
    with Pool() as pool:
        yield pool


@pytest.fixture
def empty_broker(broker_pool: Pool) -> BrokerSource:
    """Gives empty brokers by generation, several of one where a test needs them."""

    def give(generation: str, number: int = 0) -> Broker:
        try:
            return broker_pool.empty_broker(generation, number)
        except Unavailable as error:
            if are_required():
                raise
            pytest.skip(str(error))

    return give


@pytest.fixture
def r310(empty_broker: BrokerSource) -> Broker:
    """An empty RabbitMQ 3.10."""
    return empty_broker("r310")


@pytest.fixture
def r40(empty_broker: BrokerSource) -> Broker:
    """An empty RabbitMQ 4.0."""
    return empty_broker("r40")


@pytest.fixture
def r43(empty_broker: BrokerSource) -> Broker:
    """An empty RabbitMQ 4.3 or later."""
    return empty_broker("r43")


@pytest.fixture
def c310(empty_broker: BrokerSource) -> Broker:
    """An empty cluster of RabbitMQ 3.10: three nodes, the third a RAM node."""
    return empty_broker("c310")


@pytest.fixture(params=["r310", "r40", "r43"])
def broker(request: pytest.FixtureRequest, empty_broker: BrokerSource) -> Broker:
    """An empty broker of each generation in turn."""
    return empty_broker(request.param)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the session."""
    try:
        with server() as found:
            yield found
    except Unavailable as error:
        if are_required():
            raise
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", "postgresql"])
def history_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty history of each sort in turn, as `daemon.history` names it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history/runs.sqlite"
    found: Postgres = request.getfixturevalue("postgres")
    return found.new_database()
