"""What the changes of a plan are told as, the same everywhere: held, pending, or drift. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rmqsync.daemon.documents import ClusterDriftDocument, ClusterStatusDocument
from rmqsync.report.document import ChangeDocument

_DRIFTED = ("drift", "both")
_LEAVES = ("drift", "paused")
"""Holds that say nothing of a drifted object but that it is left alone."""


class Groups(NamedTuple):
    held: list[ChangeDocument]
    """What a person must allow."""
    pending: list[ChangeDocument]
    drift: Mapping[str, ChangeDocument]
    """What is held only since it has drifted, by address: it is told with the drift."""


def grouped(changes: Iterable[ChangeDocument]) -> Groups:
    """Return the changes of a plan, each in one group, so that no page counts one twice."""
    held, pending, drift = [], [], {}
    for one in changes:
        if one["hold"] is None:
            pending.append(one)
        elif is_drift_alone(one["hold"]["code"], one["cause"]):
            drift[one["address"]] = one
        else:
            held.append(one)
    return Groups(held, pending, drift)


def is_drift_alone(hold: str, cause: str) -> bool:
    """Tell whether a hold only leaves alone what somebody changed, paused or not."""
    return hold in _LEAVES and cause in _DRIFTED


def why_unknown(one: ClusterStatusDocument | ClusterDriftDocument) -> str | None:
    """Say why nobody can tell what was changed by hand; `None` where that is known."""
    if one["drift_known"]:
        return None
    if one["checked_at"] is None:
        return "It was not compared yet, so nothing is known of what differs."
    if one["applied"] is not None:
        why = "What was applied last cannot be read here"
    elif one["mode"] == "report":
        return (
            "Nothing is known to have been applied here, and in mode: report nothing is. So "
            "whose change a difference is cannot be told: all that differs is shown as pending or "
            "held. It can be told once a first run has written down on the cluster what it applied."
        )
    else:
        why = "Nothing is known to have been applied here yet"
    return (
        f"{why}. So whose change a difference is cannot be told: all that differs is shown as "
        "pending or held. It can be told once a run has written down on the cluster what it "
        "applied."
    )
