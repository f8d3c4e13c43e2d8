"""Topology and single objects of one cluster, from what is declared and what is there. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rmqsync.analysis.policies import POLICIES, PolicyIndex
from rmqsync.daemon.crossings import federation, link, shovels, value_of
from rmqsync.daemon.documents import (
    TopologyDocument,
    TopologyLinkDocument,
    TopologyNodeDocument,
)
from rmqsync.daemon.places import ELSEWHERE, Places, named
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Row
from rmqsync.report.document import ClusterDocument

_KINDS = {
    "exchange": "exchange",
    "queue": "queue",
    "federation_upstream": "upstream",
    "shovel": "shovel",
    "policy": "policy",
    "operator_policy": "operator_policy",
}
"""Kinds that are drawn, each with what it is called there."""


def topology(
    cluster: str,
    at: str,
    desired: Rows,
    live: Rows,
    plan: ClusterDocument | None,
    context: Context,
    places: Places | None = None,
) -> TopologyDocument:
    """
    Return exchanges, queues, upstreams, shovels and policies, and all that leads on from one.

    Without `places` no other cluster is known: what leads away leads to a host.
    """
    places = places or Places(cluster)
    rows = _union(desired, live)
    states = _states(plan)
    index = PolicyIndex(rows, context)
    policies = index.all(rows, live=True)
    nodes: dict[str, TopologyNodeDocument] = {}
    for kind, sort in _KINDS.items():
        for key, row in rows.get(kind, {}).items():
            address = address_of(KINDS[kind], key)
            state = _state(kind, key, address, desired, live, states)
            node = _node(address, sort, row["vhost"], row["name"], _type(kind, row, places), state)
            found = policies.get(Ref(kind, key))
            if found is not None:
                node["policy"] = found.policy
                node["operator_policy"] = found.operator_policy
            nodes[address] = node
    links = [
        *_bindings(rows),
        *_by_settings(rows, {a: p.definition for a, p in _by_address(policies)}),
        *federation(rows, policies, places, context),
        *shovels(rows, places),
    ]
    for one in links:
        for end in (one["source"], one["target"]):
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


def _type(kind: str, row: Row, places: Places) -> str | None:
    """Return the type of an exchange or queue, where an upstream is, what a policy applies to."""
    if kind != "federation_upstream":
        found = row.get("apply-to" if kind in POLICIES else "type")
        return found if isinstance(found, str) else None
    host = places.of(value_of(row).get("uri")).host
    return None if host == ELSEWHERE else host


def _by_address(policies: Mapping[Ref, Any]) -> Iterator[tuple[str, Any]]:
    for ref, found in policies.items():
        yield address_of(KINDS[ref.kind], ref.key), found


def _exchange(vhost: str, name: str) -> str:
    return address_of(KINDS["exchange"], (vhost, name))


def _end(vhost: str, sort: str, name: str) -> str:
    return address_of(KINDS["queue" if sort == "queue" else "exchange"], (vhost, name))


def _bindings(rows: Rows) -> Iterator[TopologyLinkDocument]:
    for row in rows.get("binding", {}).values():
        target = _end(row["vhost"], row["destination_type"], row["destination"])
        source = _exchange(row["vhost"], row["source"])
        yield link(source, target, "binding", row.get("routing_key", ""))


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
            yield link(address, target, word, routing if isinstance(routing, str) else "")


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
        "operator_policy": None,
        "cluster": None,
        "address": address,
    }


def _stranger(id_: str) -> TopologyNodeDocument:
    """Return what something leads to that is elsewhere, not there, or the broker's own."""
    found = named(id_)
    sort, state = _KINDS.get(found.kind, found.kind), "unmanaged"
    if sort == "cluster":
        state = "elsewhere"
    elif sort == "upstream":
        state = "missing"
    node = _node(id_, sort, found.vhost, found.name, None, state)
    page = found.address if found.cluster is not None else None
    return {**node, "cluster": found.cluster, "address": page}
