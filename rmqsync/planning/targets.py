"""Which deletions of queues are held since others may move messages into them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rmqsync.analysis.dead_letters import BINDING, dead_lettering_into
from rmqsync.analysis.policies import EXCHANGE, POLICIES, POLICY, QUEUE
from rmqsync.analysis.shovelled import shovelled_into, staying
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode, Loss
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key
from rmqsync.planning.rules import Rules


def gets_dead_letters(sources: Sequence[str]) -> str:
    """Return why a queue is not proven empty into which these may dead-letter."""
    more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
    return (
        f"queue '{sources[0]}'{more} may dead-letter into it, and what it holds was confirmed to "
        "publishers; remove or change that first, then it goes in a later run"
    )


def gets_shovelled(shovels: Sequence[str]) -> str:
    """Return why a queue is not proven empty into which these may move messages."""
    more = f" and {len(shovels) - 1} more" if len(shovels) > 1 else ""
    return (
        f"shovel '{shovels[0]}'{more} may move messages into it, which were confirmed to "
        "publishers; remove or change that first, or in the same run"
    )


def hold_targets(
    changes: Sequence[Change], live: Rows, context: Context, rules: Rules, kinds: Registry = KINDS
) -> tuple[Change, ...]:
    """
    Return the changes; a queue that seems empty and could not be proven so when it goes is held.

    It is asked once more then, of the broker: clients' own queues are in no rows. What is allowed
    by name goes without, if it must; what is allowed for all of a cluster waits for that moment.
    """
    reasons: dict[Key, str] = {}
    for action in (Action.REPLACE, Action.DELETE):
        asked = {
            change.ref.key
            for change in changes
            if change.ref.kind == QUEUE
            and change.action is action
            and change.hold is None
            and max(change.loss, change.allowed, rules.allow_loss) < Loss.MESSAGES
        }
        if asked:
            then = _then(changes, live, are_deleting=action is Action.DELETE)
            sources = dead_lettering_into(asked, then, context)
            shovels = shovelled_into(asked, staying(changes, live))
            reasons |= {key: gets_shovelled(names) for key, names in shovels.items()}
            reasons |= {key: gets_dead_letters(names) for key, names in sources.items() if names}
    if not reasons:
        return tuple(changes)
    return tuple(
        _held(change, reasons[change.ref.key], kinds)
        if change.ref.kind == QUEUE and change.ref.key in reasons
        else change
        for change in changes
    )


def _then(changes: Sequence[Change], live: Rows, *, are_deleting: bool) -> Rows:
    """
    Return what there is when queues go: all is made.

    Once deletions are under way, bindings are gone, and policies that name a way out (see
    `planning.turns`); operator policies are not yet.
    """
    then = {kind: dict(live.get(kind, {})) for kind in (*POLICIES, EXCHANGE, QUEUE, BINDING)}
    for change in changes:
        kind, key = change.ref
        if change.hold is None and kind in then:
            if change.after is not None:
                then[kind][key] = change.after
            elif are_deleting and kind in (QUEUE, BINDING, POLICY):
                then[kind].pop(key, None)
    return then


def _held(change: Change, reason: str, kinds: Registry) -> Change:
    address = address_of(kinds[change.ref.kind], change.ref.key)
    override = f"--allow-loss {Loss.MESSAGES.word}:{address}"
    hold = Hold(HoldCode.LOSS, reason, override)
    return replace(change, loss=Loss.MESSAGES, hold=hold)
