"""A pause, or a pin, in the marker of a cluster: whether it counts, and how it is told."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from rmqsync.model.changes import Change, Hold, HoldCode
from rmqsync.model.findings import Finding, note
from rmqsync.model.marker import Marker, Stop
from rmqsync.model.times import stamp


def stopped(name: str, marker: Marker, *, pins_anew: bool) -> Hold | None:
    """
    Return what a pause, or a pin, says against a run; `None` where nothing does.

    A run that `pins_anew` is a rollback, which may follow another.
    """
    pinned = None if pins_anew else marker.pinned
    for stop, word in ((marker.paused, "paused"), (pinned, "pinned")):
        if stop is not None and lasts(stop):
            by = f" by {stop.by}" if stop.by else ""
            until = f" until {stop.until}" if stop.until else ""
            reason = f"the cluster is {word}{by}{until}: {stop.reason}"
            return Hold(HoldCode.PAUSED, reason, f"rmqsync resume {name}")
    return None


def lasts(stop: Stop) -> bool:
    """Tell whether a pause or a pin is not over by now."""
    if stop.until is None:
        return True
    return stamp(datetime.now(UTC)) < stop.until


def stop_notes(name: str, refusal: Hold | None, changes: Collection[Change]) -> Iterator[Finding]:
    """Tell of a pause or a pin where there is no change that would: nothing is to be done yet."""
    if refusal is not None and refusal.code is HoldCode.PAUSED and not changes:
        hint = f"{refusal.override} ends that; until then, what is committed waits"
        yield note("RMQ112", f"{name}: {refusal.reason}", hint=hint)
