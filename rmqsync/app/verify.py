"""
Verify: read the cluster again after a run, and say what of it is not as the run reported.

A 2xx proves nothing: an import skips what conflicts, a PUT of an exchange ignores arguments. So a
run is a success only if a second plan is empty of what was applied.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

from rmqsync.app.create import declarations
from rmqsync.app.execute import Execution
from rmqsync.app.plan import Planned
from rmqsync.app.put_back import SILENT, missing, put_back, with_lost
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import UnsetSecret
from rmqsync.model.changes import Action, Change, Outcome, Ref, Result
from rmqsync.model.definitions import Live, Rows
from rmqsync.model.errors import BrokerError, Rejected
from rmqsync.model.values import Row
from rmqsync.planning.draft import draft
from rmqsync.planning.plan import context_of


class After(NamedTuple):
    """What a cluster was like after a run."""

    live: Live
    differing: dict[Ref, Change]
    """Without what went by itself."""
    open_: tuple[Ref, ...]
    """All that is not in line."""


def verify(planned: Planned, execution: Execution) -> tuple[tuple[Ref, ...], After]:
    """
    Return what still differs though it was reported as done, and what the cluster is like now.

    The results of the run are made to say the same: what differs failed, what failed and is as it
    should be all the same (its answer was lost) is done. Raises `BrokerError`.
    """
    after, lost = _put_back_again(planned, execution)
    differing = after.differing
    _mark_done(execution, frozenset(after.open_), lost)
    claimed = {
        change.ref: change
        for change in planned.plan.applicable
        if execution.results[change.ref].outcome is Outcome.APPLIED
    }
    wrong = [
        ref
        for ref, change in claimed.items()
        if ref in differing and _still(change, differing[ref])
    ]
    again = [ref for ref in wrong if ref in execution.imported]
    if again and not execution.stop.is_set():
        # An import that skips an object says nothing; a single call says why.
        for ref in again:
            execution.results[ref] = _resend(execution, claimed[ref])
        if any(execution.results[ref].outcome is Outcome.APPLIED for ref in again):
            after = _read_again(planned, execution)
            differing = after.differing
    remaining = [
        ref
        for ref, found in lost.items()
        if execution.replaced[ref].outcome is Outcome.APPLIED and SILENT in found.values()
    ]
    for ref in wrong:
        is_open = ref in differing and _still(claimed[ref], differing[ref])
        if execution.results[ref].outcome is Outcome.APPLIED and is_open:
            reason = _unlike(differing[ref])
            execution.results[ref] = Result(Outcome.FAILED, reason)
        if execution.results[ref].outcome is not Outcome.APPLIED:
            remaining.append(ref)
    return tuple(remaining), after


def verdict(execution: Execution, remaining: Sequence[Ref], live: Live) -> bool | None:
    """Return whether a run did what it says; `None` where it says that nothing was done, as is."""
    if remaining:
        return False
    if any(result.outcome is Outcome.APPLIED for result in execution.results.values()):
        return True
    failed = [
        change
        for change in execution.plan.changes
        if execution.results[change.ref].outcome is Outcome.FAILED
    ]
    for ref in {ref for change in failed for ref in (change.ref, *change.impact.implied)}:
        if _row(live.rows, ref) != _row(execution.live, ref):
            return False
    return None


def made_in_part(execution: Execution) -> tuple[Change, ...]:
    """Return what was made but for the fields that somebody changed, which are left as they are."""
    return tuple(
        change
        for change in execution.plan.applicable
        if change.left and execution.results[change.ref].outcome is Outcome.APPLIED
    )


def left_missing(execution: Execution, live: Live) -> tuple[Ref, ...]:
    """Return what was deleted to be replaced and is not there: neither the new nor the old one."""
    return tuple(
        ref
        for ref in execution.replaced
        if execution.results[ref].outcome is Outcome.FAILED and _row(live.rows, ref) is None
    )


def taken_to_replace(execution: Execution) -> frozenset[Ref]:
    """Return what replacements deleted, well or not, with all that went along."""
    changes = (execution.by_ref[ref] for ref in execution.replaced)
    return frozenset(ref for one in changes for ref in (one.ref, *one.impact.implied))


def _row(rows: Rows, ref: Ref) -> Row | None:
    return rows.get(ref.kind, {}).get(ref.key)


def _still(claimed: Change, found: Change) -> bool:
    """Tell whether what a change was to do is still to be done: fields left alone do not count."""
    if not claimed.left or found.action in (Action.CREATE, Action.DELETE):
        return True
    return not {one.path for one in claimed.fields}.isdisjoint(one.path for one in found.fields)


def _put_back_again(
    planned: Planned, execution: Execution
) -> tuple[After, dict[Ref, dict[Ref, str]]]:
    """
    Read, and put back once more what replacements took and is not there: now the broker answers.

    Return the last reading and, by replaced object, what is lost all the same and why. Results say
    so too, and nothing of what came back.
    """

    # What was to go, and stays since another change was not made, is put back with the rest.
    changes = {ref: one for ref, one in execution.by_ref.items() if ref not in execution.kept}

    def missing_now() -> dict[Ref, dict[Ref, Row]]:
        return missing(execution.replaced, changes, execution.live, after.live.rows)

    after, reasons = _read_again(planned, execution), {}
    first = missing_now()
    rows = {ref: row for found in first.values() for ref, row in found.items()}
    if rows:
        reasons = put_back(execution.broker, rows, execution.context)
        after = _read_again(planned, execution)
    lost = {}
    for ref, found in missing_now().items():
        why = {one: reasons.get(one, SILENT) for one in found}
        result = execution.replaced[ref]
        if ref in first[ref] and ref not in found:
            result = result._replace(error=f"{result.error}; in the end it was declared as it was")
        execution.results[ref] = with_lost(result, why)
        if why:
            lost[ref] = why
    return after, lost


def _mark_done(execution: Execution, open_: Collection[Ref], lost: Collection[Ref]) -> None:
    """Mark as done what failed and is as it should be all the same: its answer was lost."""
    for change in execution.plan.applicable:
        if execution.results[change.ref].outcome is not Outcome.FAILED or change.ref in lost:
            continue
        with_it = () if change.action is Action.REPLACE else change.impact.implied
        if not any(ref in open_ for ref in (change.ref, *with_it)):
            execution.results[change.ref] = Result(Outcome.APPLIED)


def _read_again(planned: Planned, execution: Execution) -> After:
    assert planned.desired is not None
    live = planned.target.reader.read()
    context = context_of(planned.desired, live, planned.target.context)
    rules = replace(planned.target.rules, targets=(), excludes=())
    own = replace(planned.own, is_attended=True)  # what drifted and is left is open as well
    found = draft(planned.desired, live, context, rules, own=own)
    differing = {
        change.ref: change
        for change in found.changes
        if change.after is None
        or not (_gone_by_itself(change) and _was_there(change.ref, execution))
    }
    return After(live, differing, tuple({*differing, *found.doomed, *found.altered}))


def _was_there(ref: Ref, execution: Execution) -> bool:
    """Tell whether an object was there once the run was over: made, or found and let alone."""
    result = execution.results.get(ref)
    if result is None:
        return _row(execution.live, ref) is not None
    return result.outcome is Outcome.APPLIED


def _gone_by_itself(change: Change) -> bool:
    assert change.after is not None
    goes = KINDS[change.ref.kind].goes_by_itself(change.after)
    return change.action is Action.CREATE and goes


def _resend(execution: Execution, change: Change) -> Result:
    assert change.after is not None
    try:
        kind = KINDS[change.ref.kind]
        for request in declarations(kind, None, change.after, execution.context):
            execution.broker.send(request)
    except Rejected as error:
        return Result(Outcome.FAILED, error.reason)
    except (BrokerError, UnsetSecret) as error:
        return Result(Outcome.FAILED, str(error))
    return Result(Outcome.APPLIED)


def _unlike(change: Change) -> str:
    if change.action is Action.CREATE:
        return SILENT
    if change.action is Action.DELETE:
        return "the broker answered success, but it is still there"
    paths = ", ".join(".".join(map(str, field.path)) for field in change.fields[:3])
    return f"the broker answered success, but kept its own {paths}"
