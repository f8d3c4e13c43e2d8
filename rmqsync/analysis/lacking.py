"""
What would have no way out as long as policies that are to give it one are not made.

A queue that is new has nothing to lose yet, but the same run may lead messages to it: what it
dead-letters without an exchange for that is dropped (rabbit_dead_letter.erl `publish/5`), and so is
what an exchange without an alternate has no way for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from rmqsync.analysis.dead_letters import AE, BINDING, DLX, setting
from rmqsync.analysis.paths import BySource, by_source, leading_on
from rmqsync.analysis.policies import (
    EXCHANGE,
    OPERATOR,
    POLICIES,
    POLICY,
    QUEUE,
    Effective,
    PolicyIndex,
)
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key

_WAYS = {QUEUE: DLX, EXCHANGE: AE}


def lacking(
    changes: Iterable[Change], live: Rows, context: Context, unmade: Collection[Ref]
) -> dict[Ref, Ref]:
    """
    Return what makes objects that lack a way out, or leads on to such: each with a policy for it.

    `unmade` are changes that are not made, and those of policies among them count; `live` is what
    there was before any was.
    """
    vhosts = {ref.key[0] for ref in unmade if ref.kind in POLICIES}
    mine = [one for one in changes if one.ref.key[0] in vhosts]
    new = [one for one in mine if one.ref.kind in _WAYS and _makes(one)]
    bound = [one for one in mine if one.ref.kind == BINDING and one.action is Action.CREATE]
    if not new and not bound:
        return {}
    bindings = by_source([*live.get(BINDING, {}), *(one.ref.key for one in bound)], vhosts)
    leading = {one.ref: _leading(one.ref.key, bindings) for one in bound}
    asked = {one.ref for one in new}.union(*leading.values())
    found = _without(asked, mine, live, context, unmade)
    ways = {ref: found[ref] for ref in (one.ref for one in new) if ref in found}
    for ref, reached in leading.items():
        if lack := sorted(reached & found.keys()):
            ways[ref] = found[lack[0]]
    return ways


def _makes(change: Change) -> bool:
    return change.action in (Action.CREATE, Action.REPLACE)


def _leading(key: Key, bindings: BySource) -> set[Ref]:
    """Return the queues and exchanges that a binding leads to, however far."""
    vhost, _, sort, destination, *_ = key
    to = Ref(EXCHANGE if sort == "exchange" else QUEUE, (vhost, destination))
    return {to, *(ref for ref in leading_on(to, bindings) if ref.kind != BINDING)}


def _without(
    asked: Collection[Ref],
    changes: Sequence[Change],
    live: Rows,
    context: Context,
    unmade: Collection[Ref],
) -> dict[Ref, Ref]:
    """Return those of the objects that lack a way out, each with a policy that is not made."""
    rows, new = _objects(asked, changes, live)
    with_all, without = (
        PolicyIndex(_policies(changes, live, left_out), context) for left_out in ((), unmade)
    )
    found: dict[Ref, Ref] = {}
    for is_live, objects in ((True, rows), (False, new)):
        then = without.all(objects, live=is_live)
        for ref, wanted in with_all.all(objects, live=is_live).items():
            way, arguments = _WAYS[ref.kind], objects[ref.kind][ref.key]["arguments"]
            if setting(arguments, wanted.definition, way) is None:
                continue
            if setting(arguments, then[ref].definition, way) is None:
                policies = [*_names(ref, wanted), *_names(ref, then[ref])]
                missing = next((one for one in policies if one in unmade), None)
                if missing is not None:
                    found[ref] = missing
    return found


def _objects(asked: Collection[Ref], changes: Iterable[Change], live: Rows) -> tuple[Rows, Rows]:
    """Return the rows of objects that are there, and of those that are made."""
    new = {one.ref: one.after for one in changes if one.ref in asked and _makes(one)}
    found: tuple[Rows, Rows] = ({}, {})
    for ref in asked:
        made = new.get(ref)
        row = live.get(ref.kind, {}).get(ref.key) if made is None else made
        if row is not None:
            found[made is not None].setdefault(ref.kind, {})[ref.key] = row
    return found


def _policies(changes: Iterable[Change], live: Rows, left_out: Collection[Ref]) -> Rows:
    """Return the policies there are once all but some changes are made."""
    found: Rows = {kind: dict(live.get(kind, {})) for kind in POLICIES}
    for one in changes:
        if one.ref.kind in POLICIES and one.ref not in left_out:
            if one.after is None:
                found[one.ref.kind].pop(one.ref.key, None)
            else:
                found[one.ref.kind][one.ref.key] = one.after
    return found


def _names(ref: Ref, found: Effective) -> list[Ref]:
    """Return the policy and the operator policy that are in effect for an object."""
    vhost = ref.key[0]
    both = ((POLICY, found.policy), (OPERATOR, found.operator_policy))
    return [Ref(kind, (vhost, name)) for kind, name in both if name is not None]
