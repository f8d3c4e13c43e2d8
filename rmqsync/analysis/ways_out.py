"""
Which queues and exchanges lose what they hand on to: dead letters, or what has no way.

An exchange goes whoever names it. What is dead-lettered to one that is not there is dropped, and so
is what an alternate exchange that is not there would have got (rabbit_dead_letter.erl `publish/5`,
rabbit_exchange.erl `process_alternate/2`); the same where nothing leads on from it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.dead_letters import AE, BINDING, DLX, setting
from rmqsync.analysis.merging import in_force, passes_on
from rmqsync.analysis.paths import by_source, has_queue, leading_on
from rmqsync.analysis.policies import EXCHANGE, POLICIES, QUEUE, Effective, PolicyIndex, sort_of
from rmqsync.analysis.policy_losses import Threat
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows

_KEYS = {
    QUEUE: (DLX, Danger.DEAD_LETTERS),
    EXCHANGE: (AE, Danger.ALTERNATE),
}
"""What names it, and what it is to lose that."""


class _Cut(NamedTuple):
    """An exchange that takes messages no further once some changes are made."""

    changes: Sequence[Ref]
    is_gone: bool
    """It itself, if only for a moment; else what leads on from it."""


def parting(changes: Iterable[Change]) -> frozenset[Ref]:
    """
    Return the changes that may take a way out: by themselves, not with their vhost.

    An exchange that is replaced is away for a moment, and a moment is enough to drop messages.
    """
    return frozenset(
        one.ref
        for one in changes
        if (one.action is Action.DELETE and one.ref.kind in (EXCHANGE, QUEUE, BINDING))
        or (one.action is Action.REPLACE and one.ref.kind == EXCHANGE)
    )


def ways_out(changes: Iterable[Change], live: Rows, context: Context) -> tuple[Threat, ...]:
    """
    Return what the deletions among `changes`, all made, take from what stays.

    What has a way out by a policy keeps it until that policy is changed, and what is not deleted
    itself may need it: so `changes` are those that will be sent, and no others.
    """
    changes = tuple(changes)
    gone = parting(changes)
    if not gone:
        return ()
    after = _after(changes, live, {ref.key[0] for ref in gone})
    cut = _cut(_named(after), [one for one in changes if one.ref in gone], live, after)
    if not cut:
        return ()
    objects = {kind: after.get(kind, {}) for kind in _KEYS}
    effective = PolicyIndex(after, context).all(objects, live=True)
    return tuple(_threats(effective, after, cut, context))


def _after(changes: Iterable[Change], live: Rows, vhosts: Set[str]) -> Rows:
    """
    Return the policies and bindings there will be, and what is left of queues and exchanges.

    What goes with another goes; what is replaced is put back with what hung on it.
    """
    after: Rows = {
        kind: {key: row for key, row in live.get(kind, {}).items() if key[0] in vhosts}
        for kind in (*POLICIES, *_KEYS, BINDING)
    }
    for change in changes:
        if change.action is Action.DELETE:
            for kind, key in (change.ref, *change.impact.implied):
                after.get(kind, {}).pop(key, None)
            continue
        kind, key = change.ref
        rows = after.get(kind)
        is_new = kind not in _KEYS and key[0] in vhosts
        if rows is not None and change.after is not None and (key in rows or is_new):
            rows[key] = change.after
    return after


def _named(after: Rows) -> set[Ref]:
    """Return the exchanges that anything names as its way out."""
    found: set[tuple[str, object]] = set()
    for kind in POLICIES:
        for key, row in after[kind].items():
            found.update((key[0], row["definition"].get(name)) for name in (DLX, AE))
    for kind, (name, _) in _KEYS.items():
        for key, row in after[kind].items():
            if row["arguments"]:
                found.add((key[0], setting(row["arguments"], {}, name)))
    return {Ref(EXCHANGE, (vhost, name)) for vhost, name in found if isinstance(name, str) and name}


def _cut(named: Set[Ref], changes: Sequence[Change], live: Rows, after: Rows) -> dict[Ref, _Cut]:
    """Return those of `named` that `changes` are at the expense of."""
    by_ref = {change.ref for change in changes}
    found = {ref: _Cut((ref,), True) for ref in named if ref in by_ref}
    rest = {ref for ref in named if ref not in by_ref}
    vhosts = {ref.key[0] for ref in rest}
    before, then = (by_source(one.get(BINDING, {}), vhosts) for one in (live, after))
    for ref in sorted(rest):
        way = leading_on(ref, before)
        if not has_queue(way) or has_queue(leading_on(ref, then)):
            continue
        taking = [c.ref for c in changes if not way.isdisjoint((c.ref, *c.impact.implied))]
        if taking:
            found[ref] = _Cut(taking, False)
    return found


def _threats(
    effective: dict[Ref, Effective], after: Rows, cut: Mapping[Ref, _Cut], context: Context
) -> Iterator[Threat]:
    for ref, found in effective.items():
        row = after[ref.kind][ref.key]
        sort = sort_of(ref, row, context, live=True)
        if sort == "stream":
            continue  # nothing is dead-lettered from it
        key, danger = _KEYS[ref.kind]
        definitions = [found.definition]
        if found.ambiguous:  # any of them may be the one
            definitions = [one["definition"] for kind in POLICIES for one in after[kind].values()]
        for definition in definitions:
            name = setting(row["arguments"], definition, key)
            lost = cut.get(Ref(EXCHANGE, (ref.key[0], str(name)))) if name is not None else None
            if lost is not None:
                what, to = (danger, None) if lost.is_gone else (Danger.DEAD_END, name)
                passes = passes_on(in_force(sort, row["arguments"], definition, context))
                for change in lost.changes:
                    yield Threat(change, ref, what, to, passes)
