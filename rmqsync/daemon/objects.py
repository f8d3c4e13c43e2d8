"""One object, field by field: what is declared, what is there, and where each value comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rmqsync.analysis.policies import OPERATOR, POLICIES, POLICY
from rmqsync.daemon.documents import ObjectDocument, TopologyDocument, ValueDocument
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.credentials import secrets_in
from rmqsync.kinds.fields import Secrecy
from rmqsync.loading.compiled import Compiled, layers_of, locate
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.values import JsonValue, Row, same
from rmqsync.report.document import SENSITIVE, ChangeDocument, ClusterDocument, NamedDocument
from rmqsync.report.plan_json import entry_of, without_userinfo

_MISSING: Any = object()


def ref_of(address: str, desired: Desired, live: Live) -> Ref | None:
    """Return the object of this address that is declared or there; `None` for neither."""
    kind_name = address.partition(":")[0]
    if kind_name not in KINDS.names:
        return None
    kind = KINDS[kind_name]
    for rows in (desired.rows, live.rows):
        for key in rows.get(kind_name, {}):
            if address_of(kind, key) == address:
                return Ref(kind_name, key)
    return None


def object_document(
    cluster: str,
    ref: Ref,
    desired: Desired,
    live: Live,
    plan: ClusterDocument | None,
    drawn: TopologyDocument,
    layers: Sequence[str],
) -> ObjectDocument:
    """
    Return one object. Secrets are shown as `(sensitive)`.

    `drawn` is the topology of the cluster, `layers` are the names of its layers in order.
    """
    declared = desired.rows.get(ref.kind, {}).get(ref.key)
    there = live.rows.get(ref.kind, {}).get(ref.key)
    named = entry_of(ref)
    address = named["address"]
    policies = list(_policies(address, drawn))
    return {
        **named,
        "cluster": cluster,
        "is_declared": declared is not None,
        "is_live": there is not None,
        "fields": list(_fields(ref, declared, there, desired, layers)),
        "policy": next((one["name"] for one in policies if one["kind"] == POLICY), None),
        "change": _change(plan, address),
        "links": [one for one in drawn["links"] if address in (one["source"], one["target"])],
        "policies": policies,
        "in_force_for": list(_in_force_for(ref, drawn)),
    }


def _policies(address: str, drawn: TopologyDocument) -> Iterator[NamedDocument]:
    node = next((one for one in drawn["nodes"] if one["id"] == address), None)
    if node is None or node["vhost"] is None:
        return
    for kind, name in ((POLICY, node["policy"]), (OPERATOR, node["operator_policy"])):
        if name is not None:
            yield entry_of(Ref(kind, (node["vhost"], name)))


def _in_force_for(ref: Ref, drawn: TopologyDocument) -> Iterator[NamedDocument]:
    if ref.kind not in POLICIES:
        return
    vhost, name = ref.key
    for one in drawn["nodes"]:
        found = one["policy"] if ref.kind == POLICY else one["operator_policy"]
        if found == name and one["vhost"] == vhost:
            yield entry_of(Ref(one["kind"], (vhost, one["name"])))


def _change(plan: ClusterDocument | None, address: str) -> ChangeDocument | None:
    if plan is None:
        return None
    return next((one for one in plan["changes"] if one["address"] == address), None)


def _fields(
    ref: Ref, declared: Row | None, there: Row | None, desired: Desired, layers: Sequence[str]
) -> Iterator[ValueDocument]:
    hidden = {one.name for one in KINDS[ref.kind].fields if one.secret is not Secrecy.NONE}
    left, right = dict(_leaves(declared or {})), dict(_leaves(there or {}))
    for path in dict.fromkeys((*left, *right)):
        one, other = left.get(path, _MISSING), right.get(path, _MISSING)
        is_hidden = path[0] in hidden
        found: ValueDocument = {
            "path": list(path),
            "source": None,
            "layer": None,
            "differs": _differs(one, other, is_hidden),
        }
        if one is not _MISSING:
            found["declared"] = _shown(one, is_hidden)
            found["source"], found["layer"] = _written(desired, ref, path, layers)
        if other is not _MISSING:
            found["live"] = _shown(other, is_hidden)
        yield found


def _leaves(
    value: Mapping[str, Any], path: tuple[str | int, ...] = ()
) -> Iterator[tuple[tuple[str | int, ...], JsonValue]]:
    """Yield every value that is no mapping, and every empty one, with its path."""
    for key, inner in value.items():
        is_secret = isinstance(inner, dict) and next(iter(secrets_in(inner)), None) is not None
        if isinstance(inner, dict) and inner and not is_secret:
            yield from _leaves(inner, (*path, key))
        else:
            yield (*path, key), inner


def _differs(one: Any, other: Any, is_hidden: bool) -> bool:
    if is_hidden:
        return False  # a reference on one side, its value on the other: the plan tells
    if one is _MISSING or other is _MISSING:
        return one is not other
    return not same(one, other)


def _shown(value: JsonValue, is_hidden: bool) -> JsonValue:
    if is_hidden and value not in (None, ""):
        return SENSITIVE
    return _without_credentials(value)


def _without_credentials(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return without_userinfo(value)
    if isinstance(value, list):
        return [_without_credentials(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_credentials(one) for key, one in value.items()}
    return value


def _written(desired: Desired, ref: Ref, path: tuple[str | int, ...], layers: Sequence[str]) -> Any:
    """Return the place of a value and the name of its layer; `None` where that is not known."""
    slot = desired.tables.get(ref.kind, {}).get(ref.key) if isinstance(desired, Compiled) else None
    if slot is None:
        origin = desired.source(ref)
        return (None if origin is None else {"file": origin.file, "line": origin.line}), None
    origin = locate(slot, path)
    layer = next(
        (
            layers[one.source.layer]
            for one in layers_of(slot)
            if one.source.document.file == origin.file
        ),
        None,
    )
    return {"file": origin.file, "line": origin.line}, layer
