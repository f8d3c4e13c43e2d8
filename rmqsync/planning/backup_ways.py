"""What allows a held change of a rollback to a backup: nobody can write a line into that."""

from __future__ import annotations

from dataclasses import replace

from rmqsync.model.changes import Change, ClusterPlan

_INSTEAD = {
    "state: absent": "delete it by hand",
    "state: absent for each of them as well": "delete each of them by hand, then roll back again",
    "on_change: recreate": "delete it by hand, with all that is in it, then roll back again",
}
"""By what definitions would say."""


def by_hand(plan: ClusterPlan) -> ClusterPlan:
    """Return a plan whose holds say what to do where there are no definitions to write into."""
    return replace(plan, changes=tuple(map(_said, plan.changes)))


def _said(change: Change) -> Change:
    hold = change.hold
    if hold is None or hold.override not in _INSTEAD:
        return change
    return replace(change, hold=replace(hold, override=_INSTEAD[hold.override]))
