"""Nothing that the daemon logs, serves or keeps shows a secret, whatever it was told them for."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import requests

from tests.brokers import Broker
from tests.daemon.daemons import Home, Running
from tests.secrecy.estate import IN_GIT
from tests.secrecy.planted import Planted

UPSTREAM = "federation_upstream:shop/up"
PAGES = (
    "/", "/drift", "/runs", "/metrics", "/readyz", "/clusters/one", "/clusters/one/topology",
    f"/clusters/one/objects/{UPSTREAM}", "/clusters/one/objects/user:crm", "/clusters/no",
    "/api/v1/fleet", "/api/v1/clusters/one", "/api/v1/clusters/one/topology", "/api/v1/drift",
    f"/api/v1/clusters/one/objects/{UPSTREAM}", "/api/v1/clusters/one/objects/user:crm",
    "/api/v1/runs", "/api/v1/openapi.json",
)  # fmt: skip


def uri(password: str) -> str:
    return f"amqp://u:{quote(password, safe='')}@127.0.0.1:1"


def estate(home: Home, broker: Broker, planted: Planted) -> None:
    """Give the daemon a secret for everything that takes one."""
    management = planted.password("management")
    with broker.management() as api:
        api.put("users", "operator", body={"password": management, "tags": "administrator"})
    home.cluster("one", broker, username="operator", amqp=[{"env": "AMQP"}])
    host = broker.amqp_url.partition("@")[2] or broker.amqp_url.partition("//")[2]
    home.environ = {
        "BROKER_PASSWORD": management,
        "AMQP": f"amqp://operator:{quote(management, safe='')}@{host}",
        "OPS_TOKEN": planted.password("token"),
        "HOOK_SECRET": planted.password("webhook"),
        "NOTIFY": f"json://u:{quote(planted.password('notify'), safe='')}@127.0.0.1:1",
        "UNUSED": planted.password("environment"),
        "CRM": planted.password("user"),
        "UP": uri(planted.password("upstream")),
    }
    home.settings["notify"] = [{"url": {"env": "NOTIFY"}, "on": ["drift", "applied", "failed"]}]
    home.settings["secrets"] = {
        "crm": {"env": "CRM", "for": ["user:crm"]},
        "up": {"env": "UP", "for": [UPSTREAM]},
    }
    home.settings["daemon"]["drift_reports"] = {"folder": str(home.folder / "reports")}
    home.push(
        {
            "vhosts": [{"name": "shop"}],
            "users": [{"name": "crm", "password": {"secret": "crm"}, "tags": []}],
            "federation_upstreams": [
                {"vhost": "shop", "name": "up", "value": {"uri": {"secret": "up"}}}
            ],
        }
    )


def change_by_hand(broker: Broker, planted: Planted) -> None:
    value = {"uri": uri(planted.password("upstream by hand")), "expires": 1000}
    with broker.management() as api:
        api.put("parameters", "federation-upstream", "shop", "up", body={"value": value})
        api.put("users", "crm", body={"password": planted.password("by hand"), "tags": ""})


def answers(daemon: Running, wrong: str) -> str:
    found = [requests.get(f"{daemon.url}{path}", timeout=30).text for path in PAGES]
    runs = [one["run"] for one in daemon.get("/api/v1/runs")["runs"]]
    assert runs
    for run in runs:
        found += [daemon.get(f"/runs/{run}"), str(daemon.get(f"/api/v1/runs/{run}"))]
    found.append(daemon.post("/api/v1/clusters/one/sync", token=wrong.encode().hex()).text)
    found.append(
        requests.post(f"{daemon.url}/webhooks/generic", data=wrong.encode(), timeout=30).text
    )
    return "\n".join(found)


def test_a_daemon_with_drift_and_failing_notifications_shows_no_secret(
    tmp_path: Path, r43: Broker
) -> None:
    broker = r43
    planted = Planted()
    home = Home(tmp_path / "home")
    estate(home, broker, planted)

    with home.running("-vv") as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        change_by_hand(broker, planted)
        daemon.until_cluster("one", "drift", drifted=2)
        daemon.until(lambda: (home.folder / "reports" / "one.md").is_file(), "a report")
        daemon.until(lambda: "could not be told" in daemon.text, "a notification that fails", 90)
        said = answers(daemon, planted.password("wrong token"))
        log = daemon.text

    assert planted.found_in(said) == set()
    assert planted.found_in(log) == set()
    assert planted.found_below(home.folder / "reports") == {}
    kept = planted.found_below(home.folder / "data", but=IN_GIT)
    assert {name for name in kept if not name.startswith("backups/")} == set()
