"""
Delete and replace single objects.

An object whose deletion was planned as harmless, since it was empty and unused, is proven so at the
moment it goes (`app/prove.py`). Where that fails it stays, unless the loss of what it holds was
allowed for it by name: what is allowed for a whole cluster was said of what the plan shows.
"""

from __future__ import annotations

import logging

from rmqsync.app.create import create, resolved
from rmqsync.app.lock import LockLost
from rmqsync.app.ports import Broker
from rmqsync.app.prove import NotProven, Prover, is_still_there
from rmqsync.app.room import without_room
from rmqsync.kinds.base import Kind, address_of
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Change, Hold, HoldCode, Loss, Outcome, Result
from rmqsync.model.errors import AccessDenied, BrokerError, Rejected

logger = logging.getLogger(__name__)

_DONE = Result(Outcome.APPLIED)


def delete(broker: Broker, kind: Kind, change: Change, prover: Prover | None = None) -> Result:
    """Delete one object; `skipped` with hold `not-proven` where a proof was due and failed."""
    assert change.before is not None
    address = address_of(kind, change.ref.key)
    if kind.is_counted and change.loss < Loss.MESSAGES:
        try:
            (prover or Prover(broker)).delete(kind, change)
            return _DONE
        except NotProven as error:
            if change.allowed < Loss.MESSAGES:
                override = f"--allow-loss {Loss.MESSAGES.word}:{address}"
                hold = Hold(HoldCode.NOT_PROVEN, str(error), override)
                return Result(Outcome.SKIPPED, str(error), hold)
            logger.warning("deleted without a proof %s: %s", address, error)
    handles = handles_of(broker, kind, change)
    if handles is None:
        return _DONE
    for request in kind.remove(change.before, handles):
        broker.send(request)
    return _DONE


def handles_of(broker: Broker, kind: Kind, change: Change) -> tuple[str, ...] | None:
    """
    Read what the broker needs to be told to delete an object; `None` where it is gone already.

    A binding may have gone with an object that was replaced in the same run. Without a handle the
    call would delete another one: that with the same routing key and no arguments.
    """
    assert change.before is not None
    question = kind.lookup(change.before)
    if question is None:
        return ()
    return kind.handles(change.before, broker.get(question)) or None


def replace(
    broker: Broker, kind: Kind, change: Change, context: Context, prover: Prover | None = None
) -> Result:
    """
    Delete an object and declare it anew; what it took down is put back by the caller.

    Where the broker refuses the new shape the old one is declared again, so that the object is not
    left missing; so it is where the deletion ends in an error and the object is gone all the same,
    or nobody knows. Raises `AccessDenied` and `LockLost`: then nothing was deleted. Where a limit
    leaves no room for it any more it is `skipped`, with that hold.
    """
    assert change.before is not None
    assert change.after is not None
    resolved(kind, change.after, context)  # raises before anything is deleted
    hold = without_room(broker, change)
    if hold is not None:
        return Result(Outcome.SKIPPED, hold.reason, hold)
    try:
        gone = delete(broker, kind, change, prover)
    except (AccessDenied, LockLost):
        raise
    except BrokerError as error:
        return Result(Outcome.FAILED, _not_deleted(broker, kind, change, context, error))
    if gone.outcome is not Outcome.APPLIED:
        return gone
    try:
        create(broker, kind, change.after, context)
    except BrokerError as error:
        why = _reason(error)
        restored = _restore(broker, kind, change, context, "it was deleted", why)
        return Result(Outcome.FAILED, f"{why}; {restored}")
    return _DONE


def _not_deleted(
    broker: Broker, kind: Kind, change: Change, context: Context, error: BrokerError
) -> str:
    """Make sure that an object is there whose deletion ended in an error; return what to tell."""
    assert change.before is not None
    is_there = is_still_there(broker, kind, change.before)
    if is_there:
        return _reason(error)
    state = "it may have been deleted" if is_there is None else "it was deleted"
    why = _reason(error)
    return f"{why}; {_restore(broker, kind, change, context, state, why)}"


def _reason(error: BrokerError) -> str:
    return error.reason if isinstance(error, Rejected) else str(error)


def _restore(
    broker: Broker, kind: Kind, change: Change, context: Context, state: str, why: str
) -> str:
    """Declare an object as it was; return what came of it, but for a reason that is `why` again."""
    assert change.before is not None
    try:
        create(broker, kind, change.before, context)
    except BrokerError as error:
        again = _reason(error)
        more = "" if again == why else f": {again}"
        return f"{state}, and declaring it as it was failed as well{more}"
    return "it was declared again as it was before"
