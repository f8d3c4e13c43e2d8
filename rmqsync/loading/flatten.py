"""
From a file to entries, one for each object, whichever way it is written.

An object may stand in a section of its kind, in its raw form under `parameters`, inside the object
that it belongs to, or inside its vhost. All of them end as the same entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

from rmqsync.kinds.base import Entry, Kind
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.files import Source
from rmqsync.loading.schema import EXPORT_KEYS, META_KEYS, entry_checker, inherited_fields
from rmqsync.model.findings import Finding, error

Take: TypeAlias = "Callable[[Kind, Entry, Any, bool], None]"
"""Called with each entry, the mapping of the file that it stands in, and whether it has nulls."""

_NOTHING: frozenset[str] = frozenset()
_VHOST = frozenset({"vhost"})


class Written(NamedTuple):
    """One entry as it stands in a file."""

    kind: Kind
    entry: Entry
    node: Any


class Flattener:
    """Takes one file apart."""

    def __init__(
        self, source: Source, kinds: Registry, default_vhost: str | None, take: Take
    ) -> None:
        self.source = source
        self.take = take
        self.kinds = kinds
        self.findings: list[Finding] = []
        self.lost: list[Written] = []
        """Entries that do not fit the schema: declared, but not to be looked at."""
        data = source.data
        written = data.get("vhost") or data.get("original_vhost_name") or default_vhost
        self.vhost = written if isinstance(written, str) else None

    def run(self) -> None:
        """Hand on every entry of the file; its mapping is a copy, values are shared."""
        data = self.source.data
        if not self.source.has_header:
            self._refuse(EXPORT_KEYS, data)
        for name, entries in data.items():
            kind = self.kinds.by_section.get(name)
            if kind is not None and entries:
                self._section(kind, entries, self.vhost, _NOTHING)

    def _refuse(self, names: Iterable[str], data: dict[str, Any]) -> None:
        for name in names:
            if name in data and name not in self.kinds.by_section:
                self.findings.append(
                    error(
                        codes.EXPORT_ONLY,
                        f"the key '{name}' at the top of a file is for broker exports only",
                        self.source.document.locate((name,), key=True),
                        hint="write it into the entry of the vhost, under vhosts",
                    )
                )

    def _section(
        self, kind: Kind, entries: Any, vhost: str | None, inherited: frozenset[str]
    ) -> None:
        if entries.__class__ is not list:
            return  # does not fit the schema, and that has been said
        by_component = self.kinds.by_component if is_raw(kind) else None
        is_sound, in_vhost = self.source.is_sound, kind.in_vhost
        for node in entries:
            if node.__class__ is not dict:
                continue
            one, entry = kind, dict(node)
            if by_component is not None and node.get("component") in by_component:
                one = by_component[entry.pop("component")]
            if in_vhost and (inherited or "vhost" not in entry):
                if vhost is None:
                    self._no_vhost(one, node)
                    self._lose(one, entry, node)
                    continue
                entry["vhost"] = vhost
            if is_sound or self._fits(kind, one, entry, node, inherited):
                self.entry(one, entry, node)

    def entry(self, kind: Kind, entry: Entry, node: Any) -> None:
        """Hand on an entry that is ours to change, and what is nested in it."""
        inner = self.nested(kind, entry) if kind.nested or kind.hosts_vhost_kinds else None
        has_nulls = None in entry.values()
        entry = _shape_around_nulls(kind, entry) if has_nulls else kind.shape(entry)
        take = self.take
        for one in kind.expand(entry):
            take(kind, one, node, has_nulls)
        if inner and is_retracted(entry):
            inner = _retracted(inner)  # what else is in it goes with it
        if inner:
            self.children(kind, entry, node, inner)

    def nested(self, kind: Kind, entry: Entry) -> list[tuple[int | Kind, Any]]:
        """Take what is nested out of an entry."""
        found: list[tuple[int | Kind, Any]] = []
        for number, nested in enumerate(kind.nested):
            if nested.field in entry:
                found.append((number, entry.pop(nested.field)))
        if kind.hosts_vhost_kinds:
            for child in self.kinds:
                if child.in_vhost and child.section in entry:
                    found.append((child, entry.pop(child.section)))
        return [(which, value) for which, value in found if value]

    def children(
        self, kind: Kind, parent: Entry, node: Any, inner: Iterable[tuple[int | Kind, Any]]
    ) -> None:
        for which, value in inner:
            if isinstance(which, Kind):
                self._section(which, value, kind.key(parent)[0], _VHOST)
                continue
            nested = kind.nested[which]
            child, inherited = self.kinds[nested.kind], nested.inherit(parent)
            # A mapping is no entry of its own in JSON's table of lines: its parent stands for it.
            pairs = ((one, one) for one in value) if nested.many else ((value, node),)
            for one, place in pairs:
                if one.__class__ is not dict or not one:
                    continue
                entry = {**one, **inherited}
                if child.in_vhost and "vhost" not in entry:
                    if self.vhost is None:
                        self._no_vhost(child, place)
                        continue
                    entry["vhost"] = self.vhost
                if self.source.is_sound or self._fits(
                    child, child, entry, place, inherited_fields(kind, which)
                ):
                    self.entry(child, entry, place)

    def _fits(
        self, section: Kind, kind: Kind, entry: Entry, node: Any, inherited: frozenset[str]
    ) -> bool:
        """Judge an entry of a file that does not fit the schema somewhere."""
        inner = {nested.field for nested in section.nested}
        if section.hosts_vhost_kinds:
            inner |= {k.section for k in self.kinds if k.in_vhost and k.section}
        inherited = frozenset(inherited & entry.keys())
        own = {n: v for n, v in entry.items() if n not in inner and n not in inherited}
        if section is not kind:
            own["component"] = kind.component
        if entry_checker(self.kinds, section.name, inherited).accepts(own):
            return True
        self._lose(kind, entry, node)
        if inner and all(isinstance(entry.get(one.name), str) for one in kind.identity):
            self.children(kind, entry, node, self.nested(kind, entry))
        return False

    def _lose(self, kind: Kind, entry: Entry, node: Any) -> None:
        self.lost.append(Written(kind, entry, node))

    def _no_vhost(self, kind: Kind, node: Any) -> None:
        source = self.source
        self.findings.append(
            error(
                codes.NO_VHOST,
                f"this {kind.label} is in no vhost",
                source.document.locate(source.path_of(node)),
                hint="write 'vhost:' in it or at the top of the file, nest it under the entry of "
                "its vhost, or give --vhost",
            )
        )


def _shape_around_nulls(kind: Kind, entry: Entry) -> Entry:
    """Shape an entry without losing what it says with `null`: remove what a layer before wrote."""
    nulls = [one.name for one in kind.fields if entry.get(one.name, one) is None]
    entry = kind.shape(entry)
    for name in nulls:
        entry.setdefault(name, None)
    return entry


def is_raw(kind: Kind) -> bool:
    """Tell whether the section of a kind is the one that typed kinds are kept in, too."""
    return any(one.name == "component" for one in kind.identity)


def _retracted(inner: Iterable[tuple[int | Kind, Any]]) -> list[tuple[int | Kind, Any]]:
    """Return of what is nested in an entry only what is to go by itself as well."""
    return [
        (which, gone)
        for which, value in inner
        if value.__class__ is list
        and (gone := [one for one in value if one.__class__ is dict and is_retracted(one)])
    ]


def is_retracted(entry: Entry) -> bool:
    """Tell whether an entry takes an object away."""
    return META_KEYS[0] in entry or META_KEYS[1] in entry
