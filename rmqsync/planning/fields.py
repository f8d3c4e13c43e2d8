"""
Field-level differences of one object, as a plan shows them.

Leaves by path: a mapping is entered, a list is one value. deepdiff finds what differs between two
sides; it is asked only where something does, and enters mappings only: whether two values differ is
for `same` to say, which has said so of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from rmqsync.kinds.base import Kind
from rmqsync.kinds.credentials import secrets_in
from rmqsync.kinds.fields import OnChange
from rmqsync.kinds.secrecy import is_sensitive
from rmqsync.model.changes import ABSENT, Absent, FieldChange
from rmqsync.model.values import JsonValue, Row, same

if TYPE_CHECKING:
    from deepdiff import DeepDiff
    from deepdiff.model import DiffLevel

Path = tuple[str | int, ...]


def changed_fields(kind: Kind, before: Row, after: Row) -> tuple[FieldChange, ...]:
    """Return the leaves that differ between the live and the desired row, sorted by path."""
    from deepdiff import DeepDiff  # costs a tenth of a second to import

    names = {field.name for field in (*kind.identity, *kind.fields)}
    left = {name: value for name, value in before.items() if name in names}
    right = {name: value for name, value in after.items() if name in names}
    differences = DeepDiff(
        left,
        right,
        view="tree",
        custom_operators=[_Whole()],
        ignore_private_variables=False,  # it takes names that begin with `__` for such
        threshold_to_diff_deeper=0,  # else, with little in common, it names the row and no field
    )
    paths: set[Path] = {
        tuple(leaf.path(output_format="list")) for group in differences.values() for leaf in group
    }
    return tuple(
        _change(kind, path, at(left, path), at(right, path)) for path in sorted(paths, key=_text)
    )


class _Whole:
    """Has deepdiff take all but two mappings for one value: a list, and a secret, as a whole."""

    def match(self, level: DiffLevel) -> bool:
        return not all(
            isinstance(side, Mapping) and not _is_reference(side) for side in (level.t1, level.t2)
        )

    def give_up_diffing(self, level: DiffLevel, diff_instance: DeepDiff) -> bool:
        if not same(level.t1, level.t2):
            diff_instance.custom_report_result("values_changed", level)  # type: ignore[no-untyped-call]
        return True


def fields_of(kind: Kind, row: Row, *, created: bool) -> tuple[FieldChange, ...]:
    """Return every field of a row that is not at its default, as created or as deleted."""
    found: list[FieldChange] = []
    for field in kind.fields:
        if field.name not in row or same(row[field.name], _default(field.default)):
            continue
        for path, value in _leaves((field.name,), row[field.name]):
            sides = (ABSENT, value) if created else (value, ABSENT)
            found.append(_change(kind, path, *sides, forces=False))
    return tuple(found)


def _default(default: object) -> JsonValue:
    return default if isinstance(default, bool | int | float | str | list | dict) else None


def _leaves(path: Path, value: JsonValue) -> Iterator[tuple[Path, JsonValue]]:
    if isinstance(value, Mapping) and value and not _is_reference(value):
        for name in sorted(value):
            yield from _leaves((*path, name), value[name])
    else:
        yield path, value


def _is_reference(value: Mapping[str, JsonValue]) -> bool:
    return next(iter(secrets_in(value)), None) is not None and len(value) == 1


def at(row: Row, path: Path) -> JsonValue | Absent:
    """Return the value at a path; `ABSENT` where there is none."""
    value: JsonValue = row
    for part in path:
        if isinstance(value, Mapping) and part in value:
            value = value[str(part)]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return ABSENT
    return value


def with_value(row: Row, path: Path, value: JsonValue | Absent) -> Row:
    """Return a copy of a row with another value, or none, at a path through mappings."""
    name, *rest = path
    copy = dict(row)
    if rest:
        inner = copy.get(str(name))
        copy[str(name)] = with_value(inner if isinstance(inner, dict) else {}, tuple(rest), value)
    elif value is ABSENT:
        copy.pop(str(name), None)
    else:
        copy[str(name)] = value
    return copy


def _text(path: Path) -> list[str]:
    return [str(part) for part in path]


def _change(
    kind: Kind,
    path: Path,
    before: JsonValue | Absent,
    after: JsonValue | Absent,
    *,
    forces: bool = True,
) -> FieldChange:
    field = next((one for one in kind.fields if one.name == path[0]), None)
    replaces = forces and field is not None and field.on_change is OnChange.REPLACE
    sensitive = any(
        side is not ABSENT and is_sensitive(kind, path, side) for side in (before, after)
    )
    return FieldChange(path, before, after, replaces, sensitive)
