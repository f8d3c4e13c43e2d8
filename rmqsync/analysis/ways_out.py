"""
Which queues and exchanges lose what they hand on to: dead letters, or what has no way.

An exchange goes whoever names it. What is dead-lettered to one that is not there is dropped, and so
is what an alternate exchange that is not there would have got (rabbit_dead_letter.erl `publish/5`,
rabbit_exchange.erl `process_alternate/2`); the same where nothing leads on from it any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.dead_letters import AE, BINDING, DL_KEY, DLX, setting, with_alternates
from rmqsync.analysis.merging import in_force, passes_on
from rmqsync.analysis.paths import Types, by_source, has_queue, leading_on, meeting, types_of
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
    cuts = _Cuts([one for one in changes if one.ref in gone], live, after)
    named = _named(after)
    if not any(cuts.may_be(ref) for ref in named):
        return ()
    objects = {kind: after.get(kind, {}) for kind in _KEYS}
    effective = PolicyIndex(after, context).all(objects, live=True)
    cuts.with_keys(with_alternates(after[EXCHANGE], effective))
    return tuple(_threats(effective, after, cuts, context))


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


class _Cuts:
    """What some changes take from exchanges that anything names as its way out."""

    def __init__(self, changes: Sequence[Change], live: Rows, after: Rows) -> None:
        self._changes = changes
        self._by_ref = {change.ref for change in changes}
        self._live, self._after = live, after
        self._vhosts = {change.ref.key[0] for change in changes}
        self._before, self._then = (
            by_source(one.get(BINDING, {}), self._vhosts) for one in (live, after)
        )
        self._types: tuple[Types, Types] = ({}, {})
        self._known: dict[tuple[Ref, str | None], _Cut | None] = {}
        self._gone: dict[Ref, set[tuple[str, str]]] = {}
        self._fill: dict[Ref, set[tuple[str | None, str]]] | None = None

    def may_be(self, ref: Ref) -> bool:
        """Tell whether an exchange goes, or any of what leads on from it, whatever the key."""
        return ref in self._by_ref or bool(self._taking(leading_on(ref, self._before)))

    def with_keys(self, alternates: Set[Ref]) -> None:
        """Heed routing keys from now on, save in exchanges that have an alternate."""
        live, after = self._live, self._after
        self._types = (
            types_of(live, self._vhosts, alternates),
            types_of(after, self._vhosts, alternates),
        )

    def of(self, ref: Ref, key: str | None) -> _Cut | None:
        """Return what is taken from messages with a key that come to an exchange."""
        if (ref, key) not in self._known:
            self._known[ref, key] = self._find(ref, key)
        return self._known[ref, key]

    def with_own_keys(self, ref: Ref, queue: Ref) -> _Cut | None:
        """Return what is taken from messages that come to an exchange with the keys they had."""
        found = self.of(ref, None)
        if found is not None:
            return found
        keys: set[str] = set()
        for sort, bound in self._going(ref):
            for one in self._filling(queue):
                keys |= meeting(sort, bound, *one)
        cuts = (self.of(ref, key) for key in sorted(keys))
        return next((one for one in cuts if one is not None), None)

    def _going(self, ref: Ref) -> set[tuple[str, str]]:
        """Return what goes of the bindings that lead on from an exchange, as `_filling` does."""
        if ref not in self._gone:
            left = self._after.get(BINDING, {})
            self._gone[ref] = set()
            for kind, key in leading_on(ref, self._before):
                sort = self._types[0].get(Ref(EXCHANGE, key[:2])) if kind == BINDING else None
                if sort is not None and key not in left:
                    self._gone[ref].add((sort, key[4]))
        return self._gone[ref]

    def _filling(self, queue: Ref) -> set[tuple[str | None, str]]:
        """Return the bindings that fill a queue: the types of their exchanges, and their keys."""
        if self._fill is None:
            self._fill = {}
            for rows, types in zip((self._live, self._after), self._types, strict=True):
                for vhost, source, sort, name, key, *_ in rows.get(BINDING, {}):
                    if sort == QUEUE and vhost in self._vhosts:
                        one = (types.get(Ref(EXCHANGE, (vhost, source))), key)
                        self._fill.setdefault(Ref(QUEUE, (vhost, name)), set()).add(one)
        # The default exchange fills it as well.
        return {("direct", queue.key[1]), *self._fill.get(queue, ())}

    def _find(self, ref: Ref, key: str | None) -> _Cut | None:
        if ref in self._by_ref:
            return _Cut((ref,), True)
        way = leading_on(ref, self._before, key, self._types[0])
        if not has_queue(way) or has_queue(leading_on(ref, self._then, key, self._types[1])):
            return None
        taking = self._taking(way)
        return _Cut(taking, False) if taking else None

    def _taking(self, way: Set[Ref]) -> list[Ref]:
        return [c.ref for c in self._changes if not way.isdisjoint((c.ref, *c.impact.implied))]


def _threats(
    effective: dict[Ref, Effective], after: Rows, cuts: _Cuts, context: Context
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
            if name is None:
                continue
            routing_key = setting(row["arguments"], definition, DL_KEY) if key == DLX else None
            to_ref = Ref(EXCHANGE, (ref.key[0], str(name)))
            own = key == DLX and routing_key is None
            lost = cuts.with_own_keys(to_ref, ref) if own else cuts.of(to_ref, routing_key)
            if lost is not None:
                what, to = (danger, None) if lost.is_gone else (Danger.DEAD_END, name)
                passes = passes_on(in_force(sort, row["arguments"], definition, context))
                for change in lost.changes:
                    yield Threat(change, ref, what, to, passes)
