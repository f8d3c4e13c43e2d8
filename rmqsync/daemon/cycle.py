"""
One cycle of one cluster: compare, decide whether to write, write, say what came of it.

Never raises: what goes wrong with a cluster is told on the board, and no other is worse off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from rmqsync.app.apply import ApplyOptions, apply_clusters
from rmqsync.app.journal import status_of
from rmqsync.app.lock import Locks, Waiting, take_locks
from rmqsync.app.marking import has_to_write, now
from rmqsync.app.memory import Memory
from rmqsync.app.plan import Planned, plan_cluster
from rmqsync.config.settings import Settings
from rmqsync.daemon.board import Board
from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.outlook import View, view_of
from rmqsync.daemon.targets import Targets
from rmqsync.daemon.timing import Windows, back_off_s
from rmqsync.daemon.watch import Watch
from rmqsync.model.changes import ClusterResult, HoldCode, Plan, Status
from rmqsync.model.errors import RmqsyncError
from rmqsync.model.times import stamp
from rmqsync.report.plan_json import plan_document
from rmqsync.wiring import Session
from rmqsync.wiring_history import open_journal, starter

LOG = logging.getLogger("rmqsync.daemon")
LOCK_WAIT_S = 5.0


class Request(NamedTuple):
    """Why a cluster is to be looked at."""

    trigger: str
    """`schedule`, `commit`, `webhook`, `operator`."""
    who: str | None = None
    """The token's name; `None` for the daemon itself."""
    writes: bool = True
    """False: compare only."""

    @property
    def insists(self) -> bool:
        """Whether it does not wait for a back-off: somebody wants it, or there is a new commit."""
        return self.trigger != "schedule"


@dataclass(slots=True)
class _Trouble:
    """Failed runs in a row."""

    failures: int = 0
    retry_at: float = 0.0
    """On the monotonic clock; 0 where the last run did not fail."""
    error: str | None = None
    """What the last run ended with."""
    warned: str | None = None
    """What was last said of its lock."""
    cancelled: str | None = None
    """Fingerprint of a plan that somebody called off while it waited."""
    behind: tuple[str, str | None] | None = None
    """Why the commit in force was found to be behind, and that commit."""


