"""Where bindings lead from an exchange, whatever routing keys and arguments say."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.policies import EXCHANGE, QUEUE
from rmqsync.model.changes import Ref
from rmqsync.model.values import Key

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


def leading_on(exchange: Ref, bindings: BySource) -> set[Ref]:
    """Return the bindings that lead on from an exchange, and where to, however far."""
    found: set[Ref] = set()
    todo = [exchange]
    while todo:
        for binding, to in bindings.get(todo.pop(), ()):
            found.add(binding)
            if to not in found:
                found.add(to)
                todo.append(to)
    return found


def has_queue(way: Iterable[Ref]) -> bool:
    """Tell whether any queue is among what leads on."""
    return any(one.kind == QUEUE for one in way)
