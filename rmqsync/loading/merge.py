"""
Layers over each other: objects by kind and key, each with every place that says something of it.

A later layer merges into an earlier one: mappings key by key, `null` removes a key, everything else
is replaced. What is part of the identity is never merged, since it is equal.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple, TypeAlias

from rmqsync.kinds.base import Entry, Kind, address_of
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.files import Source
from rmqsync.loading.flatten import Flattener
from rmqsync.loading.rows import completer
from rmqsync.loading.schema import META_KEYS, null_is_a_value
from rmqsync.model.findings import Finding, Origin, error, warning
from rmqsync.model.values import Key, is_secret_reference, same


class Retraction(Enum):
    """What is left of an object that a layer takes away."""

    OMITTED = "omitted"
    ABSENT = "absent"


class Slot(NamedTuple):
    """One object: what all layers so far say, and where the last of them says it."""

    entry: Entry | Retraction
    source: Source
    node: Any
    earlier: Slot | None
    """As it was before the last layer that says something."""

    @property
    def origin(self) -> Origin:
        return Origin(self.source.file, self.source.document.line(self.node))


Table: TypeAlias = dict[Key, Slot]


class Merger:
    """Takes entries in the order of the layers."""

    def __init__(self, kinds: Registry, default_vhost: str | None) -> None:
        self.kinds = kinds
        self.default_vhost = default_vhost
        self.tables: dict[str, Table] = {kind.name: {} for kind in kinds}
        self.lost: set[tuple[str, Key]] = set()
        """Declared by entries that do not fit the schema."""
        self.findings: list[Finding] = []
        self._source: Source | None = None

    def add_file(self, source: Source) -> None:
        """Take in a file; those of one layer must follow each other."""
        self._source = source
        flattener = Flattener(source, self.kinds, self.default_vhost, self._take)
        flattener.run()
        self.findings += flattener.findings
        for kind, entry, _ in flattener.lost:
            try:
                self.lost.add((kind.name, kind.key(entry)))
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # so broken that it has no name

    def _take(self, kind: Kind, entry: Entry, node: Any, has_nulls: bool) -> None:
        source = self._source
        assert source is not None
        key = kind.key(entry)
        table = self.tables[kind.name]
        old = table.get(key)
        if old is None and "omit" not in entry and "state" not in entry:
            if has_nulls:
                entry = _without_nulls(kind, entry)
            table[key] = Slot(entry, source, node, None)
        else:
            self._again(kind, key, entry, Slot(entry, source, node, old))

    def _again(self, kind: Kind, key: Key, entry: Entry, new: Slot) -> None:
        table, old = self.tables[kind.name], new.earlier
        if old is not None and old.source.layer == new.source.layer:
            if not _is_double(kind, old, new):
                self._twice(kind, key, old, new)
            return
        if "omit" in entry and "state" in entry:
            self._contradicts(kind, key, new)
        if "omit" in entry:
            if old is None or old.entry is Retraction.OMITTED:
                self._omits_nothing(kind, key, new)
            self._retract(kind, key, new, Retraction.OMITTED)
        elif "state" in entry:
            self._retract(kind, key, new, Retraction.ABSENT)
        elif old is None or isinstance(old.entry, Retraction):
            table[key] = new._replace(entry=_without_nulls(kind, entry))
        else:
            identity = {one.name for one in kind.identity}
            over = {name: value for name, value in entry.items() if name not in identity}
            table[key] = new._replace(entry=merge(old.entry, over, _keeps_null(kind)))

    def _retract(self, kind: Kind, key: Key, new: Slot, how: Retraction) -> None:
        table, old = self.tables[kind.name], new.earlier
        table[key] = new._replace(entry=how)
        while old is not None and not isinstance(old.entry, Retraction):
            self._retract_inner(kind, old, new, how)
            old = old.earlier

    def _retract_inner(self, kind: Kind, old: Slot, new: Slot, how: Retraction) -> None:
        """Take away what an earlier layer wrote inside of an object that goes."""

        def take(child: Kind, entry: Entry, node: Any, has_nulls: bool) -> None:
            del has_nulls
            key = child.key(entry)
            found = self.tables[child.name].get(key)
            if found is None or isinstance(found.entry, Retraction) or node is old.node:
                return
            if found.source.layer < new.source.layer:
                self.tables[child.name][key] = Slot(how, new.source, new.node, found)

        if (kind.nested or kind.hosts_vhost_kinds) and isinstance(old.entry, dict):
            flattener = Flattener(old.source, self.kinds, self.default_vhost, take)
            inner = flattener.nested(kind, dict(old.node))
            flattener.children(kind, old.entry, None, inner)

    def _twice(self, kind: Kind, key: Key, old: Slot, new: Slot) -> None:
        first = old.source.document.locate(old.source.path_of(old.node))
        self.findings.append(
            error(
                codes.TWICE,
                f"{kind.sentence(key)} is declared twice in one layer, first at {first}",
                new.source.document.locate(new.source.path_of(new.node)),
                address=address_of(kind, key),
                hint="keep one of them, or move one to a later layer",
            )
        )

    def _contradicts(self, kind: Kind, key: Key, new: Slot) -> None:
        self.findings.append(
            error(
                codes.CONTRADICTION,
                f"{kind.sentence(key)} is both omitted and to be absent",
                new.source.document.locate(new.source.path_of(new.node)),
                address=address_of(kind, key),
                hint="keep omit: true to leave it out, or state: absent to delete it",
            )
        )

    def _omits_nothing(self, kind: Kind, key: Key, new: Slot) -> None:
        self.findings.append(
            warning(
                codes.OMITS_NOTHING,
                f"no earlier layer declares {kind.sentence(key)}, so there is nothing to omit",
                new.source.document.locate(new.source.path_of(new.node)),
                address=address_of(kind, key),
                hint="remove the entry; state: absent deletes an object from the cluster",
            )
        )


def _keeps_null(kind: Kind) -> frozenset[str]:
    """Return the fields in which `null` is a value."""
    return frozenset(one.name for one in kind.fields if null_is_a_value(one))


def _without_nulls(kind: Kind, entry: Entry) -> Entry:
    """Return the first word on an object: there is nothing yet that `null` could remove."""
    kept = _keeps_null(kind)
    return {name: value for name, value in entry.items() if value is not None or name in kept}


def _is_double(kind: Kind, old: Slot, new: Slot) -> bool:
    """Tell whether one file says the same thing twice, as exports do."""
    if old.source is not new.source or isinstance(old.entry, Retraction):
        return False
    if same(old.entry, new.entry):  # type: ignore[arg-type]
        return True
    assert not isinstance(new.entry, Retraction)
    if any(old.entry.get(name) != new.entry.get(name) for name in META_KEYS):
        return False
    if kind.missing(old.entry) or kind.missing(new.entry):
        return False
    complete = completer(kind)
    return same(complete(old.entry), complete(new.entry))


def merge(old: Entry, new: Entry, keep_null: frozenset[str] = frozenset()) -> Entry:
    """Return `old` with `new` laid over it."""
    merged = dict(old)
    for name, value in new.items():
        if value is None and name not in keep_null:
            merged.pop(name, None)
            continue
        before = merged.get(name)
        if before.__class__ is dict and value.__class__ is dict and _both_open(before, value):
            value = merge(before, value)
        merged[name] = value
    return merged


def _both_open(old: Entry, new: Entry) -> bool:
    """Tell whether two mappings are merged; a reference to a secret is one value."""
    return not (is_secret_reference(old) or is_secret_reference(new))
