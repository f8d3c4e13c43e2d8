"""The daemon as pages, API and webhooks see it: fits `daemon.ports.Service`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from rmqsync.app.approvals import unfit
from rmqsync.app.history import find_run, list_runs
from rmqsync.app.lock import Waiting
from rmqsync.app.marking import now
from rmqsync.app.plan import Planned, Target, plan_cluster
from rmqsync.app.ports import ApprovalStore
from rmqsync.app.standstill import pause, resume, stop_of
from rmqsync.daemon.board import Board
from rmqsync.daemon.cycle import Cycles, Request
from rmqsync.daemon.documents import (
    ClusterDetailDocument,
    DriftReportDocument,
    FleetDocument,
    ObjectDocument,
    TopologyDocument,
)
from rmqsync.daemon.drift_report import drift_report
from rmqsync.daemon.lanes import Lanes
from rmqsync.daemon.objects import object_document, ref_of
from rmqsync.daemon.obstacles import STAYS_CANCELLED, obstacle
from rmqsync.daemon.past_runs import PastRuns
from rmqsync.daemon.picture import topology
from rmqsync.daemon.places import Places, addresses_of
from rmqsync.daemon.ports import Unknown
from rmqsync.daemon.scheduler import Scheduler
from rmqsync.daemon.turns import Turns
from rmqsync.kinds.context import Context
from rmqsync.model.approvals import Approval
from rmqsync.model.changes import Status
from rmqsync.model.errors import BrokerError, HistoryError, Refused, SourceError, UsageError
from rmqsync.model.times import stamp
from rmqsync.planning.approvals import approvable
from rmqsync.planning.plan import context_of
from rmqsync.report.document import PlanDocument, RunsDocument
from rmqsync.report.runs import past_run, runs_document
from rmqsync.text.nearest import did_you_mean
from rmqsync.version import __version__

if TYPE_CHECKING:
    from rmqsync.model.definitions import Desired, Live

LOCK_WAIT_S = 10.0


@dataclass(slots=True)
class Daemon:
    """A daemon that runs. Thread-safe."""

    cycles: Cycles
    lanes: Lanes
    scheduler: Scheduler
    history: PastRuns
    approvals: ApprovalStore
    poll: Callable[[str], None]
    """Looks for new commits of all sources, for a trigger; returns at once."""
    _looks: Turns = field(default_factory=Turns)
    """Of pages at whole clusters, so that they cannot fill the memory or take all threads."""
    _approvals: Turns = field(default_factory=Turns)
    """Apart, since anybody can ask for pages."""

    @property
    def board(self) -> Board:
        return self.cycles.board

    @property
    def version(self) -> int:
        return self.board.version

    def problems(self) -> Sequence[str]:
        found = []
        for source in self.board.sources():
            if source["fetched_at"] is None:
                found.append(f"{source['name']} was never fetched: {source['error']}")
        problem = self.history.problem()
        return found if problem is None else [*found, problem]

    def is_alive(self) -> bool:
        return self.scheduler.is_alive()

    def fleet(self) -> FleetDocument:
        statuses = self.board.statuses()
        for one in statuses:
            one["next_at"] = self.scheduler.next_at(one["name"])
        return {
            "rmqsync_version": __version__,
            "at": now(),
            "clusters": statuses,
            "sources": self.board.sources(),
        }

    def cluster(self, name: str) -> ClusterDetailDocument:
        found: ClusterDetailDocument = {
            **self._known(name),
            "next_at": self.scheduler.next_at(name),
        }
        found["blocked"] = obstacle(found, self.cycles.closed(name))
        return found

    def drift(self) -> DriftReportDocument:
        return drift_report(self.board.clusters(), now())

    def topology(self, name: str) -> TopologyDocument:
        plan = self._known(name)["plan"]
        desired, live, context = self._look(name)
        places = self._places(name)
        return topology(name, now(), desired.rows, live.rows, plan, context, places)

    def object(self, name: str, address: str) -> ObjectDocument:
        plan = self._known(name)["plan"]
        desired, live, context = self._look(name)
        ref = ref_of(address, desired, live)
        if ref is None:
            raise Unknown(f"cluster '{name}' has no {address}, and nobody declares it")
        places = self._places(name)
        drawn = topology(name, now(), desired.rows, live.rows, plan, context, places)
        layers = self.cycles.settings.clusters[name].layers
        return object_document(name, ref, desired, live, plan, drawn, layers)

    def runs(self, cluster: str | None = None, limit: int = 50) -> RunsDocument:
        try:
            names = () if cluster is None else (_literal(cluster),)
            known = self.cycles.settings.clusters
            found = self.history.ask(lambda store: list_runs(store, known, names, limit=limit))
        except UsageError as error:
            raise Unknown(str(error)) from error
        return runs_document(found)

    def run(self, run: str) -> PlanDocument:
        try:
            return past_run(self.history.ask(lambda store: find_run(store, run)))
        except UsageError as error:
            raise Unknown(str(error)) from error
        except SourceError as error:
            raise HistoryError(str(error)) from error

    def fetch(self, trigger: str) -> None:
        self.poll(trigger)

    def plan(self, name: str, who: str) -> None:
        self._known(name)
        self.lanes.submit(name, Request("operator", who, writes=False))

    def sync(self, name: str, who: str) -> str | None:
        known, closed = self._known(name), self.cycles.closed(name)
        blocked = obstacle(known, closed)
        is_for_window = closed is not None and obstacle(known, None) is None
        if is_for_window and not self.cycles.take_back(name):
            blocked = STAYS_CANCELLED
        self.lanes.submit(name, Request("operator", who))
        return blocked

    def cancel(self, name: str, who: str) -> bool:
        self._known(name)
        return self.cycles.cancel(name, who)

    def pause(self, name: str, reason: str, who: str, until: str | None = None) -> None:
        self._known(name)
        target = self._writable(name)
        pause(target, stop_of(reason, who, until), Waiting(LOCK_WAIT_S))
        self.plan(name, who)

    def resume(self, name: str, who: str) -> bool:
        self._known(name)
        before = resume(self._writable(name), Waiting(LOCK_WAIT_S))
        self.lanes.submit(name, Request("operator", who))
        return before is not None and (before.paused is not None or before.pinned is not None)

    def approve(
        self,
        name: str,
        who: str,
        fingerprint: str,
        addresses: Sequence[str] = (),
        reason: str | None = None,
    ) -> Approval:
        self._known(name)
        planned = self._planned_without_approvals(name)
        plan = planned.plan
        if plan.fingerprint != fingerprint:
            raise Refused("the plan is another one by now; look at it again")
        problems = unfit(plan, addresses)
        if problems:
            raise Refused("; ".join(problems))
        chosen = tuple(dict.fromkeys(addresses)) or approvable(plan)
        if not chosen:
            raise Refused("nothing that is held here can be approved")
        approval = Approval(
            id=str(uuid.uuid4()),
            cluster=name,
            fingerprint=fingerprint,
            addresses=chosen,
            who=who,
            reason=reason,
            at=now(),
            until=stamp(self.cycles.approved_until(name)),
        )
        self.approvals.add(approval)
        self.lanes.submit(name, Request("operator", who))
        return approval

    def _known(self, name: str) -> ClusterDetailDocument:
        try:
            return self.board.cluster(name)
        except KeyError:
            known = list(self.cycles.settings.clusters)
            hint = did_you_mean(name, known) or f"there are {', '.join(known[:20])}"
            raise Unknown(f"there is no cluster '{name}'; {hint}") from None

    def _writable(self, name: str) -> Target:
        if self.cycles.settings.clusters[name].snapshot is not None:
            raise Refused(f"cluster '{name}' is a file: it has no marker")
        try:
            target = self.cycles.targets.get(name)
        except SourceError as error:
            raise Refused(str(error)) from error
        if not target.writable:
            raise Refused(f"cluster '{name}' has mode: report; nothing is written there")
        return target

    def _planned_without_approvals(self, name: str) -> Planned:
        target = self._writable(name)
        with self._approvals.take():
            planned = plan_cluster(replace(target, approvals=None), self.cycles.memory)
        if planned.plan.status is not Status.OK:
            raise BrokerError(planned.plan.error or f"cluster '{name}' cannot be planned")
        return planned

    def _places(self, name: str) -> Places:
        return Places(name, addresses_of(self.cycles.settings.clusters))

    def _look(self, name: str) -> tuple[Desired, Live, Context]:
        """Read a cluster and compile what is declared for it."""
        with self._looks.take():
            try:
                target = self.cycles.targets.get(name)
                desired = self.cycles.memory.compiled(name, target.files(), target.options)
            except SourceError as error:
                raise BrokerError(str(error)) from error
            live = target.reader.read()
            return desired, live, context_of(desired, live, target.context)


def _literal(name: str) -> str:
    """Return a glob that matches this name only."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
