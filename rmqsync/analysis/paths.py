"""
Where bindings lead from an exchange: whatever routing keys and arguments say, or with one key.

A key decides in exchanges of type direct and topic; of all others, and of those with an alternate,
it is not asked: they may hand on whatever comes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.policies import EXCHANGE, QUEUE
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key

Types = Mapping[Ref, str]
"""Types of exchanges in which a key decides."""
NO_TYPES: Types = {}
_BY_KEY = ("direct", "topic")
_ANY = "\0"
_MOST_GAPS = 2

BySource = Mapping[Ref, Sequence[tuple[Ref, Ref]]]
"""Bindings, with the queue or exchange where each leads, by the exchange that they come from."""


def by_source(bindings: Iterable[Key], vhosts: Collection[str]) -> BySource:
    """Return the bindings of some vhosts."""
    found: dict[Ref, list[tuple[Ref, Ref]]] = {}
    for key in bindings if vhosts else ():
        vhost, source, sort, destination, *_ = key
        if vhost in vhosts:
            to = Ref(EXCHANGE if sort == "exchange" else QUEUE, (vhost, destination))
            found.setdefault(Ref(EXCHANGE, (vhost, source)), []).append((Ref(BINDING, key), to))
    return found


def types_of(rows: Rows, vhosts: Collection[str], alternates: Collection[Ref]) -> dict[Ref, str]:
    """Return the types of the exchanges of some vhosts; `alternates` are those that have one."""
    found = {}
    for key, row in rows.get(EXCHANGE, {}).items():
        if key[0] in vhosts and row.get("type") in _BY_KEY:
            ref = Ref(EXCHANGE, key)
            if ref not in alternates:
                found[ref] = str(row["type"])
    return found


def leading_on(
    exchange: Ref, bindings: BySource, key: str | None = None, types: Types = NO_TYPES
) -> set[Ref]:
    """
    Return the bindings that lead on from an exchange, and where to, however far.

    With a routing key only what it takes.
    """
    found: set[Ref] = set()
    todo = [exchange]
    while todo:
        source = todo.pop()
        sort = types.get(source) if key is not None else None
        for binding, to in bindings.get(source, ()):
            if sort is not None and not matches(sort, binding.key[4], str(key)):
                continue
            found.add(binding)
            if to not in found:
                found.add(to)
                todo.append(to)
    return found


def matches(sort: str, bound: str, key: str) -> bool:
    """Tell whether an exchange of type direct or topic hands a key on by a binding's."""
    if sort == "direct":
        return bound == key
    return _is_topic(_words(bound), _words(key))


def _words(key: str) -> Sequence[str]:
    return key.split(".") if key else ()


def _is_topic(bound: Sequence[str], key: Sequence[str]) -> bool:
    reached = {0}  # how many words of the key may be used up
    for word in bound:
        if word == "#":
            reached = set(range(min(reached), len(key) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(key) and word in ("*", key[n])}
        if not reached:
            return False
    return len(key) in reached


def meeting(sort: str, bound: str, other_sort: str | None, other: str) -> set[str]:
    """
    Return keys that two bindings both take, where there are any: of each length at least one.

    `sort` and `other_sort` are the types of the exchanges; `None` stands for one in which no key
    decides. A word that may be any is a NUL, which no other binding names.
    """
    if other_sort is None:
        other_sort, other = "topic", "#"
    if sort == "direct":
        return {bound} if matches(other_sort, other, bound) else set()
    if other_sort == "direct":
        return {other} if matches(sort, bound, other) else set()
    words, others = _distinct(_words(bound)), _words(other)
    gaps = words.count("#")
    counts = range(max(2, len(others)) + 1)
    # How many words stand for each `#`: of many all the same, which is enough but for odd keys.
    each = product(counts, repeat=gaps) if gaps <= _MOST_GAPS else ((n,) * gaps for n in counts)
    found = set()
    for some in each:
        length = iter(some)
        filled = [w for one in words for w in (["*"] * next(length) if one == "#" else [one])]
        fitting = _fit(others, filled)
        if fitting is not None:
            found.add(".".join(fitting))
    return found


def _distinct(words: Sequence[str]) -> list[str]:
    """Return the words with one `#` in place of several in a row, which says the same."""
    return [one for n, one in enumerate(words) if one != "#" or words[n - 1 : n] != ["#"]]


def _fit(bound: Sequence[str], words: Sequence[str]) -> list[str] | None:
    """Return words that a topic's binding takes, where any may stand for `*`."""
    if not bound:
        return None if words else []
    first, *rest = bound
    if first == "#":
        for count in range(len(words) + 1):
            more = _fit(rest, words[count:])
            if more is not None:
                return [_ANY if one == "*" else one for one in words[:count]] + more
        return None
    if not words or (words[0] not in ("*", first) and first != "*"):
        return None
    more = _fit(rest, words[1:])
    chosen = words[0] if first == "*" else first
    return None if more is None else [_ANY if chosen == "*" else chosen, *more]


def has_queue(way: Iterable[Ref]) -> bool:
    """Tell whether any queue is among what leads on."""
    return any(one.kind == QUEUE for one in way)
