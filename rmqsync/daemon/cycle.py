"""
One cycle of one cluster: compare, decide whether to write, write, say what came of it.

Never raises: what goes wrong with a cluster is told on the board, and no other is worse off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any, NamedTuple

from rmqsync.app import marking
from rmqsync.app.apply import ApplyOptions, apply_clusters
from rmqsync.app.journal import status_of
from rmqsync.app.lock import Locks, Waiting, take_locks
from rmqsync.app.memory import Memory
from rmqsync.app.plan import Planned, plan_cluster
from rmqsync.config.settings import Settings
from rmqsync.daemon.board import Board
from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.outlook import why_failed
from rmqsync.daemon.standing import Standing, has_to_write
from rmqsync.daemon.targets import Targets
from rmqsync.daemon.timing import Windows
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
class Cycles:
    """What all cycles share. Thread-safe, as long as no cluster is in two of them at once."""

    session: Session
    settings: Settings
    standing: Standing
    targets: Targets
    memory: Memory
    metrics: Metrics
    exit_code: Callable[[ClusterResult], int]
    fetch: Callable[[str], None]
    """Looks for new commits of a cluster's source, and returns when that is done."""
    stop: threading.Event = field(default_factory=threading.Event)
    name: str = "rmqsync"
    """Who the history says it was when nobody asked."""
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    """What windows are compared with."""
    _windows: dict[str, Windows] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises `SourceError` for an unknown time zone."""
        for name, cluster in self.settings.clusters.items():
            self._windows[name] = Windows(cluster.windows)

    @property
    def board(self) -> Board:
        return self.standing.board

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
            self.standing.failed(name, str(error))
        except Exception as error:  # a bug of ours must not end the daemon
            LOG.exception("cluster %s: unexpected error", name)
            self.standing.failed(name, f"unexpected error, see the log: {type(error).__name__}")
        finally:
            self.targets.rest(name, planned.live if planned is not None else None)
            self.board.set_cluster(name, running=None)
        took = time.monotonic() - started
        self.metrics.cycled(name, took)
        return took

    def closed(self, name: str) -> str | None:
        """Say until when no window of a cluster is open; `None` while one is."""
        moment = self.now()
        if self._windows[name].is_open(moment):
            return None
        waits = self._windows[name].waits_for(moment)
        return f"It is outside of its windows: what is to be done waits {waits}."

    def approved_until(self, name: str) -> datetime:
        """Return when an approval that is given now ends."""
        return self._windows[name].approved_until(self.now())

    def cancel(self, name: str, who: str) -> bool:
        """Give up what waits for its window; return whether anything did."""
        document = self.board.cluster(name)
        waits, plan = document["waits"], document["plan"]
        if waits is None or waits["reason"] != "window" or plan is None:
            return False
        fingerprint = plan["fingerprint"]
        if fingerprint is None:
            return False
        self.standing.cancelled(name, fingerprint, who)
        return True

    def take_back(self, name: str) -> bool:
        """Have what was cancelled wait for its window again; return whether it does."""
        document = self.board.cluster(name)
        waits, plan = document["waits"], document["plan"]
        if not self.standing.taken_back(name, None if plan is None else plan["fingerprint"]):
            return False
        if waits is not None and waits["reason"] == "cancelled":
            self._waits_for_window(name, self.now())
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
        if self.standing.trouble(name).behind == (refusal.reason, commit):
            return planned
        self.fetch(name)
        target = self.targets.get(name)
        if target.checkout.revision.commit == commit:
            self.standing.trouble(name).behind = refusal.reason, commit
            return planned
        return plan_cluster(target, self.memory)

    def _go_on(self, name: str, planned: Planned, request: Request) -> Planned:
        view = self.standing.show(name, planned)
        if planned.plan.status is not Status.OK:
            self.standing.count_failure(name, hammers=False)
            return planned
        if not has_to_write(planned):
            self.standing.settled(name, view)
            return planned
        if not request.writes or not self._may_write(name, planned, request):
            return planned
        return self._write(name, planned, request)

    def _may_write(self, name: str, planned: Planned, request: Request) -> bool:
        """Tell whether now is the time; say what it waits for where it is not."""
        trouble, moment = self.standing.trouble(name), self.now()
        if not self._windows[name].is_open(moment):
            if self._is_cancelled(name, planned):
                return False
            self._waits_for_window(name, moment)
            return False
        if not request.who and self._is_cancelled(name, planned):
            return False
        left_s = trouble.retry_at - time.monotonic()
        if left_s > 0 and not request.insists:
            at = _text(moment + timedelta(seconds=ceil(left_s)))  # it is cut to the second
            failed = "1 run failed"
            if trouble.failed_runs != 1:
                failed = f"{trouble.failed_runs} runs failed in a row"
            text = f"{failed}; it is tried again {at}"
            self.standing.waits(name, "back-off", at, text)
            return False
        return not self.stop.is_set()

    def _waits_for_window(self, name: str, moment: datetime) -> None:
        at = _text(self._windows[name].next(moment))
        text = f"its changes wait {self._windows[name].waits_for(moment)}"
        self.standing.waits(name, "window", at, text)

    def _is_cancelled(self, name: str, planned: Planned) -> bool:
        """Tell whether somebody called it off. Only what waits for a window can be."""
        has_windows = bool(self.settings.clusters[name].windows)
        return has_windows and self.standing.is_cancelled(name, planned.plan.fingerprint)

    def _write(self, name: str, planned: Planned, request: Request) -> Planned:
        locks = take_locks([planned.target], Waiting(LOCK_WAIT_S, LOG.info, self.stop))
        try:
            if name in locks.refused:
                self.standing.waits(name, "lock", None, locks.refused[name])
                return planned
            self.standing.warn(name, locks.warnings)
            if name in locks.held:
                planned = self._caught_up(name, plan_cluster(planned.target, self.memory))
                self.standing.show(name, planned)
                if planned.plan.status is not Status.OK or not has_to_write(planned):
                    return planned
            result = self._apply(name, planned, request, locks)
        finally:
            locks.release()
        return self._after(name, planned, result)

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
            self.standing.watch.ran(name, status, document, begun.run)
        return result

    def _after(self, name: str, planned: Planned, result: ClusterResult) -> Planned:
        if self.stop.is_set():
            return planned
        again = plan_cluster(planned.target, self.memory)
        failed = result.error is not None or self.exit_code(result) in (1, 4, 5)
        if failed:
            self.standing.count_failure(name, hammers=True)
            self.standing.trouble(name).error = why_failed(result)
        else:
            self.standing.worked(name)
        view = self.standing.show(name, again, failed=failed)
        if not failed and again.plan.status is Status.OK:
            self.standing.settled(name, view)
        return again


def _document(planned: Planned, result: ClusterResult) -> Any:
    plan = Plan(marking.now(), planned.target.checkout.revision, (planned.plan,))
    return plan_document(plan, [result])["clusters"][0]


def _text(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
