"""
What takes messages from one cluster to another: federation upstreams and shovels. Pure.

A URI without a vhost means that of the link for an upstream (amqp_uri.erl `parse/2`, called by
rabbit_federation_upstream.erl), and `/` for a shovel (`parse/1`, rabbit_amqp091_shovel.erl).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rmqsync.analysis.federation import named
from rmqsync.daemon.documents import TopologyLinkDocument
from rmqsync.daemon.places import Place, Places, cluster_id
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.address import encode
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Row

_SORTS = ("queue", "exchange")


def link(source: str, target: str, kind: Any, label: str) -> TopologyLinkDocument:
    return {"source": source, "target": target, "kind": kind, "label": label}


def federation(
    rows: Rows, policies: Mapping[Ref, Any], places: Places, context: Context
) -> Iterator[TopologyLinkDocument]:
    """Yield what leads to each upstream from where it is, and on to all that is federated."""
    upstreams: dict[str, list[str]] = {}
    for key, row in rows.get("federation_upstream", {}).items():
        upstreams.setdefault(row["vhost"], []).append(row["name"])
        place = places.of(value_of(row).get("uri"))
        for source in _upstream_ends(place, row):
            yield link(source, address_of(KINDS["federation_upstream"], key), "federation", "")
    for ref, found in policies.items():
        vhost = ref.key[0]
        there = upstreams.get(vhost, [])
        chosen = named(vhost, found.definition, there, rows, context)
        for name in dict.fromkeys(name for name, _ in chosen):
            source = address_of(KINDS["federation_upstream"], (vhost, name))
            label = str(found.definition.get("federation-upstream-set", name))
            yield link(source, address_of(KINDS[ref.kind], ref.key), "federation", label)


def _upstream_ends(place: Place, row: Row) -> Iterator[str]:
    value, vhost = value_of(row), row["vhost"] if place.vhost is None else place.vhost
    given = [sort for sort in _SORTS if isinstance(value.get(sort), str) and value[sort]]
    for sort in given:
        yield end_at(place, address_of(KINDS[sort], (vhost, value[sort])))
    if not given:  # each has its namesake upstream: the cluster stands for them
        yield cluster_id(place)


def shovels(rows: Rows, places: Places) -> Iterator[TopologyLinkDocument]:
    """Yield what each shovel takes from, and what it leads to."""
    for key, row in rows.get("shovel", {}).items():
        address, value = address_of(KINDS["shovel"], key), value_of(row)
        source, target = _shovel_end(value, "src", places), _shovel_end(value, "dest", places)
        if source is not None:
            yield link(source, address, "shovel", row["name"])
        if target is not None:
            yield link(address, target, "shovel", row["name"])


def _shovel_end(value: Row, side: str, places: Places) -> str | None:
    """Return where a shovel begins or ends; `None` where it says nothing of that."""
    if f"{side}-uri" not in value:
        return None
    place = places.of(value[f"{side}-uri"])
    vhost = "/" if place.vhost is None else place.vhost
    for sort in _SORTS:
        name = value.get(f"{side}-{sort}")
        if isinstance(name, str):
            return end_at(place, address_of(KINDS[sort], (vhost, name)))
    address = value.get(f"{side}-address")  # of AMQP 1.0, in a form that depends on the broker
    if not isinstance(address, str) or not address:
        return cluster_id(place)
    return cluster_id(place, f"address:{encode(address)}")


def end_at(place: Place, address: str) -> str:
    """Return the id of an object where it is: here its address, elsewhere one of its own."""
    return address if place.is_here else cluster_id(place, address)


def value_of(row: Row) -> Row:
    """Return the fields of a runtime parameter, in either of its forms."""
    inner = row.get("value")
    return inner if isinstance(inner, dict) else row
