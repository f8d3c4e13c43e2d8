"""Two daemons on the same cluster, with one history: they share the work, and never both write."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home, Running, names, shop


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r43")


@pytest.fixture
def homes(tmp_path: Path, broker: Broker, history_url: str) -> tuple[Home, Home]:
    """Two machines: each with data of its own, one repository, one history."""
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    for home in (one, other):
        home.cluster("mq", broker)
        home.settings["daemon"]["history"] = {"env": "HISTORY"}
        home.environ["HISTORY"] = history_url
    other.settings["source"] = one.settings["source"]
    return one, other


@contextmanager
def both(homes: tuple[Home, Home]) -> Iterator[tuple[Running, Running]]:
    with homes[0].running() as one, homes[1].running() as other:
        yield one, other


def in_sync(daemons: tuple[Running, Running], commit: str) -> None:
    for daemon in daemons:
        daemon.until_cluster("mq", "both follow", sync="in-sync", commit=commit)


def test_each_commit_is_applied_once_by_whoever_is_first(
    homes: tuple[Home, Home], broker: Broker
) -> None:
    commits = [homes[0].push(shop("qu.0"))]
    with both(homes) as daemons:
        in_sync(daemons, commits[0])
        for number in range(1, 3):
            commits.append(homes[0].push(shop(*(f"qu.{n}" for n in range(number + 1)))))
            in_sync(daemons, commits[-1])

        for daemon in daemons:
            runs = daemon.get("/api/v1/runs")["runs"]
            assert [run["commit"] for run in reversed(runs)] == commits
            assert {run["status"] for run in runs} == {"applied"}
            assert not daemon.messages("cluster mq: changes are held")
            assert not daemon.messages("cluster mq: the last run failed")
            assert not daemon.messages("cluster mq: the last comparison failed")
        assert names(broker) == {f"qu.{n}" for n in range(3)}


@pytest.mark.parametrize("history_url", ["postgresql"], indirect=True)
def test_an_approval_made_at_one_counts_at_the_other(
    homes: tuple[Home, Home], broker: Broker
) -> None:
    first = homes[0].push(shop("qu.a", "qu.full"))
    # Whoever is asked may not write now, so that it is the other that has to.
    month = time.gmtime(time.time() + 40 * 86400).tm_mon
    closed = [{"cron": f"0 0 1 {month} *", "for": "1h"}]
    homes[0].settings["clusters"]["mq"]["windows"] = closed
    with both(homes) as daemons:
        in_sync(daemons, first)
        with broker.management() as api:
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            api.put("permissions", "shop", broker.username, body=rights)
            message = {"properties": {"delivery_mode": 2}, "routing_key": "qu.full"}
            body = {**message, "payload": "x", "payload_encoding": "string"}
            api.post("exchanges", "shop", "amq.default", "publish", body=body)
        homes[0].push(shop("qu.a"))
        plans = [
            daemon.until_cluster("mq", "a held deletion", sync="held")["plan"] for daemon in daemons
        ]
        assert plans[0]["fingerprint"] == plans[1]["fingerprint"]

        asked, other = daemons
        answer = asked.post("/api/v1/clusters/mq/approve", {"fingerprint": plans[0]["fingerprint"]})
        assert answer.status_code == 200, answer.text
        for daemon in daemons:
            daemon.until_cluster("mq", "it is deleted", sync="in-sync")
        assert names(broker) == {"qu.a"}
        runs = other.get("/api/v1/runs")["runs"]
        assert [run["status"] for run in runs].count("applied") == 2


@pytest.mark.parametrize("history_url", ["postgresql"], indirect=True)
def test_one_that_is_behind_fetches_before_it_tells_of_anything_held(
    homes: tuple[Home, Home], broker: Broker
) -> None:
    homes[1].settings["source"] = {**homes[0].settings["source"], "poll": "1h"}
    first = homes[0].push(shop("qu.a"))
    with both(homes) as daemons:
        in_sync(daemons, first)
        second = homes[0].push(shop("qu.a", "qu.b"))
        in_sync(daemons, second)

        assert not daemons[1].messages("cluster mq: changes are held")
        assert len(daemons[1].get("/api/v1/runs")["runs"]) == 2
