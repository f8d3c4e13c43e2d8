"""Which queues may dead-letter into a queue: when in doubt, they may."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rmqsync.kinds.base import Request
from rmqsync.model.values import JsonValue, Key

_DLX, _KEY = "dead-letter-exchange", "dead-letter-routing-key"
_AE = "alternate-exchange"
_QUEUES = (("disable_stats", "true"), ("columns", "name,arguments,policy"))
_EXCHANGES = (("disable_stats", "true"), ("columns", "name,arguments,policy"))
_BINDINGS = (("columns", "source,destination,destination_type"),)


def dead_lettering_into(key: Key, ask: Callable[[Request], JsonValue]) -> list[str]:
    """
    Return the queues of the same vhost, sorted, whose dead-lettered messages may end up in `key`.

    Routing keys of bindings are not looked at; clients' own queues count as well. `ask` answers a
    GET of the management API.
    """
    vhost, name = key
    queues: Any = ask(Request("GET", ("queues", vhost), query=_QUEUES)) or ()
    policies = _definitions(ask(Request("GET", ("policies", vhost))))
    sources = {}
    for queue in queues:
        if queue["name"] == name:
            continue
        exchange = _setting(queue, policies, _DLX)
        if isinstance(exchange, str):
            sources[queue["name"]] = (exchange, _setting(queue, policies, _KEY))
    if not sources:
        return []
    exchanges: Any = ask(Request("GET", ("exchanges", vhost), query=_EXCHANGES)) or ()
    bindings: Any = ask(Request("GET", ("bindings", vhost), query=_BINDINGS)) or ()
    reaching = _reaching(name, bindings, exchanges, policies)
    return sorted(
        source
        for source, (exchange, routing_key) in sources.items()
        if exchange in reaching or (exchange == "" and routing_key in (None, name))
    )


def _reaching(
    queue: str,
    bindings: Iterable[Mapping[str, Any]],
    exchanges: Iterable[Mapping[str, Any]],
    policies: Mapping[str, Mapping[str, Any]],
) -> set[str]:
    """Return the exchanges from which there is a way to the queue, whatever the routing key."""
    before: dict[str, set[str]] = {}
    found = set()
    for binding in bindings:
        if not binding["source"]:
            continue
        if binding["destination_type"] == "exchange":
            before.setdefault(binding["destination"], set()).add(binding["source"])
        elif binding["destination"] == queue:
            found.add(binding["source"])
    for exchange in exchanges:
        alternate = _setting(exchange, policies, _AE)
        if isinstance(alternate, str):
            before.setdefault(alternate, set()).add(exchange["name"])
    todo = list(found)
    while todo:
        for source in before.get(todo.pop(), ()):
            if source not in found:
                found.add(source)
                todo.append(source)
    # An alternate exchange may be the default one, which reaches every queue by its name.
    return found | before.get("", set())


def _definitions(answer: Any) -> dict[str, Mapping[str, Any]]:
    return {policy["name"]: policy["definition"] for policy in answer or ()}


def _setting(item: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]], name: str) -> Any:
    """Return what an argument says, else the policy in effect."""
    arguments = item.get("arguments") or {}
    if f"x-{name}" in arguments:
        return arguments[f"x-{name}"]
    if name == _AE and name in arguments:
        return arguments[name]
    return policies.get(item.get("policy") or "", {}).get(name)
