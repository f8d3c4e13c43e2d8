"""
The order in which changes are carried out.

Creations, updates and replacements by rank of kind; then deletions the other way round. Bindings
are thus made before others are removed, so that a move never has a gap, save where a kind says that
the old must go first (`Kind.removed_first`). Those between exchanges come after what leads on from
there, and go before it (`analysis.hops`). Policies that name a way out which the run makes or
removes go out of their turn (`planning.turns`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.hops import hops
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key
from rmqsync.planning.turns import IN_TURN, Turns, turns


class Place(NamedTuple):
    """Sort key of a change. Changes whose parts but the key are equal may run at once."""

    deletion: bool
    rank: int
    """Negative for deletions, so that they run in reverse."""
    turn: int
    """Within a rank, from -1 to 2: what must wait until others are gone, or made."""
    hop: int = 0
    """Within a turn: of bindings, those between exchanges by how far they lead, or the reverse."""
    key: Key = ()

    @property
    def step(self) -> tuple[bool, int, int, int]:
        return (self.deletion, self.rank, self.turn, self.hop)


NO_HOPS: Mapping[Ref, int] = {}


def place(
    change: Change,
    live: Rows,
    kinds: Registry = KINDS,
    out_of_turn: Turns = IN_TURN,
    found: Mapping[Ref, int] = NO_HOPS,
) -> Place:
    """Return where a change stands in the order; `found` is what `analysis.hops` says."""
    kind = kinds[change.ref.kind]
    hop = found.get(change.ref, 0)
    if change.ref in out_of_turn.late:
        return Place(False, kinds[BINDING].rank, 2, key=change.ref.key)
    if change.ref in out_of_turn.early:
        return Place(True, -kinds[BINDING].rank, -1, key=change.ref.key)
    if change.action is Action.DELETE and change.before is not None:
        if kind.removed_first(change.before, live):
            return Place(False, kind.rank, 0, key=change.ref.key)
        return Place(True, -kind.rank, 0, -hop, change.ref.key)
    return Place(False, kind.rank, 1, hop, change.ref.key)


def order(
    changes: Iterable[Change], live: Rows, context: Context, kinds: Registry = KINDS
) -> tuple[Change, ...]:
    """Return the changes in the order of application; the same on every run and machine."""
    changes = tuple(changes)
    found, far = turns(changes, live, context), hops(changes, live)
    return tuple(sorted(changes, key=lambda change: place(change, live, kinds, found, far)))


def steps(
    changes: Sequence[Change],
    live: Rows,
    kinds: Registry = KINDS,
    out_of_turn: Turns = IN_TURN,
) -> list[list[Change]]:
    """Split ordered changes into groups whose members do not depend on each other."""
    far = hops(changes, live)
    grouped = groupby(changes, key=lambda change: place(change, live, kinds, out_of_turn, far).step)
    return [list(group) for _, group in grouped]
