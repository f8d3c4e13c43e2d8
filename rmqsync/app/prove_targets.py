"""Which queues may dead-letter into one that is to go, asked of the broker at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rmqsync.analysis.dead_letters import AE, into, setting, way_out, ways
from rmqsync.kinds.base import Request
from rmqsync.model.values import JsonValue, Key

_QUEUES = (("disable_stats", "true"), ("columns", "name,arguments,policy"))
_EXCHANGES = (("disable_stats", "true"), ("columns", "name,arguments,policy"))
_BINDINGS = (("columns", "source,destination,destination_type"),)


def dead_lettering_into(key: Key, ask: Callable[[Request], JsonValue]) -> list[str]:
    """
    Return the queues of the same vhost, sorted, whose dead-lettered messages may end up in `key`.

    Clients' own queues count as well. `ask` answers a GET of the management API.
    """
    vhost, name = key
    queues: Any = ask(Request("GET", ("queues", vhost), query=_QUEUES)) or ()
    policies = _definitions(ask(Request("GET", ("policies", vhost))))
    sources = {
        queue["name"]: way
        for queue in queues
        if queue["name"] != name
        and (way := way_out(queue.get("arguments") or {}, _policy(queue, policies))) is not None
    }
    if not sources:
        return []
    exchanges: Any = ask(Request("GET", ("exchanges", vhost), query=_EXCHANGES)) or ()
    bindings: Any = ask(Request("GET", ("bindings", vhost), query=_BINDINGS)) or ()
    alternates = {
        exchange["name"]: alternate
        for exchange in exchanges
        if isinstance(
            alternate := setting(exchange.get("arguments") or {}, _policy(exchange, policies), AE),
            str,
        )
    }
    return into(name, sources, ways(bindings, alternates))


def _definitions(answer: Any) -> dict[str, Mapping[str, Any]]:
    return {policy["name"]: policy["definition"] for policy in answer or ()}


def _policy(
    item: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    return policies.get(item.get("policy") or "", {})
