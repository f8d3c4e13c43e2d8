"""Why a run that somebody asks for would apply nothing now, and when that may be over. Pure."""

from __future__ import annotations

from datetime import datetime

from rmqsync.daemon.documents import ClusterDetailDocument

STAYS_CANCELLED = (
    "It was cancelled, and the history cannot be written to take that back: "
    "sync again once it can, or in a window."
)


def obstacle(one: ClusterDetailDocument, closed: str | None) -> str | None:
    """Return a sentence, `None` where it may apply; `closed` says that no window is open."""
    if one["mode"] == "report":
        return "Its mode is report: it is compared, and nothing is applied."
    for word, stop in (("paused", one["paused"]), ("pinned", one["pinned"])):
        if stop is not None:
            by = f" by {stop['by']}" if stop["by"] else ""
            until = f" until {stop['until']}" if stop["until"] else ""
            return (
                f"It is {word}{by}{until}, so it is compared, and nothing is applied: "
                f"{stop['reason']}"
            )
    waits = one["waits"]
    if closed is not None and waits is not None and waits["reason"] == "cancelled":
        return f"{closed} A sync takes back that it was cancelled."
    return closed


def over_at(one: ClusterDetailDocument, now: datetime) -> datetime | None:
    """
    Return when the first is over of what a cluster waits for; `None` where no time is known.

    A time that has come is left out: where a cycle ends early, it stands there still.
    """
    found = [stop["until"] for stop in (one["waits"], one["paused"], one["pinned"]) if stop]
    times = [datetime.fromisoformat(at) for at in found if at is not None]
    return min((at for at in times if at > now), default=None)
