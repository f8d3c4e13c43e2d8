"""Which queues may dead-letter into a queue: when in doubt, they may."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from rmqsync.analysis.policies import EXCHANGE, QUEUE, Effective, PolicyIndex
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import JsonValue, Key, Row

DLX, DL_KEY = "dead-letter-exchange", "dead-letter-routing-key"
AE = "alternate-exchange"
BINDING = "binding"


class DeadLetters(NamedTuple):
    """Where a queue dead-letters to."""

    exchange: str
    routing_key: JsonValue
    """`None`: that of the message."""


def setting(arguments: Mapping[str, Any], policy: Mapping[str, Any], name: str) -> Any:
    """Return what an argument says, else the policy in effect."""
    own = arguments.get(f"x-{name}")
    if own is None and name == AE:
        own = arguments.get(name)
    return policy.get(name) if own is None else own


def way_out(arguments: Mapping[str, Any], policy: Mapping[str, Any]) -> DeadLetters | None:
    """Return where a queue with these dead-letters to, if anywhere."""
    exchange = setting(arguments, policy, DLX)
    if not isinstance(exchange, str):
        return None
    return DeadLetters(exchange, setting(arguments, policy, DL_KEY))


def with_alternates(exchanges: Mapping[Key, Row], effective: Mapping[Ref, Effective]) -> set[Ref]:
    """Return those of the exchanges that have an alternate, by argument or by policy."""
    return {
        ref
        for ref, found in effective.items()
        if ref.kind == EXCHANGE
        and setting(exchanges[ref.key]["arguments"], found.definition, AE) is not None
    }


class Ways(NamedTuple):
    """How messages get about in a vhost, whatever their routing keys."""

    bound: Mapping[str, Collection[str]]
    """Exchanges by the queue that is bound to them."""
    before: Mapping[str, Collection[str]]
    """Exchanges by the one that they hand on to: bound to them, or their alternate."""


def ways(bindings: Iterable[Mapping[str, Any]], alternates: Mapping[str, str]) -> Ways:
    """Return those of one vhost; `alternates` are exchanges by whom they are the alternate of."""
    bound: dict[str, set[str]] = {}
    before: dict[str, set[str]] = {}
    for binding in bindings:
        if binding["source"]:
            ends = before if binding["destination_type"] == "exchange" else bound
            ends.setdefault(binding["destination"], set()).add(binding["source"])
    for exchange, alternate in alternates.items():
        before.setdefault(alternate, set()).add(exchange)
    return Ways(bound, before)


def into(queue: str, sources: Mapping[str, DeadLetters], found: Ways) -> list[str]:
    """Return those of `sources`, sorted, whose dead-lettered messages may end up in a queue."""
    reaching = set(found.bound.get(queue, ()))
    todo = list(reaching)
    while todo:
        for source in found.before.get(todo.pop(), ()):
            if source not in reaching:
                reaching.add(source)
                todo.append(source)
    # An alternate exchange may be the default one, which reaches every queue by its name.
    reaching.update(found.before.get("", ()))
    return sorted(
        name
        for name, (exchange, routing_key) in sources.items()
        if name != queue
        and (exchange in reaching or (exchange == "" and routing_key in (None, queue)))
    )


def dead_lettering_into(
    queues: Collection[Key], rows: Rows, context: Context
) -> dict[Key, list[str]]:
    """Return for each of the queues, by vhost and name, those of live `rows` that may."""
    vhosts = {key[0] for key in queues}
    objects: Rows = {
        kind: {key: row for key, row in rows.get(kind, {}).items() if key[0] in vhosts}
        for kind in (QUEUE, EXCHANGE)
    }
    effective = PolicyIndex(rows, context).all(objects, live=True) if vhosts else {}
    sources: dict[str, dict[str, DeadLetters]] = {vhost: {} for vhost in vhosts}
    alternates: dict[str, dict[str, str]] = {vhost: {} for vhost in vhosts}
    for ref, found in effective.items():
        vhost, name = ref.key
        arguments = objects[ref.kind][ref.key]["arguments"]
        if ref.kind == QUEUE:
            way = way_out(arguments, found.definition)
            if way is not None:
                sources[vhost][name] = way
        elif isinstance(alternate := setting(arguments, found.definition, AE), str):
            alternates[vhost][name] = alternate
    bindings: dict[str, list[Mapping[str, Any]]] = {vhost: [] for vhost in vhosts}
    for key, row in rows.get(BINDING, {}).items():
        if key[0] in vhosts and sources[key[0]]:
            bindings[key[0]].append(row)
    by_vhost = {vhost: ways(bindings[vhost], alternates[vhost]) for vhost in vhosts}
    return {key: into(key[1], sources[key[0]], by_vhost[key[0]]) for key in queues}
