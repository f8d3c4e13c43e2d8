"""
From desired and live definitions to a plan for one cluster.

In two halves, since facts about queues are read between them and only where a change touches any:
`draft` says what differs, `finish` judges and orders it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from rmqsync.analysis.federation import stopped
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Absent, Change, ClusterPlan, FieldChange, Ref
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.findings import Finding
from rmqsync.model.values import JsonValue, Key, Row, canonical
from rmqsync.planning.draft import Draft, seen
from rmqsync.planning.guard import NOTHING_HANGS, guard
from rmqsync.planning.hanging import Hanging
from rmqsync.planning.held_along import (
    with_their_policies,
    with_their_successors,
    with_what_they_need,
)
from rmqsync.planning.loss import Facts, counted
from rmqsync.planning.order import order
from rmqsync.planning.ownership import NOBODY, Ownership, declared_queue_types
from rmqsync.planning.policies import at_risk, hold_for_losses
from rmqsync.planning.room import hold_without_room
from rmqsync.planning.rules import Rules
from rmqsync.planning.sustained import hold_last
from rmqsync.planning.targets import hold_targets

NO_QUEUES: Mapping[Key, Row] = {}


def context_of(desired: Desired, live: Live, context: Context) -> Context:
    """Return `context` with what the cluster and its definitions say."""
    declared = declared_queue_types(desired.rows)
    return Context(
        version=parse_version(live.version) or context.version,
        default_queue_types={**live.default_queue_types, **declared},
        live_queue_types=live.default_queue_types,
        secret=context.secret,
        features=live.features,
        exchange_types=live.exchange_types,
    )


def parse_version(text: str | None) -> tuple[int, int, int] | None:
    """Return `3.10.8`, also with a suffix such as `4.3.0-rc.1`, as numbers."""
    if not text:
        return None
    numbers = text.split("-")[0].split("+")[0].split(".")
    try:
        parts = [int(number) for number in numbers[:3]]
    except ValueError:
        return None
    parts += [0] * (3 - len(parts))
    return parts[0], parts[1], parts[2]


def touched(found: Draft, kinds: Registry = KINDS) -> tuple[Ref, ...]:
    """Return the objects whose messages and consumers the guard wants to know."""
    refs = {ref for change in found.changes for ref in counted(change, kinds)}
    return tuple(refs | at_risk([*found.threats, *found.cut_off]))


def finish(
    name: str,
    found: Draft,
    desired: Desired,
    live: Live,
    facts: Facts,
    rules: Rules,
    findings: tuple[Finding, ...] = (),
    kinds: Registry = KINDS,
    own: Ownership = NOBODY,
    hanging: Hanging = NOTHING_HANGS,
    unlisted: Mapping[Key, Row] = NO_QUEUES,
) -> ClusterPlan:
    """
    Return the plan: changes judged, in the order of application, with a fingerprint.

    `hanging` is what hangs on an object that goes and is in no rows; `unlisted` are queues in
    no rows that changes may cost messages.
    """
    there = (rows.keys() & live.rows.get(kind, {}).keys() for kind, rows in desired.rows.items())
    owned = sum(map(len, there)) + found.ours_going
    context = context_of(desired, live, Context())
    changes = guard(
        found.changes,
        desired,
        live.rows,
        facts,
        rules,
        owned,
        kinds,
        own,
        found.doomed,
        found.altered,
        hanging,
        stopped(found.changes, live.rows, context),
    )
    rows = seen(live.rows, unlisted)
    while True:  # what is held last may have been what another relied on
        changes = hold_without_room(changes, rows, kinds)
        changes = hold_targets(changes, live.rows, context, rules, kinds)
        changes = hold_for_losses(changes, rows, context, facts, rules, found.threats, kinds)
        judged = with_their_policies(hold_last(changes, live.rows, kinds), rows, context, kinds)
        judged = with_their_successors(with_what_they_need(judged, kinds), kinds)
        if judged == changes:
            break
        changes = judged
    ordered = order(changes, live.rows, context, kinds)
    last = own.last_run
    return ClusterPlan(
        name=name,
        rabbitmq_version=live.version,
        changes=ordered,
        unmanaged=found.unmanaged,
        findings=(*findings, *found.findings),
        unchanged=found.unchanged,
        fingerprint=fingerprint(ordered, kinds),
        last_commit=last.commit if last is not None else None,
        last_at=last.at if last is not None else None,
    )


def fingerprint(changes: tuple[Change, ...], kinds: Registry = KINDS) -> str:
    """
    Return what stands for a plan when it is approved.

    Covers the changes, their before-values and the guards' verdicts, also those behind the first:
    what was approved without them was approved by somebody who did not know. Secrets count as a
    constant.
    Counts of messages and unmanaged objects are left out: they move by themselves.
    """
    digest = hashlib.sha256()
    for change in changes:
        step: JsonValue = [
            change.action.value,
            address_of(kinds[change.ref.kind], change.ref.key),
            [_field(one) for one in change.fields],
            change.loss.word,
            "+".join(code.value for code in change.hold.codes) if change.hold else None,
            [address_of(kinds[ref.kind], ref.key) for ref in change.impact.implied],
        ]
        digest.update(canonical(step).encode("utf-8", "surrogatepass") + b"\n")
    return f"sha256:{digest.hexdigest()}"


def _field(change: FieldChange) -> JsonValue:
    sides = (change.before, change.after)
    shown = ["(sensitive)" if change.sensitive else _side(side) for side in sides]
    return [list(change.path), *shown]


def _side(side: JsonValue | Absent) -> JsonValue:
    return {"absent": True} if isinstance(side, Absent) else [side]
