"""
Queues that are in no rows, and that policies and exchanges matter to all the same.

Shards, federation's buffers and clients' exclusive queues have policies and dead-letter exchanges
as any other queue does, and drop what they hold as any other does. They are looked at where a run
changes a policy that may be for queues, or deletes what dead letters may pass: one request for each
such vhost. They are nobody's to declare, so that they are in no plan or list: what is judged names
them.

Seen on 3.10.8, 4.0.5 and 4.3.6: the listing without statistics has all of them, also those of other
connections, with arguments and type. A queue that came since the cluster was read is in it as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rmqsync.analysis.policies import POLICIES, QUEUE
from rmqsync.analysis.ways_out import parting
from rmqsync.app.ports import Broker
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.queue import TYPE, TYPES
from rmqsync.model.changes import Change
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key, Row

_QUERY = (("disable_stats", "true"), ("columns", "name,arguments,type"))
_VHOST = "vhost"
_WITHOUT_TYPE = "classic"
_FOR_EXCHANGES = "exchanges"


def unlisted(broker: Broker, changes: Iterable[Change], live: Rows) -> dict[Key, Row]:
    """
    Return the queues that are not in `live`, of the vhosts where a change may matter to them.

    Raises as `Broker.get` does.
    """
    there = {key[0] for key in live.get(_VHOST, {})}
    found: dict[Key, Row] = {}
    for vhost in sorted(_concerned(tuple(changes)) & there):
        items: Any = broker.get(Request("GET", ("queues", vhost), query=_QUERY)) or ()
        for item in items:
            row = _row(vhost, item)
            if row is not None and (vhost, row["name"]) not in live.get(QUEUE, {}):
                found[vhost, row["name"]] = row
    return found


def _concerned(changes: tuple[Change, ...]) -> set[str]:
    found = {ref.key[0] for ref in parting(changes)}
    for change in changes:
        if change.ref.kind in POLICIES:
            sides = (change.before, change.after)
            if any(row is not None and row["apply-to"] != _FOR_EXCHANGES for row in sides):
                found.add(change.ref.key[0])
    return found


def _row(vhost: str, item: Mapping[str, Any]) -> Row | None:
    """Return what a listing says of a queue as a row; `None` for one that stores nothing."""
    arguments, sort = item.get("arguments") or {}, item.get("type")
    if sort is not None:
        if sort not in TYPES:
            return None  # such as that of an MQTT subscriber with QoS 0: messages pass through it
        if arguments.get(TYPE, _WITHOUT_TYPE) != sort:
            arguments = {**arguments, TYPE: sort}
    return KINDS[QUEUE].complete({"vhost": vhost, "name": item["name"], "arguments": arguments})
