"""Why a change is held for what it may lose."""

from __future__ import annotations

from collections.abc import Sequence

from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode, Loss, Ref
from rmqsync.model.counts import number_of
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.values import Key
from rmqsync.planning.foreign import some
from rmqsync.planning.hanging import whose
from rmqsync.planning.loss import Facts, in_flight, is_provable
from rmqsync.planning.retired import is_to_drain
from rmqsync.planning.rules import Rules


def losing(
    change: Change,
    desired: Desired,
    live: Rows,
    facts: Facts,
    rules: Rules,
    kinds: Registry,
    tied: Sequence[Key],
    links: Sequence[Ref],
) -> Hold | None:
    """Return the hold of a change that may lose more than is allowed."""
    if change.loss <= max(rules.allow_loss, change.allowed):
        return None
    address = address_of(kinds[change.ref.kind], change.ref.key)
    reason = f"it may cause loss of {change.loss.word}; allowed is {rules.allow_loss.word}"
    impact = change.impact
    if change.loss >= Loss.MESSAGES and impact.messages:
        reason = f"{number_of(impact.messages, 'message')} would be lost; allowed loss is "
        reason += rules.allow_loss.word
    elif change.loss is Loss.MESSAGES and (stopped := in_flight(change, kinds)):
        reason = f"{stopped}; allowed loss is {rules.allow_loss.word}"
    elif change.loss is Loss.MESSAGES and kinds[change.ref.kind].starts_over:
        reason = (
            "it deletes itself when it is done, and would start over: messages that it has moved "
            f"may come twice; allowed loss is {rules.allow_loss.word}"
        )
    elif tied and change.action is not Action.UPDATE:
        reason = (
            f"{whose(tied, kinds)} would go with it: only these can make such again; "
            f"allowed loss is {rules.allow_loss.word}"
        )
    elif links:
        names = some([kinds[ref.kind].sentence(ref.key) for ref in links])
        reason = (
            f"the links of {names} would stop, and what their buffers upstream hold be deleted, or "
            f"read by nobody any more; allowed loss is {rules.allow_loss.word}"
        )
    elif not rules.can_prove and is_provable(change.ref, live, facts, kinds, can_prove=True):
        reason = (
            "it seems to be empty and unused, which cannot be proven at the moment it goes without "
            "`amqp` in the settings of the cluster"
        )
    if _never_drains(change, desired, kinds):
        reason += (
            "; `when: drained` does nothing for a stream, which keeps what is read: once that may "
            f"be lost, say `allow_loss: {change.loss.word}` in its entry of `removed:`"
        )
    return Hold(HoldCode.LOSS, reason, f"--allow-loss {change.loss.word}:{address}")


def _never_drains(change: Change, desired: Desired, kinds: Registry) -> bool:
    """Tell whether nothing comes of waiting for what is to drain before it is deleted."""
    row = change.before
    if row is None or change.action is not Action.DELETE:
        return False
    keeps = kinds[change.ref.kind].keeps_what_is_read(row)
    return keeps and is_to_drain(change.ref, desired, kinds)
