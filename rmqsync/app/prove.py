"""
Delete a queue only where it is proven empty and unused at the moment it goes.

Classic: the broker's own conditions, `if-empty` and `if-unused`, after a look at unacknowledged
messages and at who published or got lately. Two instants are not covered, both of a few ms:

- The conditions do not count messages that were got and not acknowledged: a client that gets one
  between our last look and the deletion loses it.
- The queue's record outlives its process, and a channel takes the end of that process for the end
  of all it had asked (rabbit_classic_queue.erl `handle_event`: `down`, `normal`): what a publisher
  has under way just then is confirmed and dropped. Seen on 3.10.8, 4.0.5 and 4.3.6. One that does
  not ask for returns is told the same a moment later, when there is no queue any more.

Quorum queues refuse these conditions (`app/prove_fence.py`). Streams are never proven.

A queue that others dead-letter into is held whatever its type: their messages were confirmed to
whoever published them, and a dead-lettering queue neither waits for the target nor asks it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rmqsync.app.lock import WhileHeld, check
from rmqsync.app.ports import Amqp, Broker, Lock
from rmqsync.app.prove_fence import Fence, NotProven, remove_left_fences
from rmqsync.app.prove_policy import Standing, lift
from rmqsync.app.prove_targets import dead_lettering_into
from rmqsync.kinds.base import Kind, Request
from rmqsync.model.changes import Change
from rmqsync.model.errors import BrokerError, Rejected
from rmqsync.model.values import Key, Row
from rmqsync.planning.fences import fence_name
from rmqsync.planning.loss import is_idle
from rmqsync.planning.targets import gets_dead_letters

__all__ = ["NotProven", "Prover", "is_still_there", "lift", "remove_left_fences"]

WINDOW_S = 15
"""Statistics lag by one interval, 5 s unless set otherwise: two of them, and that."""
_GETS = ("get", "get_no_ack", "get_empty")
_PUBLISH = "publish"
_STEP_S = 5


@dataclass(frozen=True, slots=True)
class Prover:
    """Deletes what is counted, of one cluster, in one run."""

    broker: Broker
    amqp: Amqp | None = None
    lock: Lock | None = None
    owner: str = "main"
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    token: Callable[[], str] = lambda: uuid.uuid4().hex[:12]
    left: list[Standing] = field(default_factory=list)
    """Fences that could not be taken away, for another try when the run is over."""

    def delete(self, kind: Kind, change: Change) -> None:
        """
        Delete what was planned as empty and unused; nothing is done where it is gone already.

        Raises `NotProven`, and what `Broker.send` raises.
        """
        assert change.before is not None
        key = change.ref.key
        self._check_targets(key)
        requests = kind.remove_if_unused(change.before)
        self._check_use(key, publishers=requests is not None)
        facts = self.broker.queue_facts([key]).get(key)  # last: nothing but the deletion follows
        if facts is None:
            return
        if not is_idle(facts):
            raise NotProven("it is not empty and unused any more")
        if requests is None:
            self._by_fence(key, change)
            return
        try:
            for request in requests:
                self.writer.send(request)
        except Rejected as error:
            if is_still_there(self.broker, kind, change.before) is not False:
                raise NotProven(error.reason) from error

    @property
    def writer(self) -> Broker:
        return self.broker if self.lock is None else WhileHeld(self.broker, self.lock)

    def _by_fence(self, key: Key, change: Change) -> None:
        if self.amqp is None:
            raise NotProven("set `amqp` for this cluster: without it nothing proves it empty")
        assert change.before is not None
        Fence(
            broker=self.broker,
            amqp=self.amqp,
            check=lambda: check(self.lock),
            sleep=self.sleep,
            clock=self.clock,
            name=fence_name(self.owner, self.token()),
            left=self.left,
        ).delete(key, change.before)

    def _check_targets(self, key: Key) -> None:
        sources = dead_lettering_into(key, self.broker.get)
        if sources:
            raise NotProven(gets_dead_letters(sources))

    def _check_use(self, key: Key, *, publishers: bool) -> None:
        """Raise where statistics tell that somebody used a queue in the last seconds."""
        path = ("queues", *key)
        query = (("msg_rates_age", str(WINDOW_S)), ("msg_rates_incr", str(_STEP_S)))
        before: Any = self.broker.get(Request("GET", path, query=query)) or {}
        # Without a window the counters are ahead of the samples, by up to 5 s.
        now: Any = self.broker.get(Request("GET", path)) or {}
        samples, counters = before.get("message_stats") or {}, now.get("message_stats") or {}
        used = {
            name
            for name in (*_GETS, _PUBLISH)
            if counters.get(name, 0) > _oldest(samples.get(f"{name}_details"))
        }
        when = f"in the last {WINDOW_S} s"
        if used - {_PUBLISH}:
            who = "a client, or the proof of an earlier run,"
            raise NotProven(f"{who} got, or tried to get, from it {when}")
        if used and publishers:
            raise NotProven(f"somebody published to it {when}")


def _oldest(details: Any) -> int:
    samples = (details or {}).get("samples") or ()
    return min((one["sample"] for one in samples), default=0)


def is_still_there(broker: Broker, kind: Kind, row: Row) -> bool | None:
    """
    Tell whether an object is there, with a URL of its own; `None` where the cluster does not say.

    An error in answer to a deletion does not: a write that timed out may have been done.
    """
    path = kind.remove(row, ())[0].path
    try:
        return bool(broker.get(Request("GET", path)))
    except BrokerError:
        return None
