"""
Compare desired with live definitions: what is missing, what differs, what is only live.

Pure, and quick where nothing differs: rows are plain data, equal ones are passed over without
building anything. Which changes may run is decided in `guard`, in which order in `order`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key, Row, same


class Pair(NamedTuple):
    """An object that is on both sides and not the same."""

    ref: Ref
    live: Row
    desired: Row
    """Settled: fields that are not declared, or cannot be compared, have their live value."""


@dataclass(slots=True)
class Comparison:
    missing: list[tuple[Ref, Row]] = field(default_factory=list)
    differing: list[Pair] = field(default_factory=list)
    extra: list[tuple[Ref, Row]] = field(default_factory=list)
    """Live and not desired."""
    unchanged: int = 0

    @property
    def is_equal(self) -> bool:
        return not (self.missing or self.differing or self.extra)


def compare(desired: Rows, live: Rows, context: Context, kinds: Registry = KINDS) -> Comparison:
    """Return what differs, in the order of kinds' ranks and then of keys."""
    found = Comparison()
    for kind in kinds:
        mine, theirs = desired.get(kind.name, {}), live.get(kind.name, {})
        has_same_keys = mine.keys() == theirs.keys()
        if kind.fields:
            _compare_rows(kind.name, mine, theirs, context, kinds, found)
        elif has_same_keys:  # identity is all there is
            found.unchanged += len(mine)
        else:
            found.unchanged += len(mine.keys() & theirs.keys())
        if has_same_keys:  # and done: what follows builds two sets of all keys
            continue
        missing, extra = mine.keys() - theirs.keys(), theirs.keys() - mine.keys()
        for key in sorted(missing):
            if kind.is_nothing(mine[key]):
                found.unchanged += 1
            else:
                found.missing.append((Ref(kind.name, key), mine[key]))
        found.extra += [
            (Ref(kind.name, key), theirs[key])
            for key in sorted(extra)
            if not kind.is_nothing(theirs[key])
        ]
    found.differing.sort(key=lambda pair: (kinds[pair.ref.kind].rank, pair.ref.key))
    return found


def _compare_rows(
    kind_name: str,
    mine: dict[Key, Row],
    theirs: dict[Key, Row],
    context: Context,
    kinds: Registry,
    found: Comparison,
) -> None:
    settle = kinds[kind_name].settle
    equal = 0
    for key, row in mine.items():
        other = theirs.get(key)
        if other is None:
            continue
        if same(row, other):
            equal += 1
            continue
        settled = settle(row, other, context)
        if settled is other or same(settled, other):
            equal += 1
        else:
            found.differing.append(Pair(Ref(kind_name, key), other, settled))
    found.unchanged += equal
