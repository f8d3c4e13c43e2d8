"""Pages: the documents of the API as HTML that can be read without scripts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import FileResponse, HTMLResponse, Response

from rmqsync.daemon.documents import (
    ClusterStatusDocument,
    SourceStatusDocument,
    TopologyDocument,
    TopologyNodeDocument,
)
from rmqsync.daemon.groups import grouped, why_unknown
from rmqsync.daemon.places import named
from rmqsync.daemon.ports import Service, Unknown
from rmqsync.daemon.ways import MOST_AT_ONCE, is_approvable, together, ways
from rmqsync.model.counts import number_of
from rmqsync.model.errors import HistoryError
from rmqsync.report.document import ClusterDocument, PlanDocument, RunDocument
from rmqsync.report.escape import path as shown_path
from rmqsync.report.escape import value as shown_value
from rmqsync.report.escape import visible
from rmqsync.report.runs import ending

SHOWN = 200
"""Entries of a group that a page shows unless `?all=1` asks for all."""
RUNS, MOST_RUNS = 50, 1000
"""So many past runs a page shows unless `?limit=` asks for another number, and at most."""
_STATIC = Path(__file__).with_name("static")
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_WORST_FIRST = ("failed", "unreachable", "held", "drifted", "pending", "unknown", "in-sync")
_SIGNS = {
    "failed": "✕",
    "unreachable": "⌁",
    "held": "‖",
    "drifted": "≠",
    "pending": "→",
    "unknown": "?",
    "in-sync": "✓",
}


def pages(service: Service) -> APIRouter:
    """Return the routes of all pages and of what they are made with."""
    show = _Renderer(service)
    router = APIRouter(default_response_class=HTMLResponse)

    assets = {file.name: file for file in _STATIC.iterdir() if file.suffix in _TYPES}

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        file = assets.get(name)
        if file is None:
            raise Unknown(f"there is no {name}")
        return FileResponse(
            file, media_type=_TYPES[file.suffix], headers={"Cache-Control": "max-age=300"}
        )

    @router.get("/")
    def fleet() -> Response:
        found = service.fleet()
        clusters = sorted(found["clusters"], key=_worst_first)
        return show("fleet", title="Clusters", fleet=found, clusters=clusters)

    @router.get("/drift")
    def drift(request: Request) -> Response:
        return show("drift", title="Drift", report=service.drift(), most=_most(request))

    @router.get("/clusters/{name}")
    def cluster(name: str, request: Request) -> Response:
        found = service.cluster(name)
        return show(
            "cluster",
            title=name,
            cluster=found,
            groups=grouped([] if found["plan"] is None else found["plan"]["changes"]),
            source=_source(service, found["source"]),
            past=_runs(service, name, 10),
            most=_most(request),
        )

    @router.get("/clusters/{name}/topology")
    def topology(name: str, request: Request) -> Response:
        service.cluster(name)
        drawn = service.topology(name)
        return show(
            "topology",
            title=f"Topology of {name}",
            drawn=drawn,
            policies=_policies(drawn),
            most=_most(request),
        )

    @router.get("/clusters/{name}/objects/{address:path}")
    def thing(name: str, address: str, request: Request) -> Response:
        found = service.object(name, address)
        return show("object", title=address, thing=found, most=_most(request))

    _run_pages(router, service, show)
    return router


def _run_pages(router: APIRouter, service: Service, show: _Renderer) -> None:
    @router.get("/runs")
    def runs(request: Request) -> Response:
        cluster = request.query_params.get("cluster") or None
        limit = _limit(request)
        past = _runs(service, cluster, limit)
        title = "Runs" if cluster is None else f"Runs of {cluster}"
        next_limit = min(limit * 4, MOST_RUNS) if limit < MOST_RUNS else None
        return show("runs", title=title, past=past, cluster=cluster, next_limit=next_limit)

    @router.get("/runs/{run}")
    def run(run: str, request: Request) -> Response:
        found = service.run(run)
        ends = [_end(cluster, found) for cluster in found["clusters"]]
        return show("run", title=f"Run {run[:8]}", document=found, ends=ends, most=_most(request))


def error_page(service: Service) -> Callable[[Request, int, str], Response]:
    """Return what shows an error as a page."""
    show = _Renderer(service)

    def shown(request: Request, status: int, error: str) -> Response:
        del request
        return show("error", title=f"Error {status}", error=error, status=status)

    return shown


class _Documents(Environment):
    """Takes `summary.update` for what the document says, and never for the method of a `dict`."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return (
            self.getitem(obj, attribute)
            if isinstance(obj, dict)
            else super().getattr(obj, attribute)
        )


