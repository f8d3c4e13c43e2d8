"""Whatever is asked of the API, it answers as its OpenAPI says, and never with an error of ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from rmqsync.daemon.web.security import MOST_FAILURES
from tests.daemon.web import fleet
from tests.daemon.web.fakes import FakeService
from tests.daemon.web.webs import READER, TOKEN, Web, application

CHECKS = [
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 20
"""Of each operation, right and wrong ones: all of them take well under a minute."""
# Of one application for all: what is asked of it changes nothing that another test looks at.
SCHEMA = schemathesis.openapi.from_dict(Web().get("/api/v1/openapi.json").json()).exclude(
    path="/api/v1/events"
)
WEB = Web()
TOPOLOGY = "/api/v1/clusters/shanghai/topology"
GOOD = {
    "FleetDocument": "/api/v1/fleet",
    "ClusterDetailDocument": "/api/v1/clusters/shanghai",
    "DriftReportDocument": "/api/v1/drift",
    "TopologyDocument": TOPOLOGY,
    "ObjectDocument": f"/api/v1/clusters/shanghai/objects/{quote(fleet.queue(fleet.SCRIPT))}",
    "RunsDocument": "/api/v1/runs?cluster=shanghai&limit=1",
    "PlanDocument": f"/api/v1/runs/{fleet.RUN}",
}


@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_fails_and_every_answer_fits(case: Any) -> None:
    case.headers["Authorization"] = f"Bearer {TOKEN}"
    if len(str(case.path_parameters.get("name", ""))) % 2:  # else hardly any would be there
        case.path_parameters["name"] = "shanghai"
    kwargs = case.as_transport_kwargs(base_url="http://localhost:8080")
    answer = WEB.ask(
        kwargs["method"], kwargs["url"], headers=dict(kwargs["headers"]),
        params=kwargs.get("params"), json=kwargs.get("json"), content=kwargs.get("data"),
    )  # fmt: skip

    case.validate_response(answer, checks=CHECKS)


def test_the_schema_has_every_route_and_what_writes_asks_for_a_token() -> None:
    paths = Web().get("/api/v1/openapi.json").json()["paths"]

    verbs = ("plan", "sync", "cancel", "pause", "resume", "approve")
    writing = {f"/api/v1/clusters/{{name}}/{verb}" for verb in verbs}
    assert {path for path, one in paths.items() if "post" in one} == writing
    assert all(paths[path]["post"]["security"] == [{"token": []}] for path in writing)
    assert {path for path, one in paths.items() if "get" in one} == {
        "/api/v1/fleet",
        "/api/v1/clusters",
        "/api/v1/drift",
        "/api/v1/clusters/{name}",
        "/api/v1/clusters/{name}/topology",
        "/api/v1/clusters/{name}/objects/{address}",
        "/api/v1/runs",
        "/api/v1/runs/{run}",
        "/api/v1/token",
        "/api/v1/events",
    }


@pytest.mark.parametrize(("name", "path"), GOOD.items())
def test_a_document_fits_its_schema_and_a_poorer_one_does_not(name: str, path: str) -> None:
    web = Web()
    document = web.get(path).json()
    parts = web.get("/api/v1/openapi.json").json()["components"]
    schema = {"$ref": f"#/components/schemas/{name}", "components": parts}

    jsonschema.validate(document, schema)
    for key in parts["schemas"][name]["required"]:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({k: v for k, v in document.items() if k != key}, schema)


@pytest.mark.parametrize(
    ("token", "can"),
    [(TOKEN, ["plan", "sync", "pause", "approve"]), (READER, ["plan"])],
)
def test_a_token_tells_what_it_may(token: str, can: list[str]) -> None:
    answer = Web().get("/api/v1/token", headers={"Authorization": f"Bearer {token}"})

    assert answer.status_code == 200
    assert answer.json()["can"] == can


def test_a_wrong_token_is_told_and_counts_as_one() -> None:
    web = Web()

    def ask(number: int) -> int:
        headers = {"Authorization": f"Bearer wrong {number}"}
        return web.get("/api/v1/token", headers=headers).status_code

    statuses = [ask(number) for number in range(MOST_FAILURES + 1)]

    assert web.get("/api/v1/token", client="127.0.0.2").status_code == 401
    assert statuses == [401] * MOST_FAILURES + [429]


def test_what_will_not_be_applied_is_told_with_the_reason() -> None:
    web = Web()
    web.service.set("shanghai", blocked="It is paused.")

    asked = web.post("/api/v1/clusters/shanghai/sync")
    goes = web.post("/api/v1/clusters/waiting/sync")

    assert (asked.status_code, asked.json()["note"]) == (202, "It is paused.")
    assert goes.json() == {"result": "accepted", "note": None}


def test_resuming_what_was_not_paused_says_so() -> None:
    web = Web()

    answers = [web.post("/api/v1/clusters/stopped/resume").json()["result"] for _ in range(2)]

    assert answers == ["resumed", "nothing was paused"]


@pytest.mark.parametrize(
    ("headers", "said"),
    [({}, "Content-Type is missing"), ({"Content-Type": "text/plain"}, "is text/plain")],
)
def test_a_body_that_is_not_called_json_is_told_by_its_header(
    headers: dict[str, str], said: str
) -> None:
    path = "/api/v1/clusters/shanghai/pause"
    answer = Web().post(path, headers=headers, content=b'{"reason": "x"}')

    assert answer.status_code == 422
    assert said in answer.json()["error"]
    assert answer.json()["hint"] == "send Content-Type: application/json"


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_pause_says_why_in_a_few_words(reason: str) -> None:
    answer = Web().post("/api/v1/clusters/shanghai/pause", {"reason": reason})

    assert answer.status_code == 422
    assert answer.json()["error"].startswith("reason: ")


def test_many_addresses_are_approved_by_one_request() -> None:
    web = Web()
    body = {"fingerprint": fleet.FINGERPRINT, "addresses": [fleet.HELD, fleet.DRIFTED]}

    answer = web.post("/api/v1/clusters/shanghai/approve", body)

    assert answer.json() == {
        "addresses": [fleet.HELD, fleet.DRIFTED],
        "until": fleet.AT,
        "note": f"It counts for one run, until {fleet.AT}.",
    }


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/runs"])
def test_what_watches_by_head_is_answered(path: str) -> None:
    answer = Web().ask("HEAD", path)

    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("name", fleet.HOSTILE)
def test_an_object_of_any_name_has_an_address(name: str) -> None:
    address = fleet.queue(name)

    answer = Web().get(f"/api/v1/clusters/shanghai/objects/{quote(address, safe='')}")

    assert answer.json()["address"] == address


@pytest.mark.parametrize(
    "path",
    ["/api/v1/clusters/none", "/api/v1/clusters/none/topology", "/api/v1/runs/none", "/api/v1/x",
     "/api/v1/runs?cluster=none", "/api/v1/clusters/shanghai/objects/queue:x"],
)  # fmt: skip
def test_what_is_not_there_is_told_as_json(path: str) -> None:
    answer = Web().get(path)

    assert answer.status_code == 404
    assert set(answer.json()) == {"error", "hint"}


def test_events_tell_the_version_and_then_each_new_one() -> None:
    service = FakeService()
    told = _events(application(service), lambda: service.set("shanghai", running="applying"))

    assert told == [{"version": 1}, {"version": 2}]


def test_who_listens_keeps_nothing_from_stopping() -> None:
    app = application(FakeService())

    def stop() -> None:
        app.state.is_stopping = True

    assert _events(app, stop) == [{"version": 1}]


def _events(app: FastAPI, change: Callable[[], None]) -> list[Any]:
    """Return what is told at first, and what after a change; then the listener is gone."""
    lines: list[Any] = []
    gone = asyncio.Event()

    async def receive() -> Any:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        text = message.get("body", b"").decode()
        for line in text.splitlines():
            if line.startswith("data: "):
                lines.append(json.loads(line.removeprefix("data: ")))
                if len(lines) == 2:
                    gone.set()
                else:
                    change()

    scope = {
        "type": "http", "method": "GET", "path": "/api/v1/events", "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"accept-encoding", b"gzip")], "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("localhost", 8080), "scheme": "http",
        "http_version": "1.1",
    }  # fmt: skip

    async def run() -> None:
        await asyncio.wait_for(app(scope, receive, send), 60)

    asyncio.run(run())
    return lines
