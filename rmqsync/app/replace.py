"""
Delete and replace single objects, with the proof that nothing is lost at the moment it happens.

An object whose deletion was planned as harmless, since it was empty and unused, is looked at again
right before, and the broker is told to delete it only then where it can be told.
"""

from __future__ import annotations

from rmqsync.app.ports import Broker
from rmqsync.kinds.base import Context, Kind, Request
from rmqsync.model.changes import Change, Hold, HoldCode, Loss, Outcome, Result
from rmqsync.model.errors import BrokerError, Rejected
from rmqsync.model.values import Row
from rmqsync.planning.loss import is_idle

_DONE = Result(Outcome.APPLIED)


def delete(broker: Broker, kind: Kind, change: Change) -> Result:
    """Delete one object; `skipped` with hold `not-proven` where a proof was due and failed."""
    assert change.before is not None
    requests: tuple[Request, ...] | None = None
    proof_due = kind.is_counted and change.loss < Loss.MESSAGES
    if proof_due:
        facts = broker.queue_facts([change.ref.key]).get(change.ref.key)
        if facts is None:
            return _DONE  # gone by itself
        if not is_idle(facts):
            return _not_proven("it is not empty and unused any more")
        requests = kind.remove_if_unused(change.before)
    if requests is None:
        requests = kind.remove(change.before, handles_of(broker, kind, change))
    try:
        for request in requests:
            broker.send(request)
    except Rejected as error:
        if proof_due:
            return _not_proven(error.reason)
        raise
    return _DONE


def handles_of(broker: Broker, kind: Kind, change: Change) -> tuple[str, ...]:
    """Read what the broker needs to be told to delete an object."""
    assert change.before is not None
    question = kind.lookup(change.before)
    if question is None:
        return ()
    return kind.handles(change.before, broker.get(question))


def declarations(
    kind: Kind, before: Row | None, after: Row, context: Context
) -> tuple[Request, ...]:
    """
    Return the calls that create or update an object, its secrets put in.

    Raises `UnsetSecret` for a secret without a value.
    """
    row = context.resolve(after) if kind.holds_secrets else after
    return kind.declare(before, row, context)


def _not_proven(reason: str) -> Result:
    hold = Hold(HoldCode.NOT_PROVEN, reason, None)
    return Result(Outcome.SKIPPED, reason, hold)


def replace(broker: Broker, kind: Kind, change: Change, context: Context) -> Result:
    """
    Delete an object and declare it anew; what it took down is put back by the caller.

    Where the broker refuses the new shape the old one is declared again, so that the object is not
    left missing.
    """
    assert change.before is not None
    assert change.after is not None
    requests = declarations(kind, None, change.after, context)  # before anything is deleted
    gone = delete(broker, kind, change)
    if gone.outcome is not Outcome.APPLIED:
        return gone
    try:
        for request in requests:
            broker.send(request)
    except BrokerError as error:
        reason = error.reason if isinstance(error, Rejected) else str(error)
        return Result(Outcome.FAILED, f"{reason}; {_restore(broker, kind, change, context)}")
    return _DONE


def _restore(broker: Broker, kind: Kind, change: Change, context: Context) -> str:
    assert change.before is not None
    try:
        for request in kind.declare(None, change.before, context):
            broker.send(request)
    except BrokerError as error:
        return f"it was deleted, and declaring it as it was failed as well: {error}"
    return "it was declared again as it was before"
