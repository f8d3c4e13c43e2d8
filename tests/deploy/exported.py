"""What the daemon exports, taken from its own registry with something of everything in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from rmqsync.broker.client import Sent
from rmqsync.config.read import read_settings
from rmqsync.daemon.board import Board
from rmqsync.daemon.metrics import Metrics

_TEXT = b'clusters: {prod: {endpoints: ["file:live.json"], layers: [base]}}'
SETTINGS = read_settings("rmqsync.yaml", lambda _: _TEXT, "/")
_AT = "2026-01-01T00:00:00Z"


@dataclass(frozen=True)
class Family:
    """One metric as Prometheus keeps it."""

    name: str
    """As queries and people name it: a counter with `_total`, a histogram without an ending."""
    kind: str
    series: Mapping[str, frozenset[str]]
    """Each name that a query may use, and the labels that it has."""


def families() -> list[Family]:
    """Every metric of the daemon. Those of the client library about itself are left out."""
    found = []
    for one in text_string_to_metric_families(_filled().text(ready=True)[0].decode()):
        name = f"{one.name}_total" if one.type == "counter" else one.name
        series = {
            sample.name: frozenset(sample.labels)
            for sample in one.samples
            if not sample.name.endswith("_created")
        }
        if series:
            found.append(Family(name, one.type, series))
    return found


def series() -> dict[str, frozenset[str]]:
    """Every name that a query may use, with its labels."""
    return {name: labels for one in families() for name, labels in one.series.items()}


def _filled() -> Metrics:
    board = Board(SETTINGS, {"prod": "folder"})
    metrics = Metrics(board)
    plan = {"unmanaged": [{"kind": "queue"}], "changes": [{"kind": "queue", "hold": None}]}
    board.set_cluster(
        "prod",
        sync="drifted",
        checked_at=_AT,
        last_success_at=_AT,
        plan=plan,
        drifts=[{"kind": "queue"}],
    )
    board.set_source("folder", fetched_at=_AT)
    metrics.sent("prod", Sent("http://mq:15672", "GET", "/api/overview", 200, 0.1))
    metrics.cycled("prod", 1.0)
    outcome: Any = {"changes": [{"action": "create", "result": "applied"}]}
    metrics.ran("prod", "applied", outcome)
    metrics.fetched("folder", "fetched")
    metrics.webhook("github", "accepted")
    metrics.notified("sent")
    return metrics
