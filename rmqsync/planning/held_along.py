"""Which changes are held along with another one, since they are of use with that alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.lacking import lacking
from rmqsync.analysis.policies import EXCHANGE, POLICIES
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode, Ref
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.values import Key
from rmqsync.planning.needs import needs
from rmqsync.planning.retired import drains


def with_their_queues(changes: Sequence[Change], desired: Desired, kinds: Registry) -> list[Change]:
    """Hold the unbinding of what is to drain first with it, where it may not go at all."""
    holds = {
        ref: change.hold
        for change in changes
        if change.hold is not None and change.hold.code is not HoldCode.NOT_PROVEN
        if drains(change, desired, kinds)
        for ref in change.impact.implied
    }
    return [
        replace(change, hold=holds[change.ref])
        if change.hold is None and change.action is Action.DELETE and change.ref in holds
        else change
        for change in changes
    ]


def with_their_exchanges(changes: Sequence[Change], kinds: Registry) -> list[Change]:
    """
    Hold the unbinding from an exchange with its replacement.

    What takes the place of a binding may route only once the exchange is another one: `a.*` in one
    that is still direct takes nothing.
    """
    holds = {
        change.ref.key: change.hold
        for change in changes
        if change.action is Action.REPLACE and change.ref.kind == EXCHANGE and change.hold
    }
    found = []
    for change in changes if holds else ():
        key = _source_among(holds, change)
        if key is not None and change.hold is None:
            reason = f"it waits for the replacement of {kinds[EXCHANGE].sentence(key)}: "
            hold = holds[key]
            change = replace(change, hold=replace(hold, reason=f"{reason}{hold.reason}"))
        found.append(change)
    return found or list(changes)


def with_their_policies(
    changes: Sequence[Change], live: Rows, context: Context, kinds: Registry
) -> tuple[Change, ...]:
    """
    Hold what has no way out without a held policy, and what leads to such.

    The run might move messages to a queue that drops what it cannot keep.
    """
    holds = {one.ref: one.hold for one in changes if one.hold and one.ref.kind in POLICIES}
    found = lacking(changes, live, context, holds.keys()) if holds else {}
    return tuple(
        _with_policy(change, found[change.ref], holds, kinds)
        if change.ref in found and change.hold is None
        else change
        for change in changes
    )


def _with_policy(change: Change, policy: Ref, holds: Mapping[Ref, Hold], kinds: Registry) -> Change:
    hold = holds[policy]
    what = "what it leads to has" if change.ref.kind == BINDING else "it has"
    reason = f"{what} no way out without {kinds[policy.kind].sentence(policy.key)}: {hold.reason}"
    return replace(change, hold=replace(hold, reason=reason))


def with_what_they_need(changes: Sequence[Change], kinds: Registry) -> tuple[Change, ...]:
    """Hold what cannot be made without what is held itself, however long the chain."""
    held = {one.ref: one for one in changes if one.hold is not None and one.action is Action.CREATE}
    found = []
    for change in sorted(changes, key=lambda one: kinds[one.ref.kind].rank) if held else ():
        lacking = min(needs(change, kinds) & held.keys(), default=None)
        hold = held[lacking].hold if lacking is not None and change.hold is None else None
        if lacking is not None and hold is not None:
            name = kinds[lacking.kind].sentence(lacking.key)
            change = replace(change, hold=replace(hold, reason=f"it needs {name}: {hold.reason}"))
            if change.action is Action.CREATE:
                held[change.ref] = change
        found.append(change)
    if not found:
        return tuple(changes)
    by_ref = {one.ref: one for one in found}
    return tuple(by_ref[one.ref] for one in changes)


def with_their_successors(changes: Sequence[Change], kinds: Registry) -> tuple[Change, ...]:
    """Hold the removal of a binding, or an exchange, with the creation of what takes its place."""
    found = Successors(changes)
    by_end = {end: one for one in changes if one.hold for end in found.ends_of_new(one)}
    held = []
    for change in changes if by_end else ():
        if change.hold is None and change.action is Action.DELETE:
            end = next((one for one in found.ends_of_gone(change) if one in by_end), None)
            other = by_end[end] if end is not None else None
            if end is not None and other is not None and other.hold is not None:
                name = kinds[other.ref.kind].sentence(other.ref.key)
                reason = f"{name} {in_place(end)}, and is held: {other.hold.reason}"
                change = replace(change, hold=replace(other.hold, reason=reason))
        held.append(change)
    return tuple(held or changes)


class Successors:
    """What may take the place of what, among the changes of a run."""

    def __init__(self, changes: Sequence[Change]) -> None:
        exchanges = [one for one in changes if one.ref.kind == EXCHANGE]
        self._new = {one.ref for one in exchanges if one.action is Action.CREATE}
        self._going = {one.ref for one in exchanges if one.action is Action.DELETE}

    def ends_of_new(self, change: Change) -> list[Key]:
        """
        Return what a creation has in common with what it may take the place of: one is enough.

        Nothing that goes has the name of an exchange that is new: it may be for any that goes.
        """
        if change.action is not Action.CREATE:
            return []
        if change.ref.kind == EXCHANGE:
            return [(ANEW, change.ref.key[0])]
        if change.ref.kind != BINDING:
            return []
        is_new = Ref(EXCHANGE, change.ref.key[:2]) in self._new
        return [*ends(change.ref), *([(ANEW, change.ref.key[0])] if is_new else [])]

    def ends_of_gone(self, change: Change) -> list[Key]:
        """Return the same of a deletion, and of what it takes along."""
        found: list[Key] = []
        for ref in (change.ref, *change.impact.implied):
            source = ref
            if ref.kind == BINDING:
                found += ends(ref)
                source = Ref(EXCHANGE, ref.key[:2])
            if source in self._going:
                found.append((ANEW, ref.key[0]))
        return found


ANEW = "anew"


def ends(ref: Ref) -> tuple[Key, Key]:
    """Return what a binding has in common with one that takes its place: either is enough."""
    vhost, source, kind, destination, *_ = ref.key
    return ("to", vhost, kind, destination), ("from", vhost, source)


def in_place(end: Key) -> str:
    """Return how sure it is that what has an end in common takes the place."""
    return "may be to take its place" if end[0] == ANEW else "is to take its place"


def _source_among(exchanges: Collection[Key], change: Change) -> Key | None:
    """Return the exchange that a deletion takes a binding from, where it is one of these."""
    if change.action is not Action.DELETE:
        return None
    bindings = (ref for ref in (change.ref, *change.impact.implied) if ref.kind == BINDING)
    return next((ref.key[:2] for ref in bindings if ref.key[:2] in exchanges), None)
