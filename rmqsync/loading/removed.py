"""`removed:` entries, and what the analysis reads: collected over all layers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from rmqsync.kinds.base import Kind, address_of
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.files import Source
from rmqsync.loading.merge import merge
from rmqsync.loading.schema import EXTRA_KEYS
from rmqsync.model.address import decode, encode
from rmqsync.model.changes import Loss
from rmqsync.model.definitions import Removed, Rows, When
from rmqsync.model.findings import Finding, Origin, error, warning
from rmqsync.text.nearest import did_you_mean

_DIGEST = re.compile(r"~[0-9a-f]{8}\Z")
_LOSSES = {loss.word: loss for loss in Loss}


def collect_removed(
    sources: Iterable[Source], kinds: Registry
) -> tuple[tuple[Removed, ...], list[Finding]]:
    """Return the entries, those of later layers in place of earlier ones, and what is wrong."""
    found: dict[str, tuple[int, Removed]] = {}
    findings: list[Finding] = []
    for source in sources:
        entries = source.data.get("removed")
        for number, entry in enumerate(entries if isinstance(entries, list) else ()):
            address = entry.get("address") if isinstance(entry, dict) else None
            if not isinstance(address, str):
                continue  # does not fit the schema
            where = source.document.locate(("removed", number, "address"))
            problem = address_problem(address, kinds)
            if problem is not None:
                findings.append(error(codes.REMOVED, problem[0], where, hint=problem[1]))
            elif address in found and found[address][0] == source.layer:
                first = found[address][1].source
                message = f"{address} is removed twice in one layer, first at {first}"
                findings.append(error(codes.REMOVED, message, where, hint="keep one of them"))
            elif "keep" in entry and len(entry) > 2:
                message = f"{address} is kept, and yet it says when or at which loss it may go"
                hint = "write either keep: true, or when and allow_loss"
                findings.append(error(codes.REMOVED, message, where, hint=hint))
            elif source.is_sound:
                found[address] = (source.layer, _removed(entry, where))
    return tuple(one for _, one in found.values()), findings


def _removed(entry: dict[str, Any], where: Origin) -> Removed:
    loss = entry.get("allow_loss")
    return Removed(
        entry["address"],
        When(entry.get("when", When.EMPTY.value)),
        None if loss is None else _LOSSES[loss],
        bool(entry.get("keep", False)),
        where,
    )


def address_problem(address: str, kinds: Registry) -> tuple[str, str | None] | None:
    """Return what is wrong with the address of one object, and what to do; `None` if nothing is."""
    name, colon, rest = address.partition(":")
    if not colon or name not in kinds:
        hint = did_you_mean(name, kinds.names) or f"kinds are {', '.join(kinds.names)}"
        return f"'{address}' does not start with a kind and ':'", hint
    kind = kinds[name]
    example = address_of(kind, kind.key(dict(kind.example)))
    if any(sign in rest for sign in "*?["):
        return (
            f"'{address}' holds a pattern, and must name one object",
            "write such characters as %2A, %3F and %5B if they are part of the name",
        )
    plain = _DIGEST.sub("", rest) if kind.to_address else rest
    parts = plain.split("/")
    if len(parts) != example.count("/") + 1:
        return f"'{address}' is no address of a {kind.label}", f"one looks like {example}"
    if kind.in_vhost and not parts[0]:
        return f"'{address}' names no vhost", f"one looks like {example}; '/' is written %2F"
    right = "/".join(encode(decode(part)) for part in parts)
    if right != plain:
        return f"'{address}' is not encoded as addresses are", f"write {name}:{right}"
    return None


def still_declared(removed: Iterable[Removed], rows: Rows, kinds: Registry) -> list[Finding]:
    """Return a warning for each entry whose object is declared all the same."""
    wanted = {one.address: one for one in removed}
    if not wanted:
        return []
    found = []
    for name in {address.partition(":")[0] for address in wanted}:
        kind = kinds[name]
        for key in rows[name]:
            one = wanted.get(address_of(kind, key))
            if one is not None:
                found.append(_declared(kind, one))
    return found


def _declared(kind: Kind, one: Removed) -> Finding:
    return warning(
        codes.REMOVED_DECLARED,
        f"{one.address} is declared, so that it is not removed",
        one.source,
        address=one.address,
        hint=f"take the {kind.label} out of the definitions, or this entry",
    )


def collect_extra(sources: Iterable[Source]) -> dict[str, Any]:
    """Return what the analysis reads: lists of all layers in a row, mappings merged."""
    extra: dict[str, Any] = {}
    for source in sources:
        for name in EXTRA_KEYS:
            value, before = source.data.get(name), extra.get(name)
            if value is None:
                continue
            if isinstance(value, list) and isinstance(before, list):
                value = [*before, *value]
            elif isinstance(value, dict) and isinstance(before, dict):
                value = merge(before, value)
            extra[name] = value
    return extra
