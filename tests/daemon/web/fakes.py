"""A daemon that only tells, and writes down what it was asked to do: fits `ports.Service`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

from rmqsync.daemon.documents import (
    ClusterDetailDocument,
    ClusterStatusDocument,
    DriftReportDocument,
    FleetDocument,
    ObjectDocument,
    TopologyDocument,
)
from rmqsync.daemon.drift_report import drift_report
from rmqsync.daemon.ports import Unknown
from rmqsync.model.approvals import Approval
from rmqsync.model.errors import HistoryError, Refused
from rmqsync.report.document import PlanDocument, RunsDocument
from tests.daemon.web import fleet as examples


class FakeService:
    """Thread-safe."""

    def __init__(self, clusters: Sequence[ClusterDetailDocument] | None = None) -> None:
        found = examples.clusters() if clusters is None else clusters
        self.clusters = {one["name"]: one for one in found}
        self.drawn = examples.topology()
        self.calls: list[tuple[Any, ...]] = []
        self.looks = 0
        """At single objects: each reads the whole broker."""
        self.found_problems: list[str] = []
        self.alive = True
        self.error: Exception | None = None
        """Raised by everything that tells of a cluster."""
        self.known_version = 1
        self.past = 1
        """So many runs of each cluster there were."""
        self.history_problem: str | None = None
        self.outcome = examples.outcome()
        self._lock = threading.Lock()

    @property
    def version(self) -> int:
        return self.known_version

    def set(self, name: str, **changes: Any) -> None:
        """Change what is known of a cluster, and tell that it is another version."""
        with self._lock:
            self.clusters[name] = cast(ClusterDetailDocument, {**self.clusters[name], **changes})
            self.known_version += 1

    def problems(self) -> Sequence[str]:
        return self.found_problems

    def is_alive(self) -> bool:
        return self.alive

    def fleet(self) -> FleetDocument:
        if self.error is not None:
            raise self.error
        hidden = ("plan", "drifts", "blocked")
        statuses = [
            {key: value for key, value in one.items() if key not in hidden}
            for one in self.clusters.values()
        ]
        return {
            "rmqsync_version": "1.0",
            "at": examples.AT,
            "clusters": cast(list[ClusterStatusDocument], statuses),
            "sources": examples.sources(),
        }

    def cluster(self, name: str) -> ClusterDetailDocument:
        if self.error is not None:
            raise self.error
        if name not in self.clusters:
            raise Unknown(f"there is no cluster '{name}'")
        return self.clusters[name]

    def drift(self) -> DriftReportDocument:
        return drift_report(self.clusters.values(), "2026-11-27T06:00:00Z")

    def topology(self, name: str) -> TopologyDocument:
        self.cluster(name)
        return {**self.drawn, "cluster": name}

    def object(self, name: str, address: str) -> ObjectDocument:
        self.cluster(name)
        self.looks += 1
        if address not in {one["id"] for one in self.drawn["nodes"]}:
            raise Unknown(f"cluster '{name}' has no {address}, and nobody declares it")
        return {**examples.thing(address), "cluster": name}

    def runs(self, cluster: str | None = None, limit: int = 50) -> RunsDocument:
        if self.history_problem is not None:
            raise HistoryError(self.history_problem)
        if cluster is not None:
            self.cluster(cluster)
        runs = [examples.past_run(cluster or "shanghai")] * min(self.past, limit)
        return {"format_version": "1.0", "rmqsync_version": "1.0", "runs": runs}

    def run(self, run: str) -> PlanDocument:
        if not run or not examples.RUN.startswith(run):
            raise Unknown(f"there is no run {run}")
        return self.outcome

    def fetch(self, trigger: str) -> None:
        self.calls.append(("fetch", trigger))

    def plan(self, name: str, who: str) -> None:
        self.cluster(name)
        self.calls.append(("plan", name, who))

    def sync(self, name: str, who: str) -> str | None:
        self.calls.append(("sync", name, who))
        return self.cluster(name)["blocked"]

    def cancel(self, name: str, who: str) -> bool:
        waits = self.cluster(name)["waits"]
        self.calls.append(("cancel", name, who))
        return waits is not None

    def pause(self, name: str, reason: str, who: str, until: str | None = None) -> None:
        self.cluster(name)
        self.calls.append(("pause", name, reason, who, until is not None))
        self.set(name, paused={"reason": reason, "by": who, "since": examples.AT, "until": until})

    def resume(self, name: str, who: str) -> bool:
        before = self.cluster(name)
        self.calls.append(("resume", name, who))
        self.set(name, paused=None, pinned=None)
        return before["paused"] is not None or before["pinned"] is not None

    def approve(
        self,
        name: str,
        who: str,
        fingerprint: str,
        addresses: Sequence[str] = (),
        reason: str | None = None,
    ) -> Approval:
        plan = self.cluster(name)["plan"]
        if plan is None or plan["fingerprint"] != fingerprint:
            raise Refused("the plan is another one by now; look at it again")
        held = [one["address"] for one in plan["changes"] if one["hold"] is not None]
        if not set(addresses) <= set(held):
            raise Refused("one of them is not held")
        self.calls.append(("approve", name, who, tuple(addresses), reason))
        chosen = tuple(addresses) or tuple(held)
        return Approval(
            id="1", cluster=name, fingerprint=fingerprint, addresses=chosen, who=who,
            at=examples.AT, until=examples.AT,
        )  # fmt: skip
