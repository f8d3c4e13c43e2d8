"""
The order in which changes are carried out.

Creations, updates and replacements by rank of kind; then deletions the other way round. Bindings
are thus made before others are removed, so that a move never has a gap, save where a kind says that
the old must go first (`Kind.removed_first`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

from rmqsync.kinds import KINDS
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key


class Place(NamedTuple):
    """Sort key of a change. Changes whose first three parts are equal may run at once."""

    deletion: bool
    rank: int
    """Negative for deletions, so that they run in reverse."""
    second: bool
    """Within a rank: what must wait until others are gone."""
    key: Key = ()

    @property
    def step(self) -> tuple[bool, int, bool]:
        return (self.deletion, self.rank, self.second)


def place(change: Change, live: Rows, kinds: Registry = KINDS) -> Place:
    """Return where a change stands in the order."""
    kind = kinds[change.ref.kind]
    if change.action is Action.DELETE and change.before is not None:
        if kind.removed_first(change.before, live):
            return Place(False, kind.rank, False, change.ref.key)
        return Place(True, -kind.rank, False, change.ref.key)
    return Place(False, kind.rank, True, change.ref.key)


def order(changes: Iterable[Change], live: Rows, kinds: Registry = KINDS) -> tuple[Change, ...]:
    """Return the changes in the order of application; the same on every run and machine."""
    return tuple(sorted(changes, key=lambda change: place(change, live, kinds)))


def steps(changes: Sequence[Change], live: Rows, kinds: Registry = KINDS) -> list[list[Change]]:
    """Split ordered changes into groups whose members do not depend on each other."""
    grouped = groupby(changes, key=lambda change: place(change, live, kinds).step)
    return [list(group) for _, group in grouped]
