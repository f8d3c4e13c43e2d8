"""What lasts: clusters that come back, and what the daemon keeps in its data folder."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from urllib.parse import urlsplit

import pytest
import requests

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home, names, shop
from tests.daemon.switch import switch

NOTHING = 9
"""A port on which nothing listens."""


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r43")


def test_a_cluster_that_dies_is_told_and_gets_what_it_missed_once_it_is_back(
    home: Home, broker: Broker
) -> None:
    port = urlsplit(broker.management_url).port
    assert port is not None
    with switch(port) as line:
        home.cluster("one", broker, endpoints=[f"http://127.0.0.1:{line.port}"])
        home.push(shop("qu.a"))
        with home.running() as daemon:
            daemon.until_cluster("one", "the first commit", sync="in-sync")
            line.to(NOTHING)
            daemon.until_cluster("one", "it is dead", sync="unreachable")
            assert requests.get(f"{daemon.url}/readyz", timeout=9).status_code == 200
            missed = home.push(shop("qu.a", "qu.b"))
            daemon.until(lambda: daemon.source()["commit"] == missed, "the commit is fetched")
            assert names(broker) == {"qu.a"}

            line.to(port)
            daemon.until_cluster("one", "it is back", sync="in-sync", commit=missed)
            assert names(broker) == {"qu.a", "qu.b"}


def test_runs_and_exports_are_kept_in_the_data_folder_over_a_restart(
    home: Home, broker: Broker
) -> None:
    first = home.push(shop("qu.a"))
    data = home.folder / "data"
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync", commit=first)
        (run,) = daemon.runs(1)

    with closing(sqlite3.connect(f"file:{data}/history.sqlite?mode=ro", uri=True)) as history:
        assert history.execute("SELECT count(*) FROM rmqsync_runs").fetchall() == [(1,)]
    assert [file.parent.name for file in (data / "backups").glob("*/*")] == ["one"]
    assert data.stat().st_mode & 0o077 == 0
    with home.running() as daemon:
        daemon.until_cluster("one", "it goes on", sync="in-sync", commit=first)
        assert daemon.runs(1) == [run]
