"""What a daemon serves of a real cluster, and whom it lets do what, asked from outside."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin

import pytest
import requests

from tests.brokers import Broker
from tests.conftest import BrokerSource
from tests.daemon.daemons import TOKEN, Home, Running, shop

PAGES = (
    "/",
    "/drift",
    "/runs",
    "/clusters/one",
    "/clusters/one/topology",
    "/clusters/one/objects/queue:shop/qu.a",
)
TAKEN = re.compile(r'<(?:link|script|img|iframe|source|use)\b[^>]*?\b(?:href|src)="([^"]*)"')
"""What a browser asks for by itself to show a page."""
ELSEWHERE = {"Origin": "https://evil.example"}


@pytest.fixture
def broker(empty_broker: BrokerSource) -> Broker:
    return empty_broker("r43")


def test_pages_answer_with_all_that_they_are_made_of_and_take_nothing_from_elsewhere(
    home: Home,
) -> None:
    home.push(shop("qu.a"))
    with home.running() as daemon:
        daemon.until_cluster("one", "the first commit", sync="in-sync")
        (run,) = daemon.runs(1)
        taken: set[str] = set()
        for path in (*PAGES, f"/runs/{run['run']}"):
            answer = requests.get(f"{daemon.url}{path}", timeout=30)
            assert answer.status_code == 200, path
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            taken |= {urljoin(answer.url, link) for link in TAKEN.findall(answer.text)}

        assert taken >= {f"{daemon.url}/static/{name}" for name in ("app.js", "style.css")}
        for url in taken:
            assert url.startswith(f"{daemon.url}/")
            assert requests.get(url, timeout=30).status_code == 200, url
        assert "/api/v1/fleet" in daemon.get("/api/v1/openapi.json")["paths"]


def test_nobody_pauses_or_approves_without_the_token_or_from_the_page_of_another_site(
    home: Home, broker: Broker
) -> None:
    # nothing but what is held, so that the plan stays what it is
    home.push({"global_parameters": [{"name": "shop", "value": 1}]})
    with broker.management() as api:
        api.put("global-parameters", "shop", body={"name": "shop", "value": 2})
    with home.running() as daemon:
        held = daemon.until_cluster("one", "it is not ours yet", sync="held")
        calls = {
            "pause": {"reason": "peak hours"},
            "approve": {
                "fingerprint": held["plan"]["fingerprint"],
                "addresses": [one["address"] for one in held["plan"]["changes"] if one["hold"]],
            },
        }
        for verb, body in calls.items():
            assert asked(daemon, verb, body) == 401
            assert asked(daemon, verb, body, Authorization="Bearer wrong") == 401
            assert asked(daemon, verb, body, Authorization=f"Bearer {TOKEN}", **ELSEWHERE) == 403
        now = daemon.cluster("one")
        assert (now["sync"], now["paused"]) == ("held", None)

        with_token = {"Authorization": f"Bearer {TOKEN}"}
        assert asked(daemon, "approve", calls["approve"], **with_token) == 200
        daemon.until_cluster("one", "it is ours", sync="in-sync")
        assert asked(daemon, "pause", calls["pause"], **with_token) == 200
        paused = daemon.until(lambda: daemon.cluster("one")["paused"], "it is paused")
        assert (paused["by"], paused["reason"]) == ("ops", "peak hours")


def asked(daemon: Running, verb: str, body: dict[str, Any], **headers: str) -> int:
    """Return the status of a request that would do something, with these headers and no others."""
    url = f"{daemon.url}/api/v1/clusters/one/{verb}"
    return requests.post(url, json=body, headers=headers, timeout=30).status_code
