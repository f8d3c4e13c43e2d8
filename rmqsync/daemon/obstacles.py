"""Why a run that somebody asks for would apply nothing now. Pure."""

from __future__ import annotations

from rmqsync.daemon.documents import ClusterDetailDocument


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
    return closed
