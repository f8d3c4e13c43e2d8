"""What somebody did to an object that git gave up, told in the deletion that is held for it."""

from __future__ import annotations

from dataclasses import replace

from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import ABSENT, Cause, Change, FieldChange
from rmqsync.planning.fields import changed_fields
from rmqsync.planning.ownership import Ownership, compared


def telling(change: Change, own: Ownership, context: Context, kinds: Registry) -> Change:
    """Return the deletion of an object with what was applied last, where that is another value."""
    assert change.before is not None
    sides = compared(change.ref, change.before, own, context, kinds)
    if sides is None:
        return change
    moved = {one.path: one for one in changed_fields(kinds[change.ref.kind], *sides)}
    fields = [_told(one, moved.pop(one.path, None)) for one in change.fields]
    # What a hand took away is there no more to be deleted.
    fields += [_told(_deleted(one), one) for one in moved.values()]
    return replace(change, fields=tuple(fields))


def _deleted(one: FieldChange) -> FieldChange:
    return one._replace(after=ABSENT, forces_replacement=False)


def _told(one: FieldChange, moved: FieldChange | None) -> FieldChange:
    if moved is None:
        return one
    sensitive = one.sensitive or moved.sensitive
    return one._replace(cause=Cause.BOTH, last=moved.after, sensitive=sensitive)
