"""
Which replacements are held since a limit may refuse what is declared after the deletion. Pure.

A limit on how many objects there may be refuses nothing that is there. Once one is deleted, though,
where there are more than that, neither what replaces it nor the old one can be declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from rmqsync.kinds.base import Cap
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode, Ref
from rmqsync.model.counts import number_of
from rmqsync.model.definitions import Rows


class Limit(NamedTuple):
    """How many objects of a kind there may be in a vhost, and which object says so."""

    cap: Cap
    by: Ref


def hold_without_room(changes: Sequence[Change], live: Rows, kinds: Registry) -> tuple[Change, ...]:
    """
    Return the changes; replacements for which a limit may leave no room are held.

    `live` holds all that is known to be there, also what nobody may declare. What the run creates
    counts as well: it may take the room of what was deleted.
    """
    if not any(one.hold is None and one.action is Action.REPLACE for one in changes):
        return tuple(changes)
    limiting = _limiting(changes, live, kinds)
    created = [one.ref for one in changes if one.hold is None and one.action is Action.CREATE]
    return tuple(_judged(change, limiting, created, live, kinds) for change in changes)


def _judged(
    change: Change, limiting: Rows, created: Sequence[Ref], live: Rows, kinds: Registry
) -> Change:
    if change.hold is not None or change.action is not Action.REPLACE:
        return change
    for limit in limits_on(change.ref, limiting, kinds):
        name, vhost = change.ref.kind, change.ref.key[0]
        there = sum(key[0] == vhost for key in live.get(name, {}))
        new = sum(ref.kind == name and ref.key[0] == vhost for ref in created)
        if there + new > limit.cap.most:
            return replace(change, hold=no_room(limit, there, new, kinds))
    return change


def limits_on(ref: Ref, limiting: Rows, kinds: Registry) -> Iterator[Limit]:
    """Yield what rows say of how many objects there may be of the kind of one, where that is."""
    if not kinds[ref.kind].in_vhost:
        return
    for name, rows in limiting.items():
        caps = kinds[name].caps
        for key, row in rows.items() if caps is not None else ():
            if caps is not None and key[0] == ref.key[0]:
                found = (cap for cap in caps.of(row) if cap.kind == ref.kind)
                yield from (Limit(cap, Ref(name, key)) for cap in found)


def _limiting(changes: Sequence[Change], live: Rows, kinds: Registry) -> Rows:
    """
    Return the rows of what can limit, as they are when objects are replaced.

    Limits are set before; they are deleted after.
    """
    found = {kind.name: dict(live.get(kind.name, {})) for kind in kinds if kind.caps}
    for change in changes:
        if change.ref.kind in found and change.hold is None and change.after is not None:
            found[change.ref.kind][change.ref.key] = change.after
    return found


def no_room(limit: Limit, there: int, new: int, kinds: Registry) -> Hold:
    """Return the hold of a replacement: `there` are so many now, `new` the run makes as well."""
    cap, label = limit.cap, kinds[limit.cap.kind].label
    by = kinds[limit.by.kind].sentence(limit.by.key)
    more = f", and this run is to make {new} more" if new else ""
    reason = (
        f"{by}: {cap.field} is {cap.most}, and there are {number_of(there, label)}{more}; once it "
        "is deleted, the broker may let nobody declare it again"
    )
    return Hold(HoldCode.ON_CHANGE, reason, f"{cap.field}: {there + new} in the {by}")
