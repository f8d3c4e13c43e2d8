"""
Rows as entries that people would have written: defaults left out, objects nested below their own.

The inverse of what compiling does with one layer; knows no kind by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from rmqsync.kinds.base import Entry, Kind, Nested
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import Field, Presence
from rmqsync.kinds.registry import Registry
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key, Row, same

Entries: TypeAlias = dict[str, dict[Key, Entry]]
"""By the name of the kind, then by key, in order."""


def entry_of(kind: Kind, row: Row, context: Context) -> Entry:
    """Return the entry of one row by itself: all of its identity that is no default, too."""
    entry: Entry = {"vhost": row["vhost"]} if kind.in_vhost else {}
    for one in (*kind.identity, *kind.fields):
        if one.name in row and not _is_default(one, row[one.name]):
            entry[one.name] = _ordered(row[one.name])
    return kind.tidy(entry, row, context)


def _is_default(one: Field, value: Any) -> bool:
    return not isinstance(one.default, Presence) and same(value, one.default)


def _ordered(value: Any) -> Any:
    """Sort keys at every depth: the broker gives them in no order that stays."""
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value


def nest(entries: Entries, rows: Rows, kinds: Registry) -> Entries:
    """Move entries into the entry that can hold them; return those that stand by themselves."""
    alone = {name: dict(found) for name, found in entries.items()}
    for parent in kinds:
        for nested in parent.nested:
            moved = _move(parent, nested, entries, rows, kinds[nested.kind])
            for key in moved:
                del alone[nested.kind][key]
    return alone


def _move(
    parent: Kind, nested: Nested, entries: Entries, rows: Rows, child: Kind
) -> tuple[Key, ...]:
    homes, names = _homes(parent, nested, entries, rows)
    lists: dict[Key, list[Entry]] = {}
    moved = []
    for key, entry in entries.get(child.name, {}).items():
        row = rows[child.name][key]
        home = homes.get(tuple(row[name] for name in names)) if names else None
        if home is None:
            continue
        lists.setdefault(home, []).append(_without(entry, names))
        moved.append(key)
    for home, found in lists.items():
        entries[parent.name][home][nested.field] = child.gather(found) if nested.many else found[0]
    return tuple(moved)


def _homes(
    parent: Kind, nested: Nested, entries: Entries, rows: Rows
) -> tuple[Mapping[tuple[Any, ...], Key], tuple[str, ...]]:
    """Return the key of each parent by what its children have in common, and the names of that."""
    names: tuple[str, ...] = ()
    homes = {}
    for key in entries.get(parent.name, {}):
        inherited = nested.inherit(dict(rows[parent.name][key]))
        names = tuple(sorted(inherited))
        homes[tuple(inherited[name] for name in names)] = key
    return homes, names


def _without(entry: Entry, names: tuple[str, ...]) -> Entry:
    for name in names:
        entry.pop(name, None)
    return entry
