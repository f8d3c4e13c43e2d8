"""
Which changes may run: every other one is held, with the reason and what would allow it.

Pure: functions of the changes, the facts and the rules. A held change is shown and never sent.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Cause, Change, Hold, HoldCode, Loss, Ref
from rmqsync.model.definitions import Desired, OnChangeRule, Rows
from rmqsync.planning.completed import may_repeat
from rmqsync.planning.foreign import some, takes_foreign
from rmqsync.planning.fuse import max_deletes
from rmqsync.planning.hanging import Hanging
from rmqsync.planning.held_along import with_their_exchanges, with_their_queues
from rmqsync.planning.holds import first_of
from rmqsync.planning.loss import (
    Facts,
    loss_of,
    with_facts,
)
from rmqsync.planning.loss_holds import losing
from rmqsync.planning.ownership import NOBODY, Ownership, leaves_drift, was_ours
from rmqsync.planning.retired import drains
from rmqsync.planning.rules import Rules

NOTHING_HANGS: Hanging = {}
NO_LINKS: Mapping[Ref, Sequence[Ref]] = {}


def guard(
    changes: Iterable[Change],
    desired: Desired,
    live: Rows,
    facts: Facts,
    rules: Rules,
    owned: int,
    kinds: Registry = KINDS,
    own: Ownership = NOBODY,
    doomed: frozenset[Ref] = frozenset(),
    altered: frozenset[Ref] = frozenset(),
    hanging: Hanging = NOTHING_HANGS,
    stopped: Mapping[Ref, Sequence[Ref]] = NO_LINKS,
) -> tuple[Change, ...]:
    """
    Return the changes with impact, loss and hold filled in.

    `owned` is how many live objects this repository manages, the base of the share in
    `max_deletes`. `doomed` are all that are to go, by themselves or with another; `altered` those
    to go that somebody changed since the last run; `hanging` as in
    `planning.plan.finish`; `stopped` as `analysis.federation.stopped` finds it.
    """
    found = []
    changes = tuple(changes)
    deleted = {change.ref for change in changes if change.action is Action.DELETE} | doomed
    deleted |= {r for c in changes if c.action is Action.DELETE for r in _managed(c, desired)}
    kept = desired.kept
    for change in changes:
        judged = change
        impact = with_facts(change, facts, kinds)
        if impact is not change.impact:
            judged = replace(judged, impact=impact)
        tied = hanging.get(change.ref, ())
        loss = loss_of(
            judged,
            live,
            facts,
            kinds,
            can_prove=rules.can_prove,
            hanging=len(tied),
            repeats=may_repeat(judged, own, kinds),
        )
        links = stopped.get(change.ref, ())
        address = address_of(kinds[judged.ref.kind], judged.ref.key)
        by_git = _allowed_by_git(change.ref, desired, rules, own, kinds)
        judged = replace(
            judged,
            loss=max(loss, Loss.MESSAGES) if links else loss,
            allowed=max(rules.overrides.get(address, Loss.NONE), by_git),
        )
        approved = rules.approved.get(address, frozenset())
        drift = None if HoldCode.DRIFT in approved else _drift(judged, own, kinds)
        holds = (
            one()
            for one in (
                partial(_protected, judged, rules, kinds),
                partial(takes_foreign, judged, deleted, kept, live, rules, kinds),
                partial(_altered, judged, altered),
                partial(_on_change, judged, desired),
                partial(_draining, judged, desired, kinds),
                partial(losing, judged, desired, live, facts, rules, kinds, tied, links),
                partial(_adoption, judged, own, approved),
            )
        )
        hold = _standing(own, drift, holds)
        found.append(replace(judged, hold=hold) if hold else judged)
    found = with_their_exchanges(with_their_queues(found, desired, kinds), kinds)
    return max_deletes(found, rules, owned, kinds)


_ALTERED = Hold(
    HoldCode.ALTERED,
    "it is no longer declared, but somebody changed it since it was applied",
    "state: absent",
)
_ADOPTION = Hold(
    HoldCode.ADOPTION, "it was there before rmqsync, and has not been adopted yet", "--adopt"
)
_DRIFT = Hold(
    HoldCode.DRIFT,
    "somebody changed it outside of rmqsync, and on_drift: report leaves that alone",
    "on_drift: heal",
)

_UNREAD = Hold(
    HoldCode.DRIFT,
    "it was left alone before, and what it was last in line with cannot be read any more, so that "
    "nobody can tell whether somebody changed it",
    "--forget-revision",
)


def _altered(change: Change, altered: Collection[Ref]) -> Hold | None:
    return _ALTERED if change.ref in altered else None


def _adoption(change: Change, own: Ownership, approved: Collection[HoldCode]) -> Hold | None:
    if HoldCode.ADOPTION in approved or change.action is Action.CREATE:
        return None
    if not own.is_judged or own.is_adopted:
        return None
    return _ADOPTION


def _drift(change: Change, own: Ownership, kinds: Registry) -> Hold | None:
    """Hold what nobody committed; what was never ours is a matter of adoption."""
    if change.action is Action.CREATE:
        return None
    if change.cause is Cause.UNKNOWN and own.waits_unread(change.ref, kinds) and leaves_drift(own):
        return _UNREAD
    if change.cause not in (Cause.DRIFT, Cause.BOTH):
        return None
    if change.action is Action.DELETE and change.cause is Cause.BOTH:
        return None  # held as altered, whoever looks on
    if not leaves_drift(own) or (own.adopts and not was_ours(change.ref, own, kinds)):
        return None
    return _DRIFT


def _standing(own: Ownership, drift: Hold | None, holds: Iterable[Hold | None]) -> Hold | None:
    """
    Return what holds everything, else the first of the holds, with what is behind it.

    A pause tells what a resumed cluster would hold as drift all the same.

    It is the pause's hold still: what allows drift does not while it lasts, and a run that left
    alone nothing but drift would end as if nobody had stopped it.
    """
    if own.refusal is None:
        return first_of(chain((drift,), holds))
    if own.refusal.code is not HoldCode.PAUSED or drift is None:
        return own.refusal
    behind = first_of(chain((drift,), holds)) or drift
    reason = f"{own.refusal.reason}; it is held once that is over as well: {behind.reason}"
    return replace(own.refusal, reason=reason)


def _draining(change: Change, desired: Desired, kinds: Registry) -> Hold | None:
    """Hold what is to drain first while bindings lead to it: these go in this run."""
    if not change.impact.implied or not drains(change, desired, kinds):
        return None
    reason = "it is unbound first, and deleted in a later run, once it is drained"
    return Hold(HoldCode.NOT_PROVEN, reason, None)


def _managed(change: Change, desired: Desired) -> Iterable[Ref]:
    """Implied losses of a deletion that are themselves to be deleted."""
    return (ref for ref in change.impact.implied if ref.key in desired.absent.get(ref.kind, {}))


_HOLDS_THE_LOCK = Hold(
    HoldCode.PROTECTED,
    "the lock of this run is a queue in it; let lock.vhost in the settings name another one first",
    None,
)


def _protected(change: Change, rules: Rules, kinds: Registry) -> Hold | None:
    if change.action not in (Action.DELETE, Action.REPLACE):
        return None
    kind = kinds[change.ref.kind]
    if kind.hosts_vhost_kinds and change.ref.key == (rules.lock_vhost,):
        return _HOLDS_THE_LOCK
    address = address_of(kind, change.ref.key)
    if not rules.protects(address):
        return None
    return Hold(HoldCode.PROTECTED, f"{address} is under `protect` in the settings", None)


def _on_change(change: Change, desired: Desired) -> Hold | None:
    if change.action is not Action.REPLACE:
        return None
    rule = desired.on_change.get(change.ref, OnChangeRule.REFUSE)
    if rule is OnChangeRule.RECREATE:
        return None
    paths = [".".join(map(str, field.path)) for field in change.fields if field.forces_replacement]
    reason = f"{some(paths)} cannot be changed in place"
    if rule is OnChangeRule.MIGRATE:
        reason += ", and this version of rmqsync does not carry out `on_change: migrate`"
    return Hold(HoldCode.ON_CHANGE, reason, "on_change: recreate")


def _allowed_by_git(
    ref: Ref, desired: Desired, rules: Rules, own: Ownership, kinds: Registry
) -> Loss:
    """Return the worst that `removed:` allows for the deletion of an object."""
    if not desired.removed:
        return Loss.NONE
    address = address_of(kinds[ref.kind], ref.key)
    loss = desired.retired(address).loss(rules.git_may_allow)
    if loss > Loss.NONE and not was_ours(ref, own, kinds):
        return Loss.NONE  # the entry is of another object, long gone
    return loss
