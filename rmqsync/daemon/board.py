"""What is known of each cluster and source now, for whoever shows it. Thread-safe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from rmqsync.app import marking
from rmqsync.config.settings import Settings
from rmqsync.daemon.documents import (
    ClusterDetailDocument,
    ClusterStatusDocument,
    SourceStatusDocument,
)

_OF_DETAIL = ("plan", "drifts", "blocked")


class Board:
    """Documents are replaced, never changed: one that was handed out stays as it was."""

    def __init__(
        self,
        settings: Settings,
        sources: Mapping[str, str],
        now: Callable[[], str] = marking.now,
    ) -> None:
        """`sources` is the name of the source of each cluster."""
        self._now = now
        self._lock = threading.Lock()
        self._version = 1
        self._clusters = {
            name: _unknown(name, settings, sources[name]) for name in settings.clusters
        }
        self._sources = {name: _unfetched(name) for name in dict.fromkeys(sources.values())}

    @property
    def version(self) -> int:
        return self._version

    def cluster(self, name: str) -> ClusterDetailDocument:
        """Raises `KeyError` for a cluster that is not in the settings."""
        return _lasting(self._clusters[name], self._now())

    def clusters(self) -> list[ClusterDetailDocument]:
        at = self._now()
        return [_lasting(one, at) for one in self._clusters.values()]

    def statuses(self) -> list[ClusterStatusDocument]:
        """Return all clusters without their plans."""
        return [
            cast(
                ClusterStatusDocument,
                {key: value for key, value in one.items() if key not in _OF_DETAIL},
            )
            for one in self.clusters()
        ]

    def sources(self) -> list[SourceStatusDocument]:
        return list(self._sources.values())

    def source(self, name: str) -> SourceStatusDocument:
        return self._sources[name]

    def set_cluster(self, name: str, **changes: Any) -> ClusterDetailDocument:
        """Change what is known of a cluster; return it."""
        with self._lock:
            new = cast(ClusterDetailDocument, {**self._clusters[name], **changes})
            if new != self._clusters[name]:
                self._clusters[name] = new
                self._version += 1
            return new

    def set_source(self, name: str, **changes: Any) -> None:
        with self._lock:
            new = cast(SourceStatusDocument, {**self._sources[name], **changes})
            if new != self._sources[name]:
                self._sources[name] = new
                self._version += 1


def _lasting(one: ClusterDetailDocument, at: str) -> ClusterDetailDocument:
    """Leave out a pause or a pin that is over by now: its end comes without a comparison."""
    paused, pinned = (
        stop if stop is None or stop["until"] is None or stop["until"] > at else None
        for stop in (one["paused"], one["pinned"])
    )
    return {**one, "paused": paused, "pinned": pinned}


def _unknown(name: str, settings: Settings, source: str) -> ClusterDetailDocument:
    cluster = settings.clusters[name]
    return {
        "name": name,
        "sync": "unknown",
        "error": None,
        "mode": "report" if cluster.snapshot is not None else cluster.mode.value,
        "on_drift": cluster.on_drift.value,
        "source": source,
        "commit": None,
        "applied": None,
        "rabbitmq_version": None,
        "nodes": [],
        "checked_at": None,
        "next_at": None,
        "last_success_at": None,
        "running": None,
        "waits": None,
        "paused": None,
        "pinned": None,
        "summary": None,
        "drifted": 0,
        "drift_known": False,
        "held": 0,
        "failures": 0,
        "last_run": None,
        "plan": None,
        "drifts": [],
        "blocked": None,
    }


def _unfetched(name: str) -> SourceStatusDocument:
    return {
        "name": name,
        "commit": None,
        "fetched_at": None,
        "error": None,
        "broken_commit": None,
        "findings": [],
    }