@dataclass(slots=True)
class Cycles:
    """What all cycles share. Thread-safe, as long as no cluster is in two of them at once."""

    session: Session
    settings: Settings
    board: Board
    targets: Targets
    memory: Memory
    metrics: Metrics
    watch: Watch
    exit_code: Callable[[ClusterResult], int]
    fetch: Callable[[str], None]
    """Looks for new commits of a cluster's source, and returns when that is done."""
    stop: threading.Event = field(default_factory=threading.Event)
    name: str = "rmqsync"
    """Who the history says it was when nobody asked."""
    _windows: dict[str, Windows] = field(default_factory=dict)
    _trouble: dict[str, _Trouble] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `SourceError` for an unknown time zone."""
        for name, cluster in self.settings.clusters.items():
            self._windows[name] = Windows(cluster.windows)
            self._trouble[name] = _Trouble()

    def run(self, name: str, request: Request) -> float:
        """Carry out one cycle; return how many seconds it took."""
        started = time.monotonic()
        planned: Planned | None = None
        self.board.set_cluster(name, running="comparing")
        try:
            self.session.secrets.forget()
            planned = self._caught_up(name, plan_cluster(self.targets.get(name), self.memory))
            planned = self._go_on(name, planned, request)
        except RmqsyncError as error:
            self._failed(name, str(error))
        except Exception as error:  # a bug of ours must not end the daemon
            LOG.exception("cluster %s: unexpected error", name)
            self._failed(name, f"unexpected error, see the log: {type(error).__name__}")
        finally:
            self.targets.rest(name, planned.live if planned is not None else None)
            self.board.set_cluster(name, running=None)
        took = time.monotonic() - started
        self.metrics.cycled(name, took)
        return took

    def cancel(self, name: str) -> bool:
        """Give up what waits for its window; return whether anything did."""
        document = self.board.cluster(name)
        waits, plan = document["waits"], document["plan"]
        if waits is None or waits["reason"] != "window" or plan is None:
            return False
        self._trouble[name].cancelled = plan["fingerprint"]
        self.board.set_cluster(name, waits=None)
        return True

    def _caught_up(self, name: str, planned: Planned) -> Planned:
        """
        Plan again with the newest commit where ours is not ahead of what was applied.

        Another daemon may have fetched and applied it first: that is nothing to tell people of.
        """
        refusal = planned.own.refusal
        if refusal is None or refusal.code is not HoldCode.NOT_AHEAD:
            return planned
        commit = planned.target.checkout.revision.commit
        if self._trouble[name].behind == (refusal.reason, commit):
            return planned
        self.fetch(name)
        target = self.targets.get(name)
        if target.checkout.revision.commit == commit:
            self._trouble[name].behind = refusal.reason, commit
            return planned
        return plan_cluster(target, self.memory)

    def _go_on(self, name: str, planned: Planned, request: Request) -> Planned:
        view = self._show(name, planned)
        if planned.plan.status is not Status.OK:
            self._count_failure(name, hammers=False)
            return planned
        if not _has_to_write(planned):
            self._settled(name, view)
            return planned
        if not request.writes or not self._may_write(name, planned, request):
            return planned
        return self._write(name, planned, request)

    def _may_write(self, name: str, planned: Planned, request: Request) -> bool:
        """Tell whether now is the time; say what it waits for where it is not."""
        trouble, moment = self._trouble[name], datetime.now(UTC)
        if not self._windows[name].is_open(moment):
            if trouble.cancelled is not None and trouble.cancelled == planned.plan.fingerprint:
                return False
            at = _text(self._windows[name].next(moment))
            self._waits(name, "window", at, f"its changes wait for the window that opens {at}")
            return False
        if trouble.cancelled == planned.plan.fingerprint and not request.who:
            return False
        left_s = trouble.retry_at - time.monotonic()
        if left_s > 0 and not request.insists:
            at = _text(moment + timedelta(seconds=left_s))
            text = f"{trouble.failures} runs failed in a row; it is tried again {at}"
            self._waits(name, "back-off", at, text)
            return False
        return not self.stop.is_set()

    def _write(self, name: str, planned: Planned, request: Request) -> Planned:
        locks = take_locks([planned.target], Waiting(LOCK_WAIT_S, LOG.info, self.stop))
        try:
            if name in locks.refused:
                self._waits(name, "lock", None, locks.refused[name])
                return planned
            self._warn(name, locks.warnings)
            if name in locks.held:
                planned = self._caught_up(name, plan_cluster(planned.target, self.memory))
                self._show(name, planned)
                if planned.plan.status is not Status.OK or not _has_to_write(planned):
                    return planned
            result = self._apply(name, planned, request, locks)
        finally:
            locks.release()
        return self._after(name, planned, result)

    def _warn(self, name: str, warnings: Sequence[str]) -> None:
        """Log what is said of the lock of a cluster, each once while it is the same."""
        for warning in warnings:
            if warning != self._trouble[name].warned:
                self._trouble[name].warned = warning
                LOG.warning("%s", warning)

    def _apply(self, name: str, planned: Planned, request: Request, locks: Locks) -> ClusterResult:
        self.board.set_cluster(name, running="applying", waits=None)
        begun = starter(request.who or self.name, trigger=request.trigger)
        journal = open_journal(self.session, begun, None, self.exit_code, LOG.warning)
        options = ApplyOptions(
            stop=self.stop, locks=locks.held, refused=locks.refused, journal=journal
        )
        (result,) = apply_clusters([planned], options)
        if planned.plan.applicable:
            document = _document(planned, result)
            status = status_of(result).value
            self.metrics.ran(name, status, document)
            self.board.set_cluster(name, last_run=begun.run)
            LOG.info("cluster %s: run %s: %s", name, begun.run, status)
            self.watch.ran(name, status, document, begun.run)
        return result

    def _after(self, name: str, planned: Planned, result: ClusterResult) -> Planned:
        if self.stop.is_set():
            return planned
        again = plan_cluster(planned.target, self.memory)
        failed = result.error is not None or self.exit_code(result) in (1, 4, 5)
        if failed:
            self._count_failure(name, hammers=True)
            self._trouble[name].error = result.error
        else:
            self._trouble[name].retry_at = 0.0
        view = self._show(name, again, failed=failed)
        if not failed and again.plan.status is Status.OK:
            self._settled(name, view)
        return again

    def _show(self, name: str, planned: Planned, *, failed: bool = False) -> View:
        """Put what was found on the board, and tell who wants to know."""
        before, trouble = self.board.cluster(name), self._trouble[name]
        is_open = planned.plan.status is Status.OK and _has_to_write(planned)
        failed = failed or (is_open and trouble.retry_at > 0)  # until another run has not failed
        view = view_of(planned, failed=failed)
        drifts = before["drifts"]
        noted = None
        if planned.plan.status is Status.OK:
            noted = self.watch.noted(name, view.drifted)
            drifts = noted.open
        found: dict[str, Any] = {**view.keys, "drifts": drifts, "drifted": len(drifts)}
        if planned.plan.status is Status.OK:
            found["checked_at"] = now()
        if failed:
            found["error"] = trouble.error
        if not is_open:
            found["waits"] = None  # else it stays as it is until that is decided
        after = self.board.set_cluster(name, **found)
        self.watch.changed(after, noted)
        return view

    def _settled(self, name: str, view: View) -> None:
        self._trouble[name].failures = 0
        self._trouble[name].retry_at = 0.0
        changes: dict[str, Any] = {"failures": 0}
        if view.keys["sync"] == "in-sync":
            changes["last_success_at"] = now()
        self.board.set_cluster(name, **changes)

    def _failed(self, name: str, error: str) -> None:
        self._count_failure(name, hammers=False)
        after = self.board.set_cluster(name, sync="failed", error=error)
        self.watch.changed(after, None)

    def _count_failure(self, name: str, *, hammers: bool) -> None:
        """Count a cycle that failed; `hammers`: trying again at once would send it all again."""
        trouble = self._trouble[name]
        trouble.failures += 1
        if hammers:
            trouble.retry_at = time.monotonic() + back_off_s(trouble.failures)
        self.board.set_cluster(name, failures=trouble.failures)

    def _waits(self, name: str, reason: str, until: str | None, text: str) -> None:
        self.board.set_cluster(name, waits={"reason": reason, "until": until, "text": text})


def _has_to_write(planned: Planned) -> bool:
    return planned.target.writable and has_to_write(planned)


def _document(planned: Planned, result: ClusterResult) -> Any:
    plan = Plan(now(), planned.target.checkout.revision, (planned.plan,))
    return plan_document(plan, [result])["clusters"][0]


def _text(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
