"""
What is not there since a run of ours deleted it, to make it anew, and did not come to that. Pure.

Nobody else changed it, so it is no drift. A run that ended says so in the marker: what it left
missing is outstanding, in line with nothing. One that was killed, or lost its lock, says only what
it was to apply: where that replaces what was applied before, the run may have been just there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Cause, Ref
from rmqsync.model.values import Row, same
from rmqsync.planning.fields import changed_fields
from rmqsync.planning.implied import owners
from rmqsync.planning.ownership import Ownership, cause_of_missing

_BY_HAND = (Cause.DRIFT, Cause.BOTH)


@dataclass(frozen=True, slots=True)
class Replaced:
    """Judges declared objects that are not there."""

    own: Ownership
    context: Context
    kinds: Registry
    _known: dict[Ref, bool] = field(default_factory=dict)

    def cause(self, ref: Ref, wanted: Row) -> Cause:
        """Return whose doing it is that an object is not there."""
        cause = cause_of_missing(ref, wanted, self.own, self.kinds)
        return Cause.GIT if cause in _BY_HAND and self.may_be_ours(ref, wanted) else cause

    def may_be_ours(self, ref: Ref, wanted: Row) -> bool:
        """Tell whether a run that did not end may have deleted it, or what takes it along."""
        marker = self.own.marker
        if not self.own.is_judged or marker is None or len(marker.entries) < 2:
            return False
        gone = (ref, *owners(ref, wanted, self.context, self.kinds))
        return any(self._is_replaced(one) for one in gone)

    def _is_replaced(self, ref: Ref) -> bool:
        if ref not in self._known:
            rows = [past.row(ref) for past in self.own.last(ref, self.kinds) or ()]
            self._known[ref] = any(
                one is not None and other is not None and self._replaces(ref, one, other)
                for one, other in pairwise(rows)
            )
        return self._known[ref]

    def _replaces(self, ref: Ref, one: Row, other: Row) -> bool:
        if same(one, other):
            return False
        fields = changed_fields(self.kinds[ref.kind], one, other)
        return any(change.forces_replacement for change in fields)
