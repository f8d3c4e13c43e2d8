"""What Prometheus is told. Gauges are read from the board when asked; counters are kept here."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from rmqsync.broker.client import Sent
from rmqsync.daemon.board import Board
from rmqsync.daemon.documents import SYNCS, ClusterDetailDocument
from rmqsync.daemon.groups import grouped
from rmqsync.report.document import ClusterDocument
from rmqsync.version import __version__

_RUN_BUCKETS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 900)


class Metrics:
    """One set for a daemon. Thread-safe."""

    def __init__(self, board: Board) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(_Gauges(board))
        self._ready = Gauge(
            "rmqsync_ready", "Whether sources and history are there.", registry=self.registry
        )

        def counter(name: str, doc: str, *labels: str) -> Counter:
            return Counter(f"rmqsync_{name}", doc, labels, registry=self.registry)

        def histogram(name: str, doc: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(
                f"rmqsync_{name}", doc, ["cluster"], registry=self.registry, buckets=buckets
            )

        self._runs = counter("runs", "Runs that changed or tried to.", "cluster", "status")
        self._changes = counter(
            "changes", "Changes of runs, by outcome.", "cluster", "action", "result"
        )
        self._requests = counter(
            "api_requests", "Requests to brokers.", "cluster", "method", "status"
        )
        self._fetches = counter("git_fetches", "Fetches of definitions.", "source", "result")
        self._webhooks = counter("webhooks", "Webhook deliveries.", "forge", "result")
        self._notifications = counter("notifications", "Notifications.", "result")
        for result in ("sent", "failed"):
            # Prometheus sees no increase in a counter that appears with its first event.
            self._notifications.labels(result)
        self._duration = histogram(
            "run_duration_seconds", "Length of a cycle of a cluster.", _RUN_BUCKETS
        )
        self._latency = histogram(
            "api_request_duration_seconds", "Latency of requests to brokers.", _RUN_BUCKETS[:7]
        )

    def expects_webhooks(self, forges: Iterable[str], results: Iterable[str]) -> None:
        """Begin to tell of deliveries of these forges: there were none of any result yet."""
        for forge in forges:
            for result in results:
                self._webhooks.labels(forge, result)

    def text(self, *, ready: bool) -> tuple[bytes, str]:
        """Return all of it, and its content type. `ready`: as the probe says."""
        self._ready.set(ready)
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def sent(self, cluster: str, one: Sent) -> None:
        """Count a request to a broker."""
        self._requests.labels(cluster, one.method, str(one.status or "none")).inc()
        self._latency.labels(cluster).observe(one.seconds)

    def cycled(self, cluster: str, seconds: float) -> None:
        self._duration.labels(cluster).observe(seconds)

    def ran(self, cluster: str, status: str, outcome: ClusterDocument) -> None:
        """Count a run and its changes."""
        self._runs.labels(cluster, status).inc()
        for change in outcome["changes"]:
            if "result" in change:
                self._changes.labels(cluster, change["action"], change["result"]).inc()

    def fetched(self, source: str, result: str) -> None:
        self._fetches.labels(source, result).inc()

    def webhook(self, forge: str, result: str) -> None:
        self._webhooks.labels(forge, result).inc()

    def notified(self, result: str) -> None:
        self._notifications.labels(result).inc()


class _Gauges(Collector):
    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[GaugeMetricFamily]:
        info = GaugeMetricFamily("rmqsync_build_info", "Version of rmqsync.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        clusters = self._board.clusters()
        yield _per_state(clusters)
        yield _objects(clusters)
        for name, doc, value in _OF_CLUSTER:
            family = GaugeMetricFamily(f"rmqsync_cluster_{name}", doc, labels=["cluster"])
            for one in clusters:
                found = value(one)
                if found is not None:
                    family.add_metric([one["name"]], found)
            yield family
        fetched = GaugeMetricFamily(
            "rmqsync_git_last_fetch_timestamp_seconds", "Last good fetch.", labels=["source"]
        )
        broken = GaugeMetricFamily(
            "rmqsync_git_broken", "1: the newest commit cannot be used.", labels=["source"]
        )
        for source in self._board.sources():
            if source["fetched_at"]:
                fetched.add_metric([source["name"]], _seconds(source["fetched_at"]) or 0)
            broken.add_metric([source["name"]], float(source["broken_commit"] is not None))
        yield fetched
        yield broken


def _reachable(one: ClusterDetailDocument) -> float | None:
    return None if one["sync"] == "unknown" else float(one["sync"] != "unreachable")


def _seconds(at: str | None) -> float | None:
    return None if at is None else datetime.fromisoformat(at).timestamp()


_OF_CLUSTER = (
    ("reachable", "Whether the last reading worked.", _reachable),
    ("paused", "Whether it is paused.", lambda one: float(one["paused"] is not None)),
    ("failures", "Failed cycles in a row.", lambda one: float(one["failures"])),
    (
        "last_success_timestamp_seconds",
        "Last cycle after which nothing was left to do.",
        lambda one: _seconds(one["last_success_at"]),
    ),
    (
        "last_check_timestamp_seconds",
        "Last cycle in which it could be read.",
        lambda one: _seconds(one["checked_at"]),
    ),
)


def _per_state(clusters: list[ClusterDetailDocument]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "rmqsync_cluster_sync", "1 for the state it is in.", labels=["cluster", "state"]
    )
    for one in clusters:
        for state in SYNCS:
            family.add_metric([one["name"], state], float(one["sync"] == state))
    return family


def _objects(clusters: list[ClusterDetailDocument]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "rmqsync_cluster_objects",
        "Objects that are not in line, by why and kind.",
        labels=["cluster", "state", "kind"],
    )
    for one in clusters:
        tally: Tally[tuple[str, str]] = Tally()
        tally.update(("drifted", drift["kind"]) for drift in one["drifts"])
        if one["plan"] is not None:
            found = grouped(one["plan"]["changes"])
            tally.update(("unmanaged", named["kind"]) for named in one["plan"]["unmanaged"])
            tally.update(
                (state, change["kind"])
                for state, changes in (("held", found.held), ("pending", found.pending))
                for change in changes
            )
        for (state, kind), number in sorted(tally.items()):
            family.add_metric([one["name"], state, kind], number)
    return family
