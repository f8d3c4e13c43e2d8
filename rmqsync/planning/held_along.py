"""Which changes are held along with another one, since they are of use with that alone. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.policies import EXCHANGE
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, HoldCode
from rmqsync.model.definitions import Desired
from rmqsync.model.values import Key
from rmqsync.planning.retired import drains


def with_their_queues(changes: Sequence[Change], desired: Desired, kinds: Registry) -> list[Change]:
    """Hold the unbinding of what is to drain first with it, where it may not go at all."""
    holds = {
        ref: change.hold
        for change in changes
        if change.hold is not None and change.hold.code is not HoldCode.NOT_PROVEN
        if change.action is Action.DELETE and drains(change.ref, desired, kinds)
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


def _source_among(exchanges: Collection[Key], change: Change) -> Key | None:
    """Return the exchange that a deletion takes a binding from, where it is one of these."""
    if change.action is not Action.DELETE:
        return None
    bindings = (ref for ref in (change.ref, *change.impact.implied) if ref.kind == BINDING)
    return next((ref.key[:2] for ref in bindings if ref.key[:2] in exchanges), None)
