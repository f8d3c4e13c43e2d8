"""The API below /api/v1: what pages show, as JSON, and what operators may have done."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import JSONResponse, Response, StreamingResponse

from rmqsync.config.settings import Right
from rmqsync.daemon.documents import (
    ClusterDetailDocument,
    ClusterStatusDocument,
    DriftReportDocument,
    FleetDocument,
    ObjectDocument,
    TopologyDocument,
)
from rmqsync.daemon.ports import Service
from rmqsync.daemon.web.security import Tokens
from rmqsync.daemon.web.shapes import reference
from rmqsync.model.marker import LONGEST_TEXT
from rmqsync.model.times import stamp
from rmqsync.report.document import PlanDocument, RunsDocument

MOST_LISTENERS = 200
_WAIT_S = 0.5
_QUIET_S = 15.0

_Name = Annotated[str, Path(max_length=255, description="Name of a cluster.")]


class Error(BaseModel):
    """What went wrong, and what to do about it where that can be told."""

    error: str
    hint: str | None


_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": Error}
    for status in (400, 401, 403, 404, 409, 413, 421, 422, 429, 500, 502, 503)
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Pause(_Strict):
    """Why, and for how long; without an end until somebody resumes."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(
        min_length=1, max_length=LONGEST_TEXT
    )
    duration: str | None = Field(
        None, alias="for", pattern=r"^[1-9][0-9]{0,5}[smhd]$", examples=["2h"]
    )


class Approve(_Strict):
    """Which held changes of which plan may go ahead."""

    fingerprint: str = Field(min_length=8, max_length=128)
    addresses: list[str] = Field(default_factory=list, max_length=1000)
    reason: str | None = Field(None, max_length=500)


class Accepted(BaseModel):
    """It is done soon; the cluster's page shows when."""

    result: str = "accepted"
    note: str | None = None
    """Why nothing is applied though it was asked for."""


class Holder(BaseModel):
    """Whose token it is, and what it may do."""

    name: str
    can: list[Right]


class Approved(BaseModel):
    """What may go ahead in the next run."""

    addresses: list[str]
    until: str
    note: str


DOCUMENTS = (FleetDocument, ClusterDetailDocument, DriftReportDocument, TopologyDocument,
             ObjectDocument, RunsDocument, PlanDocument)  # fmt: skip
_BEARER: dict[str, Any] = {"security": [{"token": []}]}
_LIST = {"type": "array", "items": reference(ClusterStatusDocument)}


def routes(service: Service, tokens: Tokens) -> APIRouter:
    """Return all routes of the API."""
    router = APIRouter(prefix="/api/v1", responses=_ERRORS)
    _reading(router, service)
    _bearers(router, tokens)
    _writing(router, service, tokens)
    _events(router, service)
    return router


def _reading(router: APIRouter, service: Service) -> None:
    def get(path: str, schema: dict[str, Any], summary: str) -> Callable[[Any], Any]:
        told = {"description": summary, "content": {"application/json": {"schema": schema}}}
        return router.get(path, summary=summary, responses={200: told})

    @get("/fleet", reference(FleetDocument), "All clusters and sources.")
    def fleet() -> Response:
        return JSONResponse(service.fleet())

    @get("/clusters", _LIST, "All clusters.")
    def clusters() -> Response:
        return JSONResponse(service.fleet()["clusters"])

    @get(
        "/clusters/{name}", reference(ClusterDetailDocument), "One cluster with its plan and drift."
    )
    def cluster(name: _Name) -> Response:
        return JSONResponse(service.cluster(name))

    @get(
        "/drift",
        reference(DriftReportDocument),
        "What has drifted on all clusters, since when and how often.",
    )
    def drift() -> Response:
        return JSONResponse(service.drift())

    @get(
        "/clusters/{name}/topology",
        reference(TopologyDocument),
        "Exchanges, queues and links, as nodes and edges.",
    )
    def topology(name: _Name) -> Response:
        return JSONResponse(service.topology(name))

    @get(
        "/clusters/{name}/objects/{address:path}",
        reference(ObjectDocument),
        "One object, and where its values come from.",
    )
    def thing(name: _Name, address: Annotated[str, Path(max_length=2000)]) -> Response:
        return JSONResponse(service.object(name, address))

    @get("/runs", reference(RunsDocument), "Past runs, newest first.")
    def runs(
        cluster: Annotated[str | None, Query(max_length=255)] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    ) -> Response:
        return JSONResponse(service.runs(cluster, limit))

    @get("/runs/{run}", reference(PlanDocument), "One run with all its changes.")
    def run(run: Annotated[str, Path(max_length=64)]) -> Response:
        return JSONResponse(service.run(run))


