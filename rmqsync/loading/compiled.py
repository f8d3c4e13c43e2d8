"""The compiled set, and where in the files each part of it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

from rmqsync.kinds.base import Kind, Reference, address_of
from rmqsync.kinds.context import Context
from rmqsync.loading.merge import Slot, Table
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired
from rmqsync.model.findings import Finding, Origin, Severity
from rmqsync.model.values import Key, Row

Path: TypeAlias = tuple[str | int, ...]


@dataclass(slots=True)
class Compiled(Desired):
    """What `compile_layers` returns: `Desired`, and what later questions need."""

    tables: dict[str, Table] = field(default_factory=dict)
    """Every object that a file mentions, with all layers that do."""
    open_references: list[tuple[str, Key, Reference]] = field(default_factory=list)
    """Strict references that only the cluster can settle."""
    dangling: dict[Finding, Ref] = field(default_factory=dict)
    """Findings about objects that are named and not declared, which the cluster may have."""
    context: Context = field(default_factory=Context)
    """What the rows were checked for."""
    asks_context: set[str] = field(default_factory=set)
    """Kinds of which the checks of single rows asked what kind of cluster it is for."""


class Origins(Mapping[Key, Origin]):
    """Where the objects of one kind are written: looked up when asked, for a plan names few."""

    __slots__ = ("_rows", "_table")

    def __init__(self, rows: Mapping[Key, Row], table: Table) -> None:
        self._rows = rows
        self._table = table

    def __getitem__(self, key: Key) -> Origin:
        if key not in self._rows:
            raise KeyError(key)
        return self._table[key].origin

    def __iter__(self) -> Iterator[Key]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class WatchedContext(Context):
    """A context that knows whether anybody asked it for anything; a plain one from then on."""

    __slots__ = ()

    def __init__(self, context: Context) -> None:
        super().__init__(**{one.name: getattr(context, one.name) for one in fields(Context)})

    def __getattribute__(self, name: str) -> Any:
        if name in _ANSWERS:
            object.__setattr__(self, "__class__", Context)  # to watch on costs, with every answer
        return object.__getattribute__(self, name)


def was_asked(watched: Context) -> bool:
    """Tell whether what was made a `WatchedContext` has given any answer."""
    return watched.__class__ is Context


_ANSWERS = frozenset(one.name for one in fields(Context))


def finding_at(
    kind: Kind,
    key: Key,
    slot: Slot,
    path: Path,
    code: str,
    message: str,
    hint: str | None = None,
    severity: Severity = Severity.ERROR,
) -> Finding:
    """Return a finding on the value at `path` of an object, at its exact place."""
    return Finding(code, severity, message, locate(slot, path), address_of(kind, key), hint)


def locate(slot: Slot, path: Path = ()) -> Origin:
    """
    Return where the value at `path` of an object is written: in the last layer that has it.

    A value that comes from a short form, or from no file at all, is at the place of its object.
    """
    found: tuple[int, Slot, Path] | None = None
    for one in layers_of(slot):
        written, depth = written_path(one.node, path)
        if found is None or depth > found[0]:
            found = (depth, one, written)
        if depth == len(path):
            break
    assert found is not None
    _, one, written = found
    return one.source.document.locate((*one.source.path_of(one.node), *written))


def layers_of(slot: Slot | None) -> Iterator[Slot]:
    """Yield what each layer says of an object, the last one first."""
    while slot is not None:
        yield slot
        slot = slot.earlier


def written_path(node: Any, path: Path) -> tuple[Path, int]:
    """
    Return the path below `node` at which a file has the field at `path`, and how much of it.

    In the raw form, and in `metadata`, fields stand one mapping deeper.
    """
    if node.__class__ is not dict or not path:
        return (), 0
    if path[0] not in node:
        for name, inner in node.items():
            if inner.__class__ is dict and path[0] in inner:
                return (name, *path), _depth(inner, path)
        return (), 0
    return path, _depth(node, path)


def _depth(node: Any, path: Path) -> int:
    depth = 0
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            break
        depth += 1
    return depth