class _Renderer:
    def __init__(self, service: Service) -> None:
        self._service = service
        self._templates = _Documents(
            loader=PackageLoader("rmqsync.daemon.web"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_visible,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            age=_age,
            due=_due,
            marked=_marked,
            moment=_moment,
            path=shown_path,
            value=lambda one: shown_value(one),
            place=lambda address: quote(address, safe="/:"),
            named=named,
            number_of=number_of,
            segment=lambda name: quote(name, safe=""),
        )
        self._templates.globals.update(
            signs=_SIGNS,
            is_approvable=is_approvable,
            why_unknown=why_unknown,
            ways=ways,
            together=together,
            most_at_once=MOST_AT_ONCE,
            at=lambda: datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def __call__(self, template: str, *, status: int = 200, **values: Any) -> Response:
        text = self._templates.get_template(f"{template}.html").render(
            version=self._service.version, **values
        )
        return HTMLResponse(text, status)


def _visible(shown: Any) -> Any:
    """Return what is shown, without signs that hide or turn round what else is there."""
    if not isinstance(shown, str) or isinstance(shown, Markup) or shown.isprintable():
        return shown
    return "\n".join(visible(line) for line in shown.split("\n"))


def _most(request: Request) -> int:
    return 1_000_000 if request.query_params.get("all") == "1" else SHOWN


def _policies(drawn: TopologyDocument) -> list[tuple[TopologyNodeDocument, int]]:
    """Return the policies, and for how many objects each is in force."""
    counts = Counter(
        (kind, one["vhost"], name)
        for one in drawn["nodes"]
        for kind, name in (
            ("policy", one["policy"]),
            ("operator_policy", one["operator_policy"]),
        )
    )
    return [
        (one, counts[one["kind"], one["vhost"], one["name"]])
        for one in drawn["nodes"]
        if one["kind"] in ("policy", "operator_policy")
    ]


def _worst_first(one: ClusterStatusDocument) -> tuple[int, str]:
    return _WORST_FIRST.index(one["sync"]), one["name"]


class _PastRuns(NamedTuple):
    """Some of the past runs, for pages that show other things even where there are none."""

    runs: Sequence[RunDocument] = ()
    more: bool = False
    """There are older ones."""
    problem: str | None = None
    """Why they cannot be read."""


def _runs(service: Service, cluster: str | None, most: int) -> _PastRuns:
    """Raises `Unknown` for a cluster that is neither in the settings nor in the history."""
    try:
        found = service.runs(cluster, most + 1)["runs"]
    except HistoryError as error:
        return _PastRuns(problem=str(error))
    return _PastRuns(found[:most], len(found) > most)


def _limit(request: Request) -> int:
    """Return how many runs are asked for, within what a page can hold."""
    asked = request.query_params.get("limit", "")
    return min(max(int(asked), 1), MOST_RUNS) if re.fullmatch("[0-9]{1,6}", asked) else RUNS


def _source(service: Service, name: str) -> SourceStatusDocument | None:
    """Return where the definitions of a cluster come from."""
    return next((one for one in service.fleet()["sources"] if one["name"] == name), None)


def _end(cluster: ClusterDocument, document: PlanDocument) -> str:
    run = next((one for one in document.get("runs", ()) if one["cluster"] == cluster["name"]), None)
    return ending(cluster, run)


def _marked(text: str) -> Markup:
    """Return a text in which what stands between backticks is code."""
    parts = [escape(visible(part)) for part in text.split("`")]
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else part
        for number, part in enumerate(parts)
    )


def _moment(at: str) -> str:
    """Return a time as people read it, for screens that show no tooltips."""
    return f"{at[:19].replace('T', ' ')}Z"


def _due(at: str) -> str:
    """Return how long until a time; what is late by moments is due now, and never was."""
    return "now" if datetime.fromisoformat(at) <= datetime.now(UTC) else _age(at)


def _age(at: str) -> str:
    """Return how long ago a time is, or how long until then. As `age` of app.js has it."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(at)).total_seconds()
    size = abs(seconds)
    for length, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if size >= length:
            text = f"{size / length:.0f} {word}"
            break
    else:
        text = f"{size:.0f} s"
    return f"{text} ago" if seconds >= 0 else f"in {text}"