def _bearers(router: APIRouter, tokens: Tokens) -> None:
    @router.get("/token", openapi_extra=_BEARER, summary="Whose token this is, and what it may do.")
    def token(request: Request) -> Holder:
        name, can = tokens.bearer(request)
        return Holder(name=name, can=[one for one in Right if one in can])


def _writing(router: APIRouter, service: Service, tokens: Tokens) -> None:
    def holder(right: Right) -> Any:
        def find(request: Request) -> str:
            return tokens.holder(request, right)

        # As a default, since annotations are texts here, which know no local names.
        return Depends(find)

    planner, syncer = holder(Right.PLAN), holder(Right.SYNC)
    pauser, approver = holder(Right.PAUSE), holder(Right.APPROVE)

    def post(path: str, **more: Any) -> Callable[[Any], Any]:
        return router.post(path, openapi_extra=_BEARER, **more)

    @post("/clusters/{name}/plan", status_code=202, summary="Compare now, change nothing.")
    def plan(name: _Name, who: str = planner) -> Accepted:
        service.plan(name, who)
        return Accepted()

    @post("/clusters/{name}/sync", status_code=202, summary="Run now.")
    def sync(name: _Name, who: str = syncer) -> Accepted:
        return Accepted(note=service.sync(name, who))

    @post("/clusters/{name}/cancel", status_code=202, summary="Give up what waits for a window.")
    def cancel(name: _Name, who: str = syncer) -> Accepted:
        return Accepted(result="cancelled" if service.cancel(name, who) else "nothing waited")

    @post("/clusters/{name}/pause", summary="Keep every run off.")
    def pause(name: _Name, body: Pause, who: str = pauser) -> Accepted:
        service.pause(name, body.reason, who, _until(body.duration))
        return Accepted(result="paused")

    @post("/clusters/{name}/resume", summary="End a pause or a pin.")
    def resume(name: _Name, who: str = pauser) -> Accepted:
        was_stopped = service.resume(name, who)
        return Accepted(result="resumed" if was_stopped else "nothing was paused")

    @post("/clusters/{name}/approve", summary="Let held changes go ahead in the next run.")
    def approve(name: _Name, body: Approve, who: str = approver) -> Approved:
        found = service.approve(name, who, body.fingerprint, body.addresses, body.reason)
        note = f"It counts for one run, until {found.until}."
        return Approved(addresses=list(found.addresses), until=found.until, note=note)


def _until(duration: str | None) -> str | None:
    found = re.fullmatch(r"([0-9]+)([smhd])", duration or "")
    if found is None:
        return None
    unit = {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
    end = datetime.now(UTC) + timedelta(seconds=int(found[1]) * unit)
    return stamp(end)


def _events(router: APIRouter, service: Service) -> None:
    listeners = asyncio.Semaphore(MOST_LISTENERS)

    told = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}

    @router.get(
        "/events",
        response_class=StreamingResponse,
        responses={200: told},
        summary="A line whenever anything that is shown has changed.",
    )
    async def events(request: Request) -> StreamingResponse:
        if listeners.locked():
            raise HTTPException(503, "too many listen already")

        async def stream() -> AsyncIterator[str]:
            async with listeners:
                version = service.version
                quiet_s = 0.0
                yield f'retry: 3000\ndata: {{"version": {version}}}\n\n'
                while not request.app.state.is_stopping and not await request.is_disconnected():
                    # Not a wait in a thread: a few open pages would hold all threads.
                    await asyncio.sleep(_WAIT_S)
                    found = service.version
                    if found != version:
                        version, quiet_s = found, 0.0
                        yield f'data: {{"version": {version}}}\n\n'
                    elif (quiet_s := quiet_s + _WAIT_S) >= _QUIET_S:
                        quiet_s = 0.0
                        yield ": still here\n\n"

        return StreamingResponse(stream(), media_type="text/event-stream")
