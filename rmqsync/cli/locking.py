"""
The locks of one apply, and whether its plan still holds once they are had.

Clusters that are one broker by several names are applied one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rmqsync.app.lock import Locks, Waiting, take_locks
from rmqsync.app.marking import has_to_write, now
from rmqsync.app.plan import Planned, plan_clusters
from rmqsync.app.prepare import refused
from rmqsync.cli.options import Common
from rmqsync.cli.output import progress, say
from rmqsync.cli.planfile import check_same
from rmqsync.model.changes import ClusterResult, Plan
from rmqsync.model.errors import RmqsyncError
from rmqsync.report.plan_json import plan_document


def in_turn(
    shared: Common,
    planned: Sequence[Planned],
    timeout_s: float,
    stop: threading.Event,
    apply: Callable[[Sequence[Planned], Locks], Sequence[ClusterResult]],
) -> list[ClusterResult]:
    """
    Call `apply` with what is locked, and again with what had to wait for that; return all results.

    Raises `StalePlan` where nothing was done.
    """
    done: dict[str, ClusterResult] = {}
    twins: dict[str, str] = {}
    todo = planned
    while todo:
        try:
            with locked(shared, todo, timeout_s, stop) as (current, locks):
                now_ = [one for one in current if one.plan.name not in locks.later]
                done |= {result.plan.name: result for result in apply(now_, locks)}
        except RmqsyncError as error:
            if not done:
                raise
            done |= {one.plan.name: _too_late(one, twins[one.plan.name], error) for one in todo}
            break
        twins |= locks.later
        todo = [one for one in todo if one.plan.name in locks.later]
    return [done[one.plan.name] for one in planned]


def _too_late(planned: Planned, twin: str, error: RmqsyncError) -> ClusterResult:
    reason = f"it is the same broker as cluster '{twin}', which was changed first: {error}"
    return refused(planned.plan, f"{reason}; plan and apply it by itself")


@contextmanager
def locked(
    shared: Common, planned: Sequence[Planned], timeout_s: float, stop: threading.Event
) -> Iterator[tuple[Sequence[Planned], Locks]]:
    """
    Hold the locks of all clusters that are to be written.

    What is locked is planned again; raises `StalePlan` where the cluster moved since it was shown.
    """
    writing = [one.target for one in planned if has_to_write(one)]
    locks = take_locks(writing, Waiting(timeout_s, say, stop))
    try:
        if not shared.quiet:
            for warning in locks.warnings:
                say(f"warning: {warning}")
        yield _planned_again(shared, planned, locks), locks
    finally:
        locks.release()


def _planned_again(shared: Common, planned: Sequence[Planned], locks: Locks) -> Sequence[Planned]:
    before = [one for one in planned if one.plan.name in locks.held]
    if not before:
        return planned
    with progress(shared.quiet) as shown:
        again = plan_clusters([one.target for one in before], progress=shown)
    check_same(plan_document(_plan(before)), plan_document(_plan(again)))
    by_name = {one.plan.name: one for one in again}
    return [by_name.get(one.plan.name, one) for one in planned]


def _plan(planned: Sequence[Planned]) -> Plan:
    revision = planned[0].target.checkout.revision
    return Plan(now(), revision, tuple(one.plan for one in planned))
