"""
What changes of policies, and deletions of what others hand on to, may cost; which are held.

The changes of a run are judged together: what one takes away another may give. Once some are held
the rest is judged again without them, so that it never relies on what will not be done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.policies import POLICIES, QUEUE, sort_of
from rmqsync.analysis.policy_losses import Threat, lost, threats
from rmqsync.analysis.ways_out import parting, ways_out
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Change, Hold, HoldCode, Impact, Loss, Ref
from rmqsync.model.counts import number_of
from rmqsync.model.definitions import Rows
from rmqsync.planning.holds import and_also
from rmqsync.planning.loss import Facts
from rmqsync.planning.rules import Rules


class _Hit(NamedTuple):
    """A threat that comes true, as far as anybody knows."""

    threat: Threat
    messages: int | None
    """How many messages it may cost at most; `None` where that is not known."""


_SAYINGS = {
    Danger.EXPIRES: "expires {after} would delete {name} with {messages} once it is unused",
    Danger.MAX_LENGTH: "max-length {after} would drop {messages} of {name}",
    Danger.MAX_BYTES: "max-length-bytes {after} may drop {messages} of {name}",
    Danger.OVERFLOW: "{name} is full, and would drop what it holds for what comes",
    Danger.MAX_AGE: "max-age {after} may drop {messages} of {name}",
    Danger.DELIVERIES: "delivery-limit {after} may drop {messages} of {name}",
    Danger.DEAD_LETTERS: "{name} {state} and would lose its dead-letter exchange",
    Danger.DEAD_LETTER_STRATEGY: "{name} would forget what it has yet to dead-letter",
    Danger.ALTERNATE: "{name} would lose its alternate exchange",
    Danger.DEAD_END: "{name} hands on to exchange '{after}', from which not all would lead on",
    Danger.MIRRORS: "the mirrors of {name} would change, perhaps while some are unsynchronised",
    Danger.FEDERATION: "the links of {name} would start anew, their buffers upstream be lost",
}

_MISSING = {
    Danger.DEAD_LETTERS: "{name} {state} and would dead-letter to '{after}', which leads nowhere",
    Danger.ALTERNATE: "the alternate exchange of {name} would be '{after}', which leads nowhere",
}
"""Where a policy names another exchange instead."""


def at_risk(found: Iterable[Threat]) -> set[Ref]:
    """Return the queues whose facts decide whether a threat comes true."""
    return {threat.ref for threat in found if threat.needs_facts}


def undecided(found: Iterable[Threat], live: Rows, facts: Facts, context: Context) -> set[Ref]:
    """
    Return the queues to be counted once more: counts that come late would let a threat pass.

    All quorum queues at risk, where that is so of one: they are counted at once, and what is held
    may make others a threat that were none.
    """
    late: set[Ref] = set()
    passes = False
    for threat in found:
        row = live.get(QUEUE, {}).get(threat.ref.key) if threat.needs_facts else None
        if row is not None and sort_of(threat.ref, row, context, live=True) == "quorum":
            late.add(threat.ref)
            passes = passes or lost(threat, facts.get(threat.ref)) == 0
    return late if passes else set()


def hold_for_losses(
    changes: Sequence[Change],
    live: Rows,
    context: Context,
    facts: Facts,
    rules: Rules,
    found: Sequence[Threat] | None = None,
    kinds: Registry = KINDS,
) -> tuple[Change, ...]:
    """
    Return the changes with the impact, loss and hold that they have in addition: those of policies,
    and deletions of what others dead-letter to, or name as their alternate exchange, and of what
    leads on from there.

    `found` are the threats of all changes of policies, where they are known already. Call it again
    after holding a change for another reason.
    """
    judged = tuple(changes)
    concerned = {change.ref for change in judged if change.ref.kind in POLICIES} | parting(judged)
    if not concerned:
        return judged
    if found is None:
        found = threats(judged, live, context)
    standing: set[Ref] | None = None
    while True:
        will_be_made = {c.ref for c in judged if c.ref in concerned and c.hold is None}
        if standing is not None and standing <= will_be_made:
            return judged
        standing = will_be_made
        sent = [change for change in judged if change.hold is None]
        some = found
        if standing != concerned:
            some = threats(sent, live, context)
            # What a held one would cost is shown as well; it is not for others to be held by.
            some = [*some, *(one for one in found if one.change not in standing)]
        hits = _hits([*some, *ways_out(sent, live, context)], facts)
        judged = tuple(
            _judged(change, hits[change.ref], facts, rules, kinds) if change.ref in hits else change
            for change in judged
        )


def _hits(found: Iterable[Threat], facts: Facts) -> dict[Ref, list[_Hit]]:
    hits: dict[Ref, list[_Hit]] = {}
    for threat in found:
        messages = lost(threat, facts.get(threat.ref))
        if messages != 0:
            hits.setdefault(threat.change, []).append(_Hit(threat, messages))
    return hits


def _judged(
    change: Change, hits: Sequence[_Hit], facts: Facts, rules: Rules, kinds: Registry
) -> Change:
    judged = replace(
        change,
        loss=max(change.loss, Loss.MESSAGES),
        impact=_impact(change, hits, facts, kinds),
    )
    address = address_of(kinds[change.ref.kind], change.ref.key)
    allowed = max(rules.allowed(address), change.allowed)
    if judged.loss <= allowed:
        return judged
    reason = f"{_reason(hits, kinds)}; allowed loss is {rules.allow_loss.word}"
    hold = Hold(HoldCode.LOSS, reason, f"--allow-loss {judged.loss.word}:{address}")
    return replace(judged, hold=hold if change.hold is None else and_also(change.hold, hold))


def _impact(change: Change, hits: Sequence[_Hit], facts: Facts, kinds: Registry) -> Impact:
    """Return what the queues that are hit hold, all of it."""
    refs = {hit.threat.ref for hit in hits if kinds[hit.threat.ref.kind].is_counted}
    known = [facts.get(ref) for ref in sorted(refs)]
    return Impact(
        _sum([None if one is None else one.messages for one in known]),
        _sum([None if one is None else one.consumers for one in known]),
        change.impact.implied,
    )


def _sum(numbers: Sequence[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if numbers and len(known) == len(numbers) else None


def _reason(hits: Sequence[_Hit], kinds: Registry) -> str:
    """Name the worst hit and count the other objects."""
    worst = max(hits, key=lambda hit: (hit.messages or 0, hit.threat.ref))
    threat = worst.threat
    saying = _SAYINGS[threat.danger] if threat.after is None else _MISSING.get(threat.danger)
    text = (saying or _SAYINGS[threat.danger]).format(
        after=threat.after,
        name=kinds[threat.ref.kind].sentence(threat.ref.key),
        state="keeps nothing for long" if threat.passes_on else "is in use",
        messages="messages" if worst.messages is None else number_of(worst.messages, "message"),
    )
    others = len({hit.threat.ref for hit in hits}) - 1
    return f"{text}, and {others} more like it" if others else text
