"""The daemon as a process, against real brokers and a real repository."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import time
from typing import Any

import requests

from tests.brokers import Broker
from tests.daemon.daemons import HOOK, Home, Running, names, shop


def test_what_is_pushed_is_applied(home: Home, broker: Broker) -> None:
    first = home.push(shop("qu.a"))
    with home.running() as daemon:
        found = daemon.until_cluster("one", "the first commit", sync="in-sync", commit=first)
        assert found["applied"]["commit"] == first
        assert names(broker) == {"qu.a"}

        second = home.push(shop("qu.a", "qu.b"))
        daemon.until_cluster("one", "the second commit", sync="in-sync", commit=second)
        assert names(broker) == {"qu.a", "qu.b"}

        runs = daemon.runs(2)
        assert [(run["status"], run["commit"]) for run in runs] == [
            ("applied", second),
            ("applied", first),
        ]
        assert daemon.get("/readyz") is not None
        metrics = daemon.get("/metrics")
        assert 'rmqsync_cluster_sync{cluster="one",state="in-sync"} 1.0' in metrics
        assert 'rmqsync_webhooks_total{forge="generic",result="bad-signature"} 0.0' in metrics


def test_drift_is_told_and_left_alone(home: Home, broker: Broker) -> None:
    policy = {"vhost": "shop", "name": "p", "pattern": "^qu", "definition": {"max-length": 1000}}
    home.push(shop("qu.a", policies=[policy]))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        by_hand = {"pattern": "^qu", "apply-to": "all", "definition": {"max-length": 2000}}
        with broker.management() as api:
            api.put("policies", "shop", "p", body=by_hand)

        found = daemon.until_cluster("one", "drift", sync="drifted", drifted=1)
        (drift,) = found["drifts"]
        assert (drift["address"], drift["cause"], drift["times"]) == ("policy:shop/p", "drift", 1)
        with broker.management() as api:
            (live,) = (one for one in api.get("policies", "shop") if one["name"] == "p")
            assert live["definition"] == {"max-length": 2000}
            api.put("policies", "shop", "p", body={**by_hand, "definition": {"max-length": 1000}})
        daemon.until_cluster("one", "no drift", sync="in-sync", drifted=0)
        with broker.management() as api:
            api.put("policies", "shop", "p", body=by_hand)
        again = daemon.until_cluster("one", "drift again", sync="drifted", drifted=1)
        assert again["drifts"][0]["times"] == 2


def test_drift_is_healed_where_that_is_wanted(home: Home, broker: Broker) -> None:
    home.cluster("one", broker, on_drift="heal")
    parameter = {"name": "shop", "value": {"open": 8}}
    home.push(shop("qu.a", global_parameters=[parameter]))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        with broker.management() as api:
            api.put("global-parameters", "shop", body={"name": "shop", "value": {"open": 9}})

            def healed() -> bool:
                value: Any = api.get("global-parameters", "shop")
                return bool(value["value"] == {"open": 8})

            daemon.until(healed, "the parameter is put back")


def test_a_broken_commit_keeps_the_last_good_one_in_force(home: Home, broker: Broker) -> None:
    good = home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync", commit=good)
        broken = home.push("queues:\n  - name: qu.b\n    tipe: quorum\n")

        (source,) = daemon.until(
            lambda: [one for one in daemon.get("/api/v1/fleet")["sources"] if one["broken_commit"]],
            "the broken commit is told",
        )
        assert source["broken_commit"] == broken
        assert source["commit"] == good
        assert source["findings"][0]["source"]["file"] == "base/all.yaml"
        assert daemon.cluster("one")["sync"] == "in-sync"
    with home.running() as daemon:
        daemon.until_cluster("one", "the good one after a restart", sync="in-sync", commit=good)
        assert names(broker) == {"qu.a"}
        mended = home.push(shop("qu.a", "qu.c"))
        daemon.until_cluster("one", "the mended one", sync="in-sync", commit=mended)


def signed(body: bytes) -> dict[str, str]:
    at = str(int(time.time()))
    digest = hmac.new(HOOK.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Rmqsync-Signature": f"t={at},v1={digest}"}


def test_a_webhook_is_quicker_than_the_poll(home: Home, broker: Broker) -> None:
    home.settings["source"]["poll"] = "1h"
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        second = home.push(shop("qu.a", "qu.b"))
        body = json.dumps({"whatever": True}).encode()
        url = f"{daemon.url}/webhooks/generic"
        assert requests.post(url, data=body, timeout=9).status_code == 401
        answer = requests.post(url, data=body, headers=signed(body), timeout=9)

        assert answer.status_code == 202
        daemon.until_cluster("one", "the second commit", sync="in-sync", commit=second)
        assert daemon.runs(2)[0]["trigger"] == "webhook"


def test_a_dead_cluster_delays_no_other(empty_home: Home, broker: Broker) -> None:
    home = empty_home
    home.cluster("alive", broker)
    home.cluster("dead", broker, endpoints=["http://127.0.0.1:9"], amqp=[])
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("alive", "the first commit", sync="in-sync")
        found = daemon.until_cluster("dead", "it is told", sync="unreachable")
        assert "127.0.0.1:9" in found["error"]
        assert requests.get(f"{daemon.url}/readyz", timeout=9).status_code == 200


def test_a_held_change_goes_ahead_once_it_is_approved(home: Home, broker: Broker) -> None:
    home.push(shop("qu.a", "qu.full"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        with broker.management() as api:
            message = {"properties": {"delivery_mode": 2}, "routing_key": "qu.full"}
            body = {**message, "payload": "x", "payload_encoding": "string"}
            api.put("permissions", "shop", broker.username, body={
                "configure": ".*", "write": ".*", "read": ".*"
            })  # fmt: skip
            api.post("exchanges", "shop", "amq.default", "publish", body=body)
        home.push(shop("qu.a"))
        held = daemon.until_cluster("one", "a held deletion", sync="held")
        (change,) = [one for one in held["plan"]["changes"] if one["hold"]]
        assert change["address"] == "queue:shop/qu.full"
        assert names(broker) == {"qu.a", "qu.full"}

        wrong = daemon.post("/api/v1/clusters/one/approve", {"fingerprint": "x" * 8})
        assert wrong.status_code == 409
        nobody = daemon.post("/api/v1/clusters/one/approve", {}, token="wrong")
        assert nobody.status_code == 401
        answer = daemon.post(
            "/api/v1/clusters/one/approve",
            {"fingerprint": held["plan"]["fingerprint"], "addresses": [change["address"]]},
        )
        assert answer.status_code == 200, answer.text
        daemon.until_cluster("one", "it is deleted", sync="in-sync")
        assert names(broker) == {"qu.a"}


def test_a_paused_cluster_is_left_alone_until_it_is_resumed(home: Home, broker: Broker) -> None:
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        paused = daemon.post("/api/v1/clusters/one/pause", {"reason": "peak hours"})
        assert paused.status_code == 200, paused.text
        second = home.push(shop("qu.a", "qu.b"))
        found = daemon.until_cluster("one", "held", sync="held", commit=second)
        assert found["paused"]["reason"] == "peak hours"
        assert found["paused"]["by"] == "ops"
        assert names(broker) == {"qu.a"}
        assert daemon.post("/api/v1/clusters/one/resume").status_code == 200
        daemon.until_cluster("one", "resumed", sync="in-sync", paused=None)
        assert names(broker) == {"qu.a", "qu.b"}


def test_changes_wait_for_their_window_and_can_be_called_off(home: Home, broker: Broker) -> None:
    month = time.gmtime(time.time() + 40 * 86400).tm_mon
    home.settings["clusters"]["one"]["windows"] = [{"cron": f"0 0 1 {month} *", "for": "1h"}]
    home.push(shop("qu.a"))
    with home.running() as daemon:
        found = daemon.until_cluster("one", "it waits", sync="pending")
        waits = daemon.until(lambda: daemon.cluster("one")["waits"], "it says for what")
        assert (waits["reason"], waits["until"] is not None) == ("window", True)
        assert found["last_run"] is None
        asked = daemon.post("/api/v1/clusters/one/sync").json()
        assert "outside of its windows" in asked["note"]
        assert waits["until"] in asked["note"]
        assert daemon.post("/api/v1/clusters/one/cancel").json()["result"] == "cancelled"
        checked = daemon.cluster("one")["checked_at"]
        daemon.until(lambda: daemon.cluster("one")["checked_at"] > checked, "it is looked at again")
        called_off = daemon.cluster("one")["waits"]
        assert daemon.post("/api/v1/clusters/one/resume").json()["result"] == "nothing was paused"
        assert called_off["reason"] == "cancelled"
        assert called_off["text"].startswith("ops cancelled what waited for its window")


def test_a_term_signal_in_the_midst_of_an_apply_ends_in_time(home: Home, broker: Broker) -> None:
    home.push(shop(*(f"qu.{number}" for number in range(400))))
    with home.running() as daemon:
        daemon.until_cluster("one", "it applies", running="applying")
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(30) == 0, daemon.text
    with home.running() as daemon:
        daemon.until_cluster("one", "the rest", sync="in-sync")
        assert len(names(broker)) == 400


def test_a_killed_daemon_goes_on_where_it_was(home: Home, broker: Broker) -> None:
    home.push(shop(*(f"qu.{number}" for number in range(400))))
    with home.running(kill=True) as daemon:
        daemon.until_cluster("one", "it applies", running="applying")
    with home.running() as daemon:
        found = daemon.until_cluster("one", "the rest", sync="in-sync")
        assert found["drifted"] == 0
        assert len(names(broker)) == 400


def test_no_secret_is_in_the_log(home: Home, broker: Broker) -> None:
    home.push(shop("qu.a"))
    with home.running("-v") as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        assert daemon.post("/api/v1/clusters/one/sync", token="x" * 20).status_code == 401
        daemon.post("/api/v1/clusters/one/sync")
        _ = _all_answers(daemon)

        for secret in (*home.environ.values(), broker.password):
            assert secret not in daemon.text
            assert secret not in _


def _all_answers(daemon: Running) -> str:
    thing = "clusters/one/objects/queue:shop/qu.a"
    pages = ("", "clusters/one", "runs", "metrics", "clusters/one/topology", thing)
    calls = ("fleet", "clusters/one", "clusters/one/topology", "runs", thing)
    paths = [*(f"/{one}" for one in pages), *(f"/api/v1/{one}" for one in calls)]
    return "\n".join(requests.get(f"{daemon.url}{path}", timeout=30).text for path in paths)
