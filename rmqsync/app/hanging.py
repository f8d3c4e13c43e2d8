"""
What hangs on objects that go and is in no rows: only clients or plugins can make it again.

Bindings to exclusive queues, to shards and to what federation made. No export holds all of them: up
to 4.0, and without Khepri later, those of transient queues are in none (seen on 3.10.8 and 4.0.5).
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.app.ports import Broker
from rmqsync.kinds import KINDS
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Live
from rmqsync.model.values import Key


def hanging_on(broker: Broker, changes: Iterable[Change], live: Live) -> dict[Ref, tuple[Key, ...]]:
    """
    Return what of that hangs on each object that a change deletes or replaces, where any does.

    One request for each exchange that goes. Raises as `Broker.get` does.
    """
    found = {}
    for change in changes:
        kind = KINDS[change.ref.kind]
        if kind.hanging is None or change.action not in (Action.DELETE, Action.REPLACE):
            continue
        assert change.before is not None
        name, question = kind.hanging
        items = broker.get(question(change.before))
        known, key_of = live.rows.get(name, {}), KINDS[name].key
        listed = items if isinstance(items, list) else []
        tied = tuple(key for item in listed if (key := key_of(item)) not in known)
        if tied:
            found[change.ref] = tied
    return found
