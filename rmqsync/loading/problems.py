"""What kinds, and the schema, find wrong with single rows, as findings at their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rmqsync.kinds.base import Entry, Kind, Problem
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading.compiled import finding_at, locate
from rmqsync.loading.merge import Slot
from rmqsync.loading.rows import is_default
from rmqsync.loading.schema import entry_checker
from rmqsync.model.findings import Finding, Origin
from rmqsync.model.values import Key, Row
from rmqsync.text import codes
from rmqsync.text.document import Document


def problems_of(
    kind: Kind, rows: dict[Key, Row], table: dict[Key, Slot], context: Context
) -> Iterator[Finding]:
    """Yield what a kind finds wrong with its rows, each by itself."""
    if is_default(kind, "check"):
        return
    check = kind.check
    for key, row in rows.items():
        for problem in check(row, context):
            yield as_finding(kind, key, table[key], problem)


def as_finding(kind: Kind, key: Key, slot: Slot, problem: Problem) -> Finding:
    return finding_at(
        kind,
        key,
        slot,
        problem.path,
        problem.code,
        problem.message,
        problem.hint,
        problem.severity,
    )


class _EntryDocument(Document):
    """An entry that was put together from the raw form, at the places of what it was made of."""

    __slots__ = ("_slot",)

    def __init__(self, entry: Entry, slot: Slot) -> None:
        super().__init__(slot.source.file, entry)
        self._slot = slot

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> Origin:
        del key
        return locate(self._slot, tuple(path))


def entry_misfits(kinds: Registry, kind: Kind, key: Key, slot: Slot, entry: Entry) -> list[Finding]:
    """Say why an entry that never passed the schema cannot be used."""
    checker = entry_checker(kinds, kind.name, frozenset())
    found = checker.findings(_EntryDocument(entry, slot))
    message = f"{kind.sentence(key)} holds values that it cannot have"
    return found or [finding_at(kind, key, slot, (), codes.SCHEMA, message)]
