"""
What comes before the first change of a run: rights, backup, what a killed run left, the marker.

Until the marker is written a run that is not to go on has written nothing. Approvals are used up
after that, since they count once; where they are not open any more the marker is put back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rmqsync.app.approvals import spend_approvals
from rmqsync.app.execute import INTERRUPTED, Execution, single_calls
from rmqsync.app.lock import LockLost
from rmqsync.app.marking import begin, marker_path
from rmqsync.app.plan import Planned
from rmqsync.app.ports import Journal
from rmqsync.app.prove import remove_left_fences
from rmqsync.kinds.base import Request
from rmqsync.model.changes import ClusterPlan, ClusterResult, Outcome, Result
from rmqsync.model.errors import BrokerError, Refused, RmqsyncError


def prepare(planned: Planned, execution: Execution, journal: Journal) -> ClusterResult | None:
    """Do what comes before the first change; return why nothing may be done, if so."""
    plan, target, lock = planned.plan, planned.target, execution.lock
    try:
        missing = target.reader.missing_rights(single_calls(execution))
        if missing:
            return _without_rights(plan, missing)
        # Where nobody was waited for, what was read is as good as under a lock.
        is_fresh = lock is not None or not planned.own.is_attended
        journal.before_first_write(planned, fresh=is_fresh)
    except RmqsyncError as problem:
        return refused(plan, str(problem))
    if execution.stop.is_set():
        return interrupted(plan)
    if lock is not None and target.amqp is not None:
        try:
            remove_left_fences(execution.broker, target.amqp, target.owner)
        except BrokerError as problem:
            return refused(plan, f"what a killed run left could not be removed: {problem}")
    try:
        begin(planned, execution.broker, journal.run, is_locked=lock is not None)
    except Refused as problem:
        return refused(plan, str(problem))
    except LockLost as problem:
        return replace(refused(plan, str(problem)), verified=False)
    except BrokerError as problem:
        return refused(plan, f"the marker could not be written: {problem}")
    if execution.stop.is_set():  # what follows sends nothing, and writes the marker that says so
        return None
    unspent = spend_approvals(plan, target.approvals)
    return None if unspent is None else _given_back(planned, execution, unspent)


def _given_back(planned: Planned, execution: Execution, reason: str) -> ClusterResult:
    """Have the marker be as it was before the run, which ends for a reason."""
    if planned.own.is_judged and planned.live is not None:
        owner = planned.target.owner
        before = planned.live.markers.get(owner)
        body = None if before is None else {"value": before}
        try:
            execution.broker.send(Request("PUT" if body else "DELETE", marker_path(owner), body))
        except BrokerError as problem:
            reason = (
                f"{reason}; the marker says that a run is under way, and could not be put back, "
                f"which the next run does: {problem}"
            )
    return refused(planned.plan, reason)


def refused(plan: ClusterPlan, reason: str) -> ClusterResult:
    """Return the result of a run that was not begun."""
    skipped = Result(Outcome.SKIPPED, f"nothing was done: {reason}")
    error = f"cluster '{plan.name}': nothing was done: {reason}"
    return ClusterResult(plan, tuple(skipped for _ in plan.changes), error=error)


def interrupted(plan: ClusterPlan) -> ClusterResult:
    """Return the result of a run that was stopped before it wrote anything."""
    results = tuple(
        Result(Outcome.SKIPPED, change.hold.reason if change.hold else INTERRUPTED)
        for change in plan.changes
    )
    return ClusterResult(plan, results, interrupted=True)


def _without_rights(plan: ClusterPlan, missing: Sequence[str]) -> ClusterResult:
    commands = "; ".join(missing)
    error = f"{plan.name}: our user lacks rights, nothing was done; they are granted by: {commands}"
    skipped = Result(Outcome.SKIPPED, "nothing was done: our user lacks rights")
    return ClusterResult(plan, tuple(skipped for _ in plan.changes), error=error)
