"""
More than one hold on one change.

Only the first stands, and what allows that does not allow the others: they are told with it, so
that whoever allows it knows what it comes to, and an approval waives no more than it was given for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rmqsync.model.changes import Hold
from rmqsync.planning.approvals import APPROVABLE


def first_of(holds: Iterable[Hold | None]) -> Hold | None:
    """
    Return the hold that stands, with what would hold the change once that one is allowed.

    Nothing is looked for behind one that cannot be approved: no approval would uncover it.
    """
    found = None
    for one in holds:
        if one is None:
            continue
        found = one if found is None else and_also(found, one)
        if one.code not in APPROVABLE:
            break
    return found


def and_also(hold: Hold, other: Hold) -> Hold:
    """Return a hold that tells of another as well; as it is where it does, or stands alone."""
    if other.code in hold.codes or not APPROVABLE.issuperset(hold.codes):
        return hold
    reason = f"{hold.reason}; it is held once that is allowed as well: {other.reason}"
    override = hold.override
    if _is_flag(override) and _is_flag(other.override):
        override = f"{override} {other.override}"
    elif other.override is not None:
        reason += f" ({other.override})"
    return replace(hold, reason=reason, override=override, also=(*hold.also, *other.codes))


def _is_flag(override: str | None) -> bool:
    return override is not None and override.startswith("--")
