"""
Which policies are changed out of their turn, since they name a way out: for dead letters, or what
has no way.

A policy is in effect at once. Where the exchange that it names, or what leads on from there, is
made by the same run, the broker would drop messages until it is (rabbit_dead_letter.erl
`publish/5`), and for good where it cannot be made. The same the other way round: where that goes,
the policy goes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from rmqsync.analysis.dead_letters import AE, BINDING, DL_KEY, DLX
from rmqsync.analysis.paths import BySource, by_source, leading_on
from rmqsync.analysis.policies import EXCHANGE, POLICY, QUEUE, candidate
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import JsonValue, Row


@dataclass(frozen=True, slots=True)
class Turns:
    """Policies that are changed at other times than policies are."""

    late: Mapping[Ref, frozenset[Ref]] = field(default_factory=dict)
    """To be set after bindings are, each with what must have been made before."""
    early: frozenset[Ref] = frozenset()
    """To be deleted before anything else is."""


IN_TURN = Turns()


def turns(changes: Iterable[Change], live: Rows, context: Context) -> Turns:
    """
    Return which policies go out of their turn.

    Policies that are for nothing that is there are set first as ever, so that new queues have them
    from the beginning. All others of a vhost go together: one may give what another takes.
    """
    changes = tuple(changes)
    return Turns(_late(changes, live, context), _early(changes))


def _early(changes: Sequence[Change]) -> frozenset[Ref]:
    going = [one for one in changes if one.action is Action.DELETE]
    policies = [one for one in going if one.ref.kind == POLICY]
    naming = {
        one.ref.key[0]
        for one in policies
        if one.before is not None and any(isinstance(way, str) for way in _said(one.before))
    }
    ways = (EXCHANGE, QUEUE, BINDING)
    vhosts = {one.ref.key[0] for one in going if one.ref.kind in ways} if naming else set()
    return frozenset(one.ref for one in policies if one.ref.key[0] in naming & vhosts)


def _late(changes: Sequence[Change], live: Rows, context: Context) -> dict[Ref, frozenset[Ref]]:
    policies = [one for one in changes if one.ref.kind == POLICY and one.after is not None]
    vhosts = {one.ref.key[0] for one in policies if _is_new(one) or _uncovers(one)}
    if not vhosts:
        return {}
    made = {one.ref for one in changes if one.action is Action.CREATE}
    bindings = by_source((ref.key for ref in made if ref.kind == BINDING), vhosts)
    found: dict[Ref, frozenset[Ref]] = {}
    for vhost in sorted(vhosts):
        mine = [one for one in policies if one.ref.key[0] == vhost]
        names = _names(live, vhost)
        waits = {
            one.ref: _ways(one.after, made, bindings)
            for one in mine
            if one.after is not None and _is_new(one)
        }
        for ref, ways in _uncovered(mine, live, names, made, bindings, context).items():
            waits[ref] = waits.get(ref, frozenset()) | ways
        if any(waits.values()):
            late = [one for one in mine if _concerns(one, names, context)]
            if any(waits.get(one.ref) for one in late):
                found.update((one.ref, waits.get(one.ref, frozenset())) for one in late)
    return found


def _is_new(change: Change) -> bool:
    """Tell whether a policy gives some object a way out that it may not have had."""
    assert change.after is not None
    ways = _said(change.after)
    if not any(isinstance(one, str) for one in ways):
        return False
    return change.before is None or _said(change.before) != ways or _uncovers(change)


def _uncovers(change: Change) -> bool:
    """Tell whether another policy, that stays as it is, may come into effect."""
    before, after = change.before, change.after
    whom = ("pattern", "apply-to", "priority")
    return before is not None and after is not None and any(before[n] != after[n] for n in whom)


def _uncovered(
    policies: Sequence[Change],
    live: Rows,
    names: Sequence[str],
    made: Set[Ref],
    bindings: BySource,
    context: Context,
) -> dict[Ref, frozenset[Ref]]:
    """Return what is made of the ways that policies name which these may bring into effect."""
    moved = [one for one in policies if _uncovers(one)]
    found: dict[Ref, frozenset[Ref]] = {}
    if not moved:
        return found
    changed = {one.ref.key for one in policies}
    vhost = moved[0].ref.key[0]
    for key, row in live.get(POLICY, {}).items():
        if key[0] != vhost or key in changed:
            continue
        ways = _ways(row, made, bindings)
        covered = set(candidate(row, context).matches.select(names)) if ways else set()
        for one in moved if covered else ():
            assert one.before is not None
            if not covered.isdisjoint(candidate(one.before, context).matches.select(names)):
                found[one.ref] = found.get(one.ref, frozenset()) | ways
    return found


def _said(policy: Row) -> tuple[JsonValue, ...]:
    definition = policy["definition"]
    return tuple(definition.get(key) for key in (DLX, DL_KEY, AE))


def _ways(policy: Row, made: Set[Ref], bindings: BySource) -> frozenset[Ref]:
    """Return what is made of the ways that a policy names, however far `bindings` lead."""
    vhost = policy["vhost"]
    dead, routing_key, alternate = _said(policy)
    found: set[Ref] = set()
    if dead == "" and isinstance(routing_key, str):
        found.add(Ref(QUEUE, (vhost, routing_key)))
    for name in (dead, alternate):
        if isinstance(name, str) and name:
            exchange = Ref(EXCHANGE, (vhost, name))
            found |= {exchange, *leading_on(exchange, bindings)}
    return frozenset(found & made)


def _names(live: Rows, vhost: str) -> list[str]:
    return [key[1] for kind in (QUEUE, EXCHANGE) for key in live.get(kind, {}) if key[0] == vhost]


def _concerns(change: Change, names: Sequence[str], context: Context) -> bool:
    """Tell whether a policy is, or was, for anything that is there; when in doubt, it is."""
    sides = (row for row in (change.before, change.after) if row is not None)
    return any(candidate(row, context).matches.select(names) for row in sides)
