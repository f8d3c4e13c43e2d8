"""Who follows a cluster is told of what is held, of what holds it now, and of what allows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.daemons import Home, names, shop

BODY = {"properties": {"delivery_mode": 2}, "payload": "x", "payload_encoding": "string"}
FULL = "queue:shop/qu.full"
RIGHTS = {"configure": ".*", "write": ".*", "read": ".*"}


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r40")


def test_after_a_pause_it_is_told_what_holds_a_change_now(home: Home, broker: Broker) -> None:
    home.push(shop("qu.a", "qu.full"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        with broker.management() as api:
            api.put("permissions", "shop", broker.username, body=RIGHTS)
            publish = {**BODY, "routing_key": "qu.full"}
            api.post("exchanges", "shop", "amq.default", "publish", body=publish)
        daemon.until(lambda: counted(broker, "qu.full") == 1, "the message is counted")
        paused = daemon.post("/api/v1/clusters/one/pause", {"reason": "upgrade"})
        assert paused.status_code == 200, paused.text
        second = home.push(shop("qu.a", "qu.b"))
        daemon.until_cluster("one", "paused", sync="held", commit=second)
        daemon.until(lambda: daemon.messages("cluster one: changes are held"), "that is told")

        assert daemon.post("/api/v1/clusters/one/resume").status_code == 200
        beginning = "cluster one: 1 change is held for another reason now: "
        daemon.until(lambda: daemon.messages(beginning), "what holds it now is told")
        daemon.until_cluster("one", "what is not held is made", sync="held", held=1, running=None)
        assert names(broker) == {"qu.a", "qu.b", "qu.full"}
        checked = daemon.cluster("one")["checked_at"]
        daemon.until(lambda: daemon.cluster("one")["checked_at"] > checked, "another look")
        (told,) = daemon.messages(beginning)
    assert told.removeprefix(beginning).split("; ") == [
        f"delete {FULL}: 1 message would be lost",
        "allowed loss is access",
        f"to allow: rmqsync approve one {FULL}",
        f"to allow: rmqsync apply --cluster one --allow-loss messages:{FULL}",
    ]


def counted(broker: Broker, queue: str) -> int:
    with broker.management() as api:
        return int(api.get("queues", "shop", queue).get("messages", 0))


def test_of_a_cluster_that_is_never_written_no_way_out_is_told(
    tmp_path: Path, broker: Broker
) -> None:
    home = Home(tmp_path / "home")
    home.cluster("one", broker, mode="report")
    with broker.management() as api:
        api.put("global-parameters", "shop", body={"name": "shop", "value": {"open": 9}})
    home.push(shop("qu.a", global_parameters=[{"name": "shop", "value": {"open": 8}}]))
    with home.running() as daemon:
        daemon.until_cluster("one", "it is held", sync="held")
        beginning = "cluster one: changes are held: "
        daemon.until(lambda: daemon.messages(beginning), "that is told")
        (told,) = daemon.messages(beginning)
    approve = home.run("approve", "one", "global_parameter:shop", "--auto-approve")

    assert approve.returncode == 64  # so it must not be told
    assert "global_parameter:shop: it was there before rmqsync" in told
    assert "there is nothing to allow: the mode of the cluster is report" in told
    assert "rmqsync apply" not in told
    assert "rmqsync approve" not in told


def test_drift_that_a_pause_holds_says_that_it_stays_after_that(home: Home, broker: Broker) -> None:
    home.push(shop("qu.a", global_parameters=[{"name": "shop", "value": {"open": 8}}]))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        with broker.management() as api:
            api.put("global-parameters", "shop", body={"name": "shop", "value": {"open": 9}})
        before = daemon.until_cluster("one", "drift", sync="drifted", drifted=1)
        paused = daemon.post("/api/v1/clusters/one/pause", {"reason": "upgrade"})
        assert paused.status_code == 200, paused.text

        def stopped() -> dict[str, Any] | None:
            now = daemon.cluster("one")
            return now if now["paused"] else None

        during = daemon.until(stopped, "it is paused")
        assert daemon.post("/api/v1/clusters/one/resume").status_code == 200
        after = daemon.until_cluster("one", "it is resumed", sync="drifted", paused=None)
    left, held, still = (one["drifts"][0]["change"]["hold"] for one in (before, during, after))
    assert still == left
    assert (left["code"], held["code"]) == ("drift", "paused")
    assert held["reason"] == (
        f"the cluster is paused by ops: upgrade; it is held once that is over as well: "
        f"{left['reason']}"
    )
