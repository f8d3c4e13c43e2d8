"""
Look once more, right before a replacement deletes an object, whether it may be declared again.

The plan knows of what is in its rows. Clients' exclusive queues count for the limit as well, and
others come, and limits change, while a run is under way. Seen on 3.10.8 and 4.3.6: the listing in
pages counts all that the limit counts.
"""

from __future__ import annotations

from rmqsync.app.ports import Broker
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Change, Hold
from rmqsync.model.definitions import Rows
from rmqsync.planning.room import limits_on, no_room

_QUERY = (("page", "1"), ("page_size", "1"), ("columns", "name"), ("disable_stats", "true"))


def without_room(broker: Broker, change: Change) -> Hold | None:
    """
    Return why what a replacement deletes could not be declared again; `None` where it could.

    Raises as `Broker.get` does.
    """
    ref = change.ref
    vhost, section = ref.key[0], KINDS[ref.kind].section
    limiting: Rows = {
        kind.name: {(vhost,): kind.caps.answer(vhost, broker.get(kind.caps.question(vhost)))}
        for kind in KINDS
        if kind.caps is not None and ref.kind in kind.caps.kinds
    }
    for limit in limits_on(ref, limiting, KINDS):
        assert section is not None  # what is limited has a listing
        page = broker.get(Request("GET", (section, vhost), query=_QUERY))
        there = page.get("total_count") if isinstance(page, dict) else None
        if isinstance(there, int) and there > limit.cap.most:
            return no_room(limit, there, 0, KINDS)
    return None
