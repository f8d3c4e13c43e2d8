"""
The worst that a change can cause, from its kind, what it does, what goes with it, and the facts.

Deleting what holds messages counts as `messages` unless the facts show it empty and unused; that is
proven once more at the moment of the deletion.
"""

from __future__ import annotations

from collections.abc import Mapping

from rmqsync.kinds import KINDS
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Impact, Loss, Ref
from rmqsync.model.definitions import QueueFacts, Rows

Facts = Mapping[Ref, QueueFacts]


def counted(change: Change, kinds: Registry = KINDS) -> tuple[Ref, ...]:
    """Return the objects that go with a change and hold messages: itself, and what it implies."""
    if change.action not in (Action.DELETE, Action.REPLACE):
        return ()
    return tuple(ref for ref in (change.ref, *change.impact.implied) if kinds[ref.kind].is_counted)


def with_facts(change: Change, facts: Facts, kinds: Registry = KINDS) -> Impact:
    """Return the impact of a change with the messages and consumers that it touches."""
    touched = counted(change, kinds)
    if not touched:
        return change.impact
    known = [facts.get(ref) for ref in touched]
    messages = [None if one is None else one.messages for one in known]
    consumers = [None if one is None else one.consumers for one in known]
    return Impact(_sum(messages), _sum(consumers), change.impact.implied)


def _sum(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def loss_of(
    change: Change,
    live: Rows,
    facts: Facts,
    kinds: Registry = KINDS,
    *,
    can_prove: bool = False,
    hanging: int = 0,
    repeats: bool = False,
) -> Loss:
    """
    Return the worst that a change can cause; `can_prove`: there is what `is_provable` needs.

    `hanging` is how many objects go with it that nobody can put back: a client or a plugin goes on
    waiting for messages that do not come any more. `repeats`: it may do once more what was done.
    """
    kind = kinds[change.ref.kind]
    if repeats or in_flight(change, kinds):
        return Loss.MESSAGES
    if change.action is Action.CREATE:
        return kind.create_loss
    if change.action is Action.UPDATE:
        return kind.update_loss
    gone = (change.ref, *change.impact.implied)
    losses = [_loss_of_deleting(ref, live, facts, kinds, can_prove) for ref in gone]
    least = Loss.ROUTING if change.action is Action.REPLACE else Loss.NONE
    least = Loss.MESSAGES if hanging else least
    return max(least, *losses)


def in_flight(change: Change, kinds: Registry) -> str | None:
    """Say what a change loses by stopping what lets go of messages before it hands them on."""
    return None if change.before is None else kinds[change.ref.kind].loses_in_flight(change.before)


def _loss_of_deleting(ref: Ref, live: Rows, facts: Facts, kinds: Registry, can_prove: bool) -> Loss:
    return Loss.ROUTING if is_provable(ref, live, facts, kinds, can_prove) else kinds[ref.kind].loss


def is_provable(ref: Ref, live: Rows, facts: Facts, kinds: Registry, can_prove: bool) -> bool:
    """
    Tell whether an object seems to be empty and unused, and can be proven so when it goes.

    `can_prove` is for those for which the broker itself has no condition.
    """
    kind = kinds[ref.kind]
    if not kind.is_counted or not is_idle(facts.get(ref)):
        return False
    row = live.get(ref.kind, {}).get(ref.key)
    if row is None or not kind.loss_free_when_empty(row):
        return False
    return can_prove or kind.remove_if_unused(row) is not None


def is_idle(facts: QueueFacts | None) -> bool:
    """Tell whether a queue is known to be empty, with nothing unacknowledged, and unused."""
    if facts is None:
        return False
    return facts.messages == 0 and facts.unacknowledged == 0 and facts.consumers == 0
