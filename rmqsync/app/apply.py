"""Apply: send the changes of a plan, then say whether the cluster now matches."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from rmqsync.app.execute import Execution
from rmqsync.app.journal import Unrecorded
from rmqsync.app.lock import WhileHeld
from rmqsync.app.marking import end, end_as_it_is, fences_left
from rmqsync.app.plan import CLUSTERS_AT_ONCE, Planned
from rmqsync.app.ports import Journal, Lock, Progress
from rmqsync.app.prepare import interrupted, prepare, refused
from rmqsync.app.prove import Prover, lift, remove_left_fences
from rmqsync.app.unexpected import told
from rmqsync.app.verify import left_missing, made_in_part, taken_to_replace, verdict, verify
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.changes import ClusterResult, Outcome, Ref, Result
from rmqsync.model.errors import BrokerError, RmqsyncError

_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    parallelism: int = 8
    """Requests at once to one cluster."""
    bulk: bool = True
    progress: Progress = lambda _what, _done, _total: None
    stop: threading.Event = field(default_factory=threading.Event)
    """Set to finish the requests in flight and send nothing more."""
    locks: Mapping[str, Lock] = field(default_factory=dict)
    """
    By the name of the cluster; one without is written without a lock.

    Each is released when the run of its cluster is over.
    """
    refused: Mapping[str, str] = field(default_factory=dict)
    """Clusters that must not be written, and why."""
    journal: Journal = field(default_factory=Unrecorded)
    """Keeps a backup, and a record of the run."""


def apply_clusters(planned: Sequence[Planned], options: ApplyOptions) -> list[ClusterResult]:
    """Apply several plans at once; one that fails does not stop the others."""
    workers = max(1, min(CLUSTERS_AT_ONCE, len(planned)))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        runs = [pool.submit(_recorded, one, options) for one in planned]
        # Looked at again and again: Python handles a signal in its main thread only, and does not
        # wake it from a wait without end where the system gave the signal to another one.
        while wait(runs, timeout=_LOOK_S).not_done:
            pass
        return [run.result() for run in runs]


def _recorded(planned: Planned, options: ApplyOptions) -> ClusterResult:
    try:
        result = apply_cluster(planned, options)
    finally:
        lock = options.locks.get(planned.plan.name)
        if lock is not None:
            lock.release()
    try:
        return options.journal.finished(planned, result)
    except Exception as error:  # a bug of ours must not lose what was done
        reason = f"how it ended could not be written down: {told(planned.plan.name, error)}"
        return replace(result, error="; ".join(filter(None, (result.error, reason))))


def apply_cluster(planned: Planned, options: ApplyOptions) -> ClusterResult:
    """Apply one plan and verify it. Never raises."""
    plan = planned.plan
    if planned.live is None or planned.desired is None or planned.context is None:
        return ClusterResult(plan, error=plan.error)
    if plan.name in options.refused:
        return refused(plan, options.refused[plan.name])
    if options.stop.is_set():
        return interrupted(plan)
    target, lock = planned.target, options.locks.get(plan.name)
    execution = Execution(
        broker=target.reader if lock is None else WhileHeld(target.reader, lock),
        plan=plan,
        live=planned.live.rows,
        context=planned.context,
        parallelism=options.parallelism,
        bulk=options.bulk,
        progress=options.progress,
        stop=options.stop,
        lock=lock,
        prover=Prover(target.reader, target.amqp if lock else None, lock, target.owner),
        rules=target.rules,
        unlisted=planned.unlisted,
    )
    try:
        if not plan.applicable:
            return _only_marked(planned, execution)
        refusal = prepare(planned, execution, options.journal)
        if refusal is not None:
            return refusal
        execution.run()
        return _settle(planned, execution, options.journal.run)
    except Exception as error:  # a bug of ours must not lose the results of other clusters
        return _broken_off(execution, told(plan.name, error))


def _settle(planned: Planned, execution: Execution, run: str | None) -> ClusterResult:
    """Read the cluster again after a run: what came of it, and the marker that says so."""
    plan, lock, results = planned.plan, execution.lock, execution.results
    verified: bool | None = None
    error: str | None = None
    remaining: tuple[Ref, ...] = ()
    gone: tuple[Ref, ...] = ()
    was_sent = any(result.outcome is not Outcome.SKIPPED for result in results.values())
    if was_sent or planned.own.is_judged:
        execution.progress("verifying", 0, 1)
        try:
            remaining, after = verify(planned, execution)
            verified = verdict(execution, remaining, after.live)
            if verified is None and execution.unanswered:
                verified, error = False, f"cluster '{plan.name}': {_UNANSWERED}"
            gone = left_missing(execution, after.live)
            partly = made_in_part(execution)
            taken = taken_to_replace(execution)
            end(planned, execution.broker, after.live, after.open_, run, partly, taken)
        except Exception as problem:  # whatever it is, what was done is told
            reason = told(plan.name, problem)
            verified, error = False, f"the result could not be verified: {reason}"
        execution.progress("verifying", 1, 1)
    left = _fences_left(execution)
    if left is not None:
        verified, error = False, f"cluster '{plan.name}': {left}"
    if lock is not None and not lock.held():
        verified = False
        error = f"cluster '{plan.name}': {lost_lock(lock.lost, is_amid=bool(gone))}"
    return ClusterResult(
        plan=plan,
        results=tuple(results[change.ref] for change in plan.changes),
        verified=verified,
        interrupted=execution.stop.is_set(),
        error=error,
        remaining=tuple(address_of(KINDS[ref.kind], ref.key) for ref in remaining),
        gone=tuple(address_of(KINDS[ref.kind], ref.key) for ref in gone),
    )


_UNANSWERED = (
    "what failed without an answer may still be carried out, though nothing of it is to be seen yet"
)


def lost_lock(why: str | None, *, is_amid: bool) -> str:
    """Return how a run ended that lost its lock, `is_amid` a replacement."""
    also = ", nor what had been deleted to be replaced declared again" if is_amid else ""
    return f"the lock was lost: {why}; nothing was written after that{also}"


def _fences_left(execution: Execution) -> str | None:
    """Try again to remove what keeps publishers out of queues; tell what cannot be removed."""
    names, reason = [], ""
    for fence in execution.prover.left if execution.prover is not None else ():
        try:
            lift(execution.broker, fence)
        except BrokerError as problem:
            names.append(f"'{fence.name}' in vhost '{fence.vhost}'")
            reason = str(problem)
    if not names:
        return None
    return (
        f"policy {', '.join(names)} still keeps publishers out of a queue, and could not be "
        f"removed: {reason}; remove it, or let the next run do so"
    )


def _broken_off(execution: Execution, reason: str) -> ClusterResult:
    """Return what is known of a run that something ended which nobody expected."""
    plan, results = execution.plan, execution.results
    unsent = Result(Outcome.SKIPPED, f"not sent: {reason}")
    return ClusterResult(
        plan,
        tuple(results.get(change.ref, unsent) for change in plan.changes),
        verified=False,
        interrupted=execution.stop.is_set(),
        error=f"cluster '{plan.name}': {reason}",
    )


def _only_marked(planned: Planned, execution: Execution) -> ClusterResult:
    """
    Do what a run has to do that changes nothing.

    It removes what a killed run left, and takes into ownership what is as declared already, where
    the marker does not say so yet.
    """
    plan, broker, amqp = planned.plan, execution.broker, planned.target.amqp
    results = tuple(
        Result(Outcome.SKIPPED, one.hold.reason if one.hold else None) for one in plan.changes
    )
    if execution.lock is not None and amqp is not None and fences_left(planned):
        try:
            remove_left_fences(broker, amqp, planned.target.owner)
        except BrokerError as problem:
            error = f"cluster '{plan.name}': what a killed run left could not be removed: {problem}"
            return ClusterResult(plan, results, error=error)
    try:
        end_as_it_is(planned, broker, is_locked=execution.lock is not None)
    except RmqsyncError as problem:
        error = f"cluster '{plan.name}': the marker could not be written: {problem}"
        return ClusterResult(plan, results, error=error)
    return ClusterResult(plan, results)
