"""Which layer, file and line each value of an object comes from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.registry import Registry
from rmqsync.loading.compiled import Compiled, Path, layers_of, locate, written_path
from rmqsync.loading.merge import Slot
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired
from rmqsync.model.findings import Origin
from rmqsync.model.values import JsonValue


class Provenance(NamedTuple):
    """One value of a row."""

    path: Path
    value: JsonValue
    source: Origin
    """Where it is written; for a default, or what a short form says, where its object is."""
    layer: int
    """The number of the layer, from 0."""
    is_written: bool
    """Whether a file has the value under this name; else it is a default or a short form."""


def provenance(desired: Desired, ref: Ref, kinds: Registry = KINDS) -> tuple[Provenance, ...]:
    """
    Return where each field of an object comes from, members of mappings one by one.

    Empty for what `compile_layers` did not make, or what it leaves out.
    """
    row = desired.rows.get(ref.kind, {}).get(ref.key)
    if row is None or not isinstance(desired, Compiled):
        return ()
    kind, slot = kinds[ref.kind], desired.tables[ref.kind][ref.key]
    return tuple(_of_value(kind, slot, path, value) for path, value in _leaves(row, ()))


def _of_value(kind: Kind, slot: Slot, path: Path, value: JsonValue) -> Provenance:
    for one in layers_of(slot):
        if written_path(one.node, path)[1] == len(path):
            return Provenance(path, value, locate(slot, path), one.source.layer, True)
    for one in layers_of(slot):
        if written_path(kind.shape(dict(one.node)), path)[1] == len(path):
            return Provenance(path, value, locate(one), one.source.layer, False)
    return Provenance(path, value, locate(slot), slot.source.layer, False)


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _leaves(inner, (*path, name))
    else:
        yield path, value
