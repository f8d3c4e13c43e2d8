"""
Put back what a replaced object took with it, as it was: bindings, topic permissions.

Also what nobody declares, which no later run would make again. So all of it is tried, whatever the
broker refuses, and what is lost in the end is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rmqsync.app.create import create, resolved
from rmqsync.app.lock import LockLost
from rmqsync.app.ports import Broker
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context, UnsetSecret
from rmqsync.loading.document_of import compile_document
from rmqsync.model.changes import Action, Change, ClusterPlan, Outcome, Ref, Result
from rmqsync.model.definitions import Rows, refs
from rmqsync.model.errors import BrokerError, Rejected, Unreachable
from rmqsync.model.values import Row

_TOGETHER_FROM = 2
NAMED = 20
"""How many lost objects are named before the rest is counted."""
SILENT = "the broker answered success, but it is not there"


def taken_by(change: Change, changes: Mapping[Ref, Change], live: Rows) -> dict[Ref, Row]:
    """
    Return what goes with a replaced object and is not to go anyway, as it is.

    What is to become of it besides is a change of its own, later in the plan, or held.
    """
    found = {}
    for ref in change.impact.implied:
        row = live.get(ref.kind, {}).get(ref.key)
        if row is not None and not _is_deleted(changes.get(ref)):
            found[ref] = row
    return found


def undeclared(plan: ClusterPlan, live: Rows, desired: Rows) -> Iterator[str]:
    """Yield the addresses of what replacements take and nobody declares: only they put it back."""
    changes = {change.ref: change for change in plan.changes}
    for change in plan.applicable:
        if change.action is Action.REPLACE:
            for ref in taken_by(change, changes, live):
                if ref.key not in desired.get(ref.kind, {}):
                    yield address_of(KINDS[ref.kind], ref.key)


def put_back(
    broker: Broker, rows: Mapping[Ref, Row], context: Context, *, bulk: bool = True
) -> dict[Ref, str]:
    """
    Declare rows again; return those that could not be, each with the reason.

    All at once where that goes: until they are there, what is published finds no way. Where no
    endpoint answers, or the lock is lost, the rest is not tried.
    """
    lost: dict[Ref, str] = {}
    ended: str | None = None
    try:
        together = _imported(broker, rows, context) if bulk else set()
    except (Unreachable, LockLost) as error:
        return dict.fromkeys(rows, str(error))
    for ref, row in rows.items():
        if ref in together:
            continue
        if ended is not None:
            lost[ref] = ended
            continue
        try:
            create(broker, KINDS[ref.kind], row, context)
        except (Unreachable, LockLost) as error:
            lost[ref] = ended = str(error)
        except BrokerError as error:
            lost[ref] = error.reason if isinstance(error, Rejected) else str(error)
    return lost


def _imported(broker: Broker, rows: Mapping[Ref, Row], context: Context) -> set[Ref]:
    """Declare what import can carry; return it, or nothing where the broker refuses any of it."""
    found: Rows = {}
    for ref, row in rows.items():
        kind = KINDS[ref.kind]
        if kind.to_export(row) is not None:
            try:
                found.setdefault(ref.kind, {})[ref.key] = resolved(kind, row, context)
            except UnsetSecret:
                continue
    together = set(refs(found))
    if len(together) < _TOGETHER_FROM:
        return set()
    try:
        broker.upload(compile_document(found))
    except (Unreachable, LockLost):
        raise
    except BrokerError:
        return set()
    return together


def missing(
    replaced: Mapping[Ref, Result], changes: Mapping[Ref, Change], live: Rows, after: Rows
) -> dict[Ref, dict[Ref, Row]]:
    """
    Return for each replaced object what hung on it and is not there after all, as it was.

    First the object itself, where its replacement failed: a deletion that ended in an error can
    take effect later. What a deletion of the same run took down is left out.
    """
    gone = {
        one
        for ref, change in changes.items()
        if _is_deleted(change) and not _is_there(ref, after)
        for one in change.impact.implied
    }
    return {
        ref: {
            one: row
            for one, row in {
                **_itself(changes[ref], result),
                **taken_by(changes[ref], changes, live),
            }.items()
            if one not in gone and not _is_there(one, after)
        }
        for ref, result in replaced.items()
    }


def _itself(change: Change, result: Result) -> dict[Ref, Row]:
    if change.before is None or result.outcome is not Outcome.FAILED:
        return {}
    return {change.ref: change.before}


def with_lost(result: Result, lost: Mapping[Ref, str]) -> Result:
    """Return what became of a replacement after which some of what hung on the object is lost."""
    if not lost:
        return result
    names = [KINDS[ref.kind].sentence(ref.key) for ref in list(lost)[:NAMED]]
    more = f" and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    verb = "is" if len(lost) == 1 else "are"
    reason = next(iter(lost.values()))
    said = result.error or "" if result.outcome is Outcome.FAILED else ""
    before = f"{said}; " if said else "replaced, but "
    why = "" if said.startswith(reason) else f": {reason}"
    return Result(Outcome.FAILED, f"{before}{', '.join(names)}{more} {verb} lost{why}")


def _is_deleted(change: Change | None) -> bool:
    return change is not None and change.action is Action.DELETE and change.hold is None


def _is_there(ref: Ref, rows: Rows) -> bool:
    return ref.key in rows.get(ref.kind, {})
