"""
What changes rely on others of the same run, and which are not sent since one of those was not made.

A plan is judged as if all of it were carried out: a policy may go since another gives what it gave,
a binding since its successor is there. Once one of them fails the rest is judged again, by the same
rules and by what the cluster has become; what would now be held is skipped.

Policies that are changed in one step go in waves, first those that rely on no other
(`analysis/policy_losses.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from rmqsync.analysis import policy_losses
from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.hops import led_still, unled
from rmqsync.analysis.lacking import lacking
from rmqsync.analysis.policies import EXCHANGE, POLICIES, QUEUE
from rmqsync.analysis.policy_losses import Threat, threats
from rmqsync.analysis.shovelled import SHOVEL, shovelled_into
from rmqsync.analysis.ways_out import parting, ways_out
from rmqsync.app.counting import sure_facts
from rmqsync.app.ports import Broker
from rmqsync.app.successors import Results, is_made, named, unbound
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Loss, Ref
from rmqsync.model.definitions import QueueFacts, Rows
from rmqsync.model.errors import BrokerError
from rmqsync.planning.policies import at_risk, hold_for_losses
from rmqsync.planning.rules import Rules
from rmqsync.planning.sustained import bared
from rmqsync.planning.targets import gets_shovelled

_DECIDING = (*POLICIES, QUEUE, EXCHANGE, BINDING)
"""What messages are lost by, and what decides on that."""


def _rows_now(live: Rows, changes: Iterable[Change], results: Results) -> dict[str, Rows]:
    """
    Return by vhost what policies, and objects that they are for, there are now.

    `live` is what was there before the run. Queues that it creates are left out.
    """
    found: dict[str, Rows] = {}
    for kind in _DECIDING:
        for key, row in live.get(kind, {}).items():
            found.setdefault(key[0], {}).setdefault(kind, {})[key] = row
    for change in changes:
        if not is_made(results, change.ref):
            continue
        kind, key = change.ref
        if change.action is Action.DELETE:
            for ref in (change.ref, *change.impact.implied):
                found.get(ref.key[0], {}).get(ref.kind, {}).pop(ref.key, None)
        elif kind in _DECIDING and change.after is not None:
            rows = found.setdefault(key[0], {}).setdefault(kind, {})
            if kind != QUEUE or key in rows:
                rows[key] = change.after
    return found


def first_wave(
    step: Sequence[Change],
    changes: Sequence[Change],
    results: Results,
    live: Rows,
    context: Context,
) -> list[Change]:
    """
    Return the changes of one step to send before the others; all where they may go at once.

    `changes` are those of the whole run, `live` is as it was before it.
    """
    if len(step) == 1 or not any(change.ref.kind in POLICIES for change in step):
        return list(step)
    now = _rows_now(live, changes, results)
    wave: list[Change] = []
    for _, group in groupby(step, lambda change: change.ref.kind in POLICIES and change.ref.key[0]):
        some = list(group)
        if len(some) > 1 and some[0].ref.kind in POLICIES:
            some = policy_losses.first_wave(some, now.get(some[0].ref.key[0], {}), context)
        wave += some
    return wave


def bereft(
    step: Sequence[Change],
    changes: Sequence[Change],
    results: Results,
    live: Rows,
    context: Context,
    rules: Rules,
    broker: Broker,
) -> dict[Ref, str]:
    """
    Return which changes of a step must not be sent, and why, since others were not made.

    `changes` and `live` as in `first_wave`. Reads what queues hold, where that decides; what cannot
    be read counts as unknown.
    """
    unmade = [one for one in changes if one.ref in results and not is_made(results, one.ref)]
    found: dict[Ref, str] = {}
    partings = parting(step)
    if partings or any(change.ref.kind in POLICIES for change in step):
        failed = [one for one in unmade if one.ref.kind in _DECIDING and one.hold is None]
        waiting = [one for one in changes if one.ref not in results]
        now = _rows_now(live, changes, results) if failed else {}
        for vhost in sorted({one.ref.key[0] for one in failed}):
            mine = [
                one
                for one in waiting
                if (one.ref.kind in POLICIES or one.ref in partings) and one.ref.key[0] == vhost
            ]
            missing = [one.ref for one in failed if one.ref.key[0] == vhost]
            missing.sort(key=lambda ref: ref.kind not in POLICIES)  # most likely the cause
            for ref, reason in _losses(mine, now.get(vhost, {}), context, rules, broker).items():
                found[ref] = f"{named(missing)} was not applied, and without that {reason}"
    lacks = lacking(changes, live, context, {one.ref for one in unmade}) if unmade else {}
    found.update(_without_policy(step, lacks))
    found.update(unbound(step, changes, unmade, lacks))
    for ref, other in unled(step, changes, unmade, live):
        found[ref] = f"{named([other])} is to lead on from there, and was not made"
    for ref, other in led_still(step, changes, unmade, live):
        found[ref] = f"{named([other])} was to go first, which was not done"
    found.update(_baring(step, changes, results, live))
    found.update(_shovelled(step, unmade, rules))
    return found


def _losses(
    changes: Sequence[Change], now: Rows, context: Context, rules: Rules, broker: Broker
) -> dict[Ref, str]:
    """Return what of these changes would be held by now, were they planned by themselves."""
    allowed = dict(rules.overrides)
    for change in changes:  # the plan says so, and may know of approvals
        address = address_of(KINDS[change.ref.kind], change.ref.key)
        allowed[address] = max(change.loss, rules.allowed(address))
    found = threats(changes, now, context)
    facts = _facts(broker, [*found, *ways_out(changes, now, context)], now, context)
    rules = replace(rules, overrides=allowed)
    judged = hold_for_losses(changes, now, context, facts, rules, found)
    return {one.ref: one.hold.reason for one in judged if one.hold is not None}


def _facts(
    broker: Broker, found: Sequence[Threat], now: Rows, context: Context
) -> Mapping[Ref, QueueFacts]:
    try:
        return sure_facts(broker, at_risk(found), found, now, context)
    except BrokerError:
        return {}


def _baring(
    step: Sequence[Change], changes: Sequence[Change], results: Results, live: Rows
) -> dict[Ref, str]:
    """Return changes that take the last of what keeps an object there, as not all was made."""
    planned = [one for one in changes if one.hold is None]
    sent = [one for one in planned if one.ref not in results or is_made(results, one.ref)]
    if len(sent) == len(planned):
        return {}
    # What a replacement took may not have been put back, or was not to be.
    deleted = {one.ref for one in planned if one.action is Action.DELETE}
    doubtful = {
        ref
        for one in planned
        if one.action is Action.REPLACE and one.ref in results
        for ref in one.impact.implied
        if ref in deleted or not is_made(results, one.ref)
    }
    found: dict[Ref, str] = {}
    while True:  # what waits keeps others: a chain of exchanges
        holds = bared(sent, live, doubtful=doubtful)
        more = {ref: hold.reason for ref, hold in holds.items() if ref not in results}
        if not more:
            return {one.ref: found[one.ref] for one in step if one.ref in found}
        found |= more
        sent = [one for one in sent if one.ref not in more]


def _without_policy(step: Iterable[Change], lacks: Mapping[Ref, Ref]) -> dict[Ref, str]:
    """Return changes that make what has no way out without a policy, and that was not made."""
    return {
        one.ref: f"it has no way out without {named([lacks[one.ref]])}, which was not applied"
        for one in step
        if one.ref in lacks
    }


def _shovelled(step: Sequence[Change], unmade: Iterable[Change], rules: Rules) -> dict[Ref, str]:
    """Return queues that are to go, and into which shovels move messages that were to go first."""
    shovels = [
        one.before
        for one in unmade
        if one.ref.kind == SHOVEL and one.hold is None and one.before is not None
    ]
    asked = {
        one.ref.key: one.ref
        for one in step
        if one.ref.kind == QUEUE
        and one.action in (Action.DELETE, Action.REPLACE)
        and max(one.loss, one.allowed, rules.allow_loss) < Loss.MESSAGES
    }
    found = shovelled_into(asked.keys(), shovels) if shovels else {}
    return {asked[key]: gets_shovelled(names) for key, names in found.items()}
