"""Commits, drift and time each have a policy of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home, names, shop


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r40")


def definitions(broker: Broker) -> Any:
    with broker.management() as api:
        found = api.get("definitions")
    return {key: value for key, value in found.items() if isinstance(value, list)}


def test_a_cluster_in_report_mode_is_never_written(tmp_path: Path, broker: Broker) -> None:
    home = Home(tmp_path / "home")
    home.cluster("one", broker, mode="report", on_drift="heal")
    before = definitions(broker)
    home.push(shop("qu.a"))
    with home.running() as daemon:
        found = daemon.until_cluster("one", "what would be done", sync="pending")
        assert [one["address"] for one in found["plan"]["changes"]] == [
            "vhost:shop",
            "queue:shop/qu.a",
        ]
        assert (found["drift_known"], found["drifts"]) == (False, [])
        assert "mode is report" in found["blocked"]
        calls: dict[str, Any] = {
            "sync": None,
            "pause": {"reason": "x"},
            "resume": None,
            "approve": {"fingerprint": found["plan"]["fingerprint"]},
        }
        asked = {path: daemon.post(f"/api/v1/clusters/one/{path}", calls[path]) for path in calls}
        statuses = {path: answer.status_code for path, answer in asked.items()}
        assert statuses == {"sync": 202, "pause": 409, "resume": 409, "approve": 409}
        assert "mode: report" in asked["pause"].text
        assert "nothing is applied" in asked["sync"].json()["note"]
        second = home.push(shop("qu.a", "qu.b"))
        daemon.until_cluster("one", "the next commit", sync="pending", commit=second)

        assert daemon.get("/api/v1/runs")["runs"] == []
    assert definitions(broker) == before


def test_a_commit_is_applied_beside_drift_that_is_only_reported(
    tmp_path: Path, broker: Broker
) -> None:
    home = Home(tmp_path / "home")
    home.cluster("one", broker, on_drift="report", windows=[{"cron": "* * * * *", "for": "2m"}])
    parameter = {"name": "shop", "value": {"open": 8}}
    home.push(shop("qu.a", global_parameters=[parameter]))
    with home.running() as daemon:
        daemon.until_cluster("one", "in its window", sync="in-sync")
        with broker.management() as api:
            api.put("global-parameters", "shop", body={"name": "shop", "value": {"open": 9}})
            daemon.until_cluster(
                "one", "drift", sync="drifted", drifted=1, held=0, drift_known=True
            )
            second = home.push(shop("qu.a", "qu.b", global_parameters=[parameter]))
            daemon.until(lambda: names(broker) == {"qu.a", "qu.b"}, "the commit is applied")
            daemon.until_cluster("one", "drift stays", sync="drifted", drifted=1, commit=second)

            assert api.get("global-parameters", "shop")["value"] == {"open": 9}


def test_a_pause_with_an_end_ends_by_itself(tmp_path: Path, broker: Broker) -> None:
    home = Home(tmp_path / "home")
    home.cluster("one", broker)
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        answer = daemon.post("/api/v1/clusters/one/pause", {"reason": "peak", "for": "15s"})
        assert answer.status_code == 200, answer.text
        second = home.push(shop("qu.a", "qu.b"))
        held = daemon.until_cluster("one", "paused", sync="held", commit=second)
        assert held["paused"]["until"] is not None
        assert names(broker) == {"qu.a"}

        daemon.until_cluster("one", "it is over", sync="in-sync", paused=None)
        assert names(broker) == {"qu.a", "qu.b"}
