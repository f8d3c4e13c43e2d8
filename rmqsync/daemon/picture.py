"""Topology and single objects of one cluster, from what is declared and what is there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from rmqsync.analysis.policies import PolicyIndex
from rmqsync.daemon.documents import (
    TopologyDocument,
    TopologyLinkDocument,
    TopologyNodeDocument,
)
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Row
from rmqsync.report.document import ClusterDocument
from rmqsync.report.plan_json import without_userinfo

_BUILT_IN = "(default exchange)"


def topology(
    cluster: str, at: str, desired: Rows, live: Rows, plan: ClusterDocument | None, context: Context
) -> TopologyDocument:
    """Return exchanges, queues, upstreams and shovels, and all that leads from one to another."""
    rows = _union(desired, live)
    states = _states(plan)
    index = PolicyIndex(rows, context)
    policies = index.all(rows, live=True)
    nodes: dict[str, TopologyNodeDocument] = {}
    for kind, word in (("exchange", "type"), ("queue", "type")):
        for key, row in rows.get(kind, {}).items():
            address = address_of(KINDS[kind], key)
            found = policies.get(Ref(kind, key))
            nodes[address] = {
                "id": address,
                "kind": kind,  # type: ignore[typeddict-item]
                "vhost": row["vhost"],
                "name": row["name"],
                "type": row.get(word),
                "state": _state(kind, key, address, desired, live, states),
                "policy": found.policy if found is not None else None,
            }
    links = [
        *_bindings(rows),
        *_by_settings(rows, {a: p.definition for a, p in _by_address(policies)}),
        *_federation(rows, policies, nodes, desired, live, states),
        *_shovels(rows, nodes, desired, live, states),
    ]
    for link in links:
        for end in (link["source"], link["target"]):
            nodes.setdefault(end, _stranger(end))
    vhosts = sorted({node["vhost"] for node in nodes.values() if node["vhost"] is not None})
    return {
        "cluster": cluster,
        "at": at,
        "vhosts": vhosts,
        "nodes": list(nodes.values()),
        "links": links,
    }


def _union(desired: Rows, live: Rows) -> Rows:
    """Return what is there, and what is declared and not there."""
    return {kind: {**desired.get(kind, {}), **live.get(kind, {})} for kind in {*desired, *live}}


def _states(plan: ClusterDocument | None) -> dict[str, str]:
    """Return the state of each object that is not in line, by address."""
    if plan is None:
        return {}
    found = {named["address"]: "unmanaged" for named in plan["unmanaged"]}
    for change in plan["changes"]:
        hold = change["hold"]
        state = "pending"
        if hold is not None:
            state = "drifted" if hold["code"] == "drift" else "held"
        elif change["cause"] == "drift" or change.get("left"):
            state = "drifted"
        found[change["address"]] = state
    return found


def _state(
    kind: str, key: Any, address: str, desired: Rows, live: Rows, states: Mapping[str, str]
) -> Any:
    if key not in live.get(kind, {}):
        return "missing"
    if address in states:
        return states[address]
    return "managed" if key in desired.get(kind, {}) else "unmanaged"


def _by_address(policies: Mapping[Ref, Any]) -> Iterator[tuple[str, Any]]:
    for ref, found in policies.items():
        yield address_of(KINDS[ref.kind], ref.key), found


def _exchange(vhost: str, name: str) -> str:
    return address_of(KINDS["exchange"], (vhost, name))


def _end(vhost: str, sort: str, name: str) -> str:
    return address_of(KINDS["queue" if sort == "queue" else "exchange"], (vhost, name))


def _link(source: str, target: str, kind: Any, label: str) -> TopologyLinkDocument:
    return {"source": source, "target": target, "kind": kind, "label": label}


def _bindings(rows: Rows) -> Iterator[TopologyLinkDocument]:
    for row in rows.get("binding", {}).values():
        target = _end(row["vhost"], row["destination_type"], row["destination"])
        source = _exchange(row["vhost"], row["source"])
        yield _link(source, target, "binding", row.get("routing_key", ""))


def _by_settings(
    rows: Rows, definitions: Mapping[str, Mapping[str, Any]]
) -> Iterator[TopologyLinkDocument]:
    """Yield what arguments and policies lead on: dead letters and alternate exchanges."""
    for kind, argument, setting, word in (
        ("queue", "x-dead-letter-exchange", "dead-letter-exchange", "dead-letter"),
        ("exchange", "alternate-exchange", "alternate-exchange", "alternate"),
    ):
        for key, row in rows.get(kind, {}).items():
            address = address_of(KINDS[kind], key)
            arguments: Row = row.get("arguments") or {}
            to = arguments.get(argument, definitions.get(address, {}).get(setting))
            if not isinstance(to, str):
                continue
            routing = arguments.get("x-dead-letter-routing-key")
            if to == "" and isinstance(routing, str):
                target = address_of(KINDS["queue"], (row["vhost"], routing))
            elif to == "":
                continue
            else:
                target = _exchange(row["vhost"], to)
            yield _link(address, target, word, routing if isinstance(routing, str) else "")


def _federation(
    rows: Rows,
    policies: Mapping[Ref, Any],
    nodes: dict[str, TopologyNodeDocument],
    desired: Rows,
    live: Rows,
    states: Mapping[str, str],
) -> Iterator[TopologyLinkDocument]:
    upstreams: dict[str, list[str]] = {}
    for key, row in rows.get("federation_upstream", {}).items():
        address = address_of(KINDS["federation_upstream"], key)
        state = _state("federation_upstream", key, address, desired, live, states)
        nodes[address] = _node(address, "upstream", row["vhost"], row["name"], _where(row), state)
        upstreams.setdefault(row["vhost"], []).append(row["name"])
    for ref, found in policies.items():
        chosen = found.definition.get("federation-upstream")
        if chosen is None and "federation-upstream-set" not in found.definition:
            continue
        vhost = ref.key[0]
        names = [chosen] if isinstance(chosen, str) else upstreams.get(vhost, [])
        for name in names:
            source = address_of(KINDS["federation_upstream"], (vhost, name))
            label = str(found.definition.get("federation-upstream-set", name))
            yield _link(source, address_of(KINDS[ref.kind], ref.key), "federation", label)


def _shovels(
    rows: Rows,
    nodes: dict[str, TopologyNodeDocument],
    desired: Rows,
    live: Rows,
    states: Mapping[str, str],
) -> Iterator[TopologyLinkDocument]:
    for key, row in rows.get("shovel", {}).items():
        address = address_of(KINDS["shovel"], key)
        value = _value(row)
        state = _state("shovel", key, address, desired, live, states)
        nodes[address] = _node(address, "shovel", row["vhost"], row["name"], None, state)
        for side, is_source in (("src", True), ("dest", False)):
            end = _shovel_end(row["vhost"], value, side)
            if end is not None:
                ends = (end, address) if is_source else (address, end)
                yield _link(*ends, "shovel", row["name"])


def _shovel_end(vhost: str, value: Row, side: str) -> str | None:
    if isinstance(value.get(f"{side}-queue"), str):
        return address_of(KINDS["queue"], (vhost, value[f"{side}-queue"]))
    if isinstance(value.get(f"{side}-exchange"), str):
        return _exchange(vhost, value[f"{side}-exchange"])
    return None


def _value(row: Row) -> Row:
    inner = row.get("value")
    return inner if isinstance(inner, dict) else row


def _where(row: Row) -> str | None:
    uri = _value(row).get("uri")
    first = uri[0] if isinstance(uri, list) and uri else uri
    return without_userinfo(first) if isinstance(first, str) else None


def _node(
    address: str, kind: Any, vhost: str | None, name: str, sort: str | None, state: Any
) -> TopologyNodeDocument:
    return {
        "id": address,
        "kind": kind,
        "vhost": vhost,
        "name": name,
        "type": sort,
        "state": state,
        "policy": None,
    }


def _stranger(address: str) -> TopologyNodeDocument:
    """Return what something leads to though it is not there, or is the broker's own."""
    kind, _, rest = address.partition(":")
    vhost, _, name = rest.partition("/")
    if kind not in ("exchange", "queue"):
        return _node(address, "cluster", vhost, name or _BUILT_IN, None, "unmanaged")
    return _node(address, kind, unquote(vhost), unquote(name) or _BUILT_IN, None, "unmanaged")
