"""
Bindings between exchanges, and how far they are from the queues they lead to.

An exchange that finds any binding for a message does not ask its alternate (rabbit_exchange.erl
`route/3`), even where nothing leads on from there. So a way is made from its end, and taken away
from its beginning.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.paths import Types, by_source, leading_on, meeting, types_of
from rmqsync.analysis.policies import EXCHANGE
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key


def hops(changes: Iterable[Change], live: Rows) -> dict[Ref, int]:
    """
    Return how many exchanges are on the longest way from a binding on, of those between exchanges.

    1 for one to an exchange from which bindings lead to queues alone. Of bindings that are made or
    removed; in a circle the numbers say nothing.
    """
    changed = [one.ref for one in changes if one.ref.kind == BINDING and _is_hop(one.ref.key)]
    if not changed:
        return {}
    vhosts = {ref.key[0] for ref in changed}
    keys = [*live.get(BINDING, {}), *(ref.key for ref in changed)]
    heights = _heights(key for key in keys if key[0] in vhosts and _is_hop(key))
    return {ref: heights.get(_to(ref.key), 0) + 1 for ref in changed}


def _heights(hop_keys: Iterable[Key]) -> dict[Ref, int]:
    """Return how many exchanges come after each at most."""
    after: dict[Ref, set[Ref]] = {}
    before: dict[Ref, set[Ref]] = {}
    for key in hop_keys:
        source, to = Ref(EXCHANGE, key[:2]), _to(key)
        after.setdefault(source, set()).add(to)
        before.setdefault(to, set()).add(source)
    found = {ref: 0 for ref in before if ref not in after}
    waiting = {ref: len(others) for ref, others in after.items()}
    todo = list(found)
    while todo:
        one = todo.pop()
        for source in before.get(one, ()):
            waiting[source] -= 1
            if not waiting[source]:
                found[source] = 1 + max(found[other] for other in after[source])
                todo.append(source)
    return found


def unled(
    step: Iterable[Change], changes: Sequence[Change], unmade: Iterable[Change], live: Rows
) -> Iterator[tuple[Ref, Ref]]:
    """
    Yield hops that would lead messages to where they come no further, and what is lacking there.

    `unmade` are those of all `changes` that were to be made and were not; `live` is what there was
    before any was.
    """
    lacking = {one.ref for one in unmade if _is(one, Action.CREATE)}
    asked = [one.ref for one in step if _is(one, Action.CREATE) and _is_hop(one.ref.key)]
    if not lacking or not asked:
        return
    vhosts = {ref.key[0] for ref in asked}
    new = (one.ref.key for one in changes if _is(one, Action.CREATE))
    bindings = by_source([*live.get(BINDING, {}), *new], vhosts)
    types = _types(changes, live, vhosts)
    for ref in asked:
        missing = sorted(leading_on(_to(ref.key), bindings) & lacking)
        other = next((one for one in missing if _meet(ref.key, one.key, types)), None)
        if other is not None:
            yield ref, other


def led_still(
    step: Iterable[Change], changes: Sequence[Change], unmade: Iterable[Change], live: Rows
) -> Iterator[tuple[Ref, Ref]]:
    """
    Yield deletions that take bindings to which a hop still leads that was to go, and that hop.

    Arguments as for `unled`.
    """
    staying = [one.ref for one in unmade if _is(one, Action.DELETE) and _is_hop(one.ref.key)]
    going = [one for one in step if one.action is Action.DELETE] if staying else []
    if not going:
        return
    vhosts = {ref.key[0] for ref in staying}
    bindings = by_source(live.get(BINDING, {}), vhosts)
    types = _types(changes, live, vhosts)
    leading = [(ref, leading_on(_to(ref.key), bindings)) for ref in sorted(staying)]
    for change in going:
        taken = [ref for ref in (change.ref, *change.impact.implied) if ref.kind == BINDING]
        for hop, way in leading:
            if any(ref in way and _meet(hop.key, ref.key, types) for ref in taken):
                yield change.ref, hop
                break


def _is(change: Change, action: Action) -> bool:
    return change.ref.kind == BINDING and change.action is action


def _is_hop(key: Key) -> bool:
    return bool(key[2] == EXCHANGE)


def _to(hop: Key) -> Ref:
    return Ref(EXCHANGE, (hop[0], hop[3]))


def _types(changes: Iterable[Change], live: Rows, vhosts: Collection[str]) -> Types:
    rows = dict(live.get(EXCHANGE, {}))
    for one in changes:
        if one.ref.kind == EXCHANGE and one.after is not None:
            rows[one.ref.key] = one.after
    return types_of({EXCHANGE: rows}, vhosts, ())


def _meet(one: Key, other: Key, types: Types) -> bool:
    """Tell whether any message may take both bindings, one after the other."""
    sort, other_sort = (types.get(Ref(EXCHANGE, key[:2])) for key in (one, other))
    if sort is None or other_sort is None:
        return True
    return bool(meeting(sort, one[4], other_sort, other[4]))
