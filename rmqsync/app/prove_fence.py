"""
Delete a quorum queue behind a fence, so that no publisher is told "stored" in vain.

The fence is a policy of the highest priority on exactly this queue, which takes over what was in
effect and adds `max-length: 0, overflow: reject-publish`. An empty queue takes messages all the
same, so that sentinels are put in; from then on whoever publishes is refused, by whatever route.
Then nothing but the sentinels may be there for a while, which lets arrive what was under way; and
right before the deletion the first of them is fetched: it must be ours, never delivered before,
with just the others behind it. A fetched message does not hold up the fence, hence several.

A deletion that is given up takes sentinels and fence away again, and whoever was refused is let in
(`app/prove_policy.py`). That takes a queue which can be brought under its limit: one of its own, or
of an operator policy, is not ours to raise, so that a queue with a low one is not fenced at all.

What a killed run leaves is found by the policy's name, which holds the owner, and goes at the start
of the owner's next run under the lock, whatever that run is for: else publishers stay out of a
queue that is wanted again. A note in the marker would tell less than the name does: it would have
to be written before each fence, and is lost where the marker is removed, taken over or restored,
while the fence is still there. Every sentinel lies behind a fence: it goes in after it and is taken
out before it. Fences of other owners stay, since their lock may be in another vhost and they may be
in use.

Not covered: publishers without confirms, who are never told; a client that gets *all* sentinels in
the instant between that look and the deletion while another publishes; and where such a limit that
is not low is filled over four fifths while a proof begins, channels that were refused stay so.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rmqsync.app.lock import LockLost
from rmqsync.app.ports import Amqp, Broker, QueueProbe
from rmqsync.app.prove_policy import (
    BYTES,
    EFFECTIVE_S,
    LENGTH,
    LOOK_S,
    OVERFLOW,
    REJECT,
    Standing,
    fence_policy,
    is_above,
    is_in_effect,
    lift,
    look,
    unescaped,
)
from rmqsync.kinds.base import Request
from rmqsync.model.errors import BrokerError
from rmqsync.model.values import Key, Row
from rmqsync.planning.fences import is_fence_of

logger = logging.getLogger(__name__)

SENTINELS = 3
WATCH_S = 0.4
"""For so long nothing else may appear: time for what was under way."""
SHORTEST_TTL_MS = 60_000
"""Sentinels must not expire during a proof."""
LONGEST_S = 30.0
"""A proof that takes longer is given up: half of what sentinels live."""
_MOST_TAKEN = 100
LEAST: Mapping[str, int] = {LENGTH: 1_000, BYTES: 10_000_000}
"""Lower limits may be reached by what comes in before a fence stands."""
_TTL, _LIMIT = "message-ttl", "delivery-limit"
_FOR_QUEUES = ("all", "queues", "quorum_queues")


class NotProven(Exception):
    """The queue was left as it was; `str()` is why, in words for people."""


@dataclass(slots=True)
class Fence:
    """One attempt at one queue."""

    broker: Broker
    amqp: Amqp
    check: Callable[[], None]
    """Raises `LockLost`; asked before each write but those that clean up after us."""
    sleep: Callable[[float], None]
    clock: Callable[[], float]
    name: str
    """Of the policy, as `fence_name` makes it."""
    left: list[Standing]
    """Grows by the fence, where it could not be taken away."""
    make_id: Callable[[], str] = lambda: str(uuid.uuid4())
    """Makes the id of a sentinel."""
    _ids: set[str] = field(default_factory=set)
    """Of the sentinels that are in the queue, or may be."""
    _why_gone: str = ""
    """Why messages may be out of sight."""
    _put_at: float = 0.0
    _taken: list[int] = field(default_factory=list)
    """Sentinels that are fetched and not acknowledged."""

    def delete(self, key: Key, row: Row) -> None:
        """
        Delete the queue, or raise `NotProven` and leave it as it was.

        Any other `BrokerError` but `LockLost` comes of the deletion itself: it may have been done.
        """
        vhost, name = key
        policies: Any = self.broker.get(Request("GET", ("policies", vhost))) or ()
        operators: Any = self.broker.get(Request("GET", ("operator-policies", vhost))) or ()
        current = self._current(key, policies)
        self._why_gone = out_of_sight(row, current)
        problem = obstacle(row, current, _worst(operators))
        if problem:
            raise NotProven(problem)
        body = fence_policy(name, current, policies)
        fence = Standing(vhost, name, self.name, body, current)
        try:
            probe = self.amqp.queue(vhost, name, _expiration_ms(row, current))
        except BrokerError as error:
            raise NotProven(f"it cannot be looked at: {error}") from error
        try:
            self._delete(probe, key, fence)
        finally:
            probe.close()

    def _delete(self, probe: QueueProbe, key: Key, fence: Standing) -> None:
        gone = is_sent = False
        try:
            self.check()
            self.broker.send(Request("PUT", fence.path, dict(fence.body)))
            self._await_policy(key)
            self._prove(probe)
            self.check()
            is_sent = True
            lost = probe.delete() - (len(self._ids) - len(self._taken))
            gone = True
            if lost > 0:
                logger.error("deleted with messages queue=%s messages=%d", key, lost)
        except (NotProven, LockLost):
            raise
        except BrokerError as error:
            if is_sent:
                raise
            raise NotProven(f"the proof broke off: {error}") from error
        finally:
            if not gone and self._ids:
                self._take_back(probe, key)
            self._remove(fence)

    def _remove(self, fence: Standing) -> None:
        """Take the fence away. What it was for is over: that this fails does not undo it."""
        try:
            lift(self.broker, fence, self.sleep, self.clock)
        except BrokerError as error:
            logger.warning("a fence is left policy=%s: %s", fence.name, error)
            self.left.append(fence)

    def _await_policy(self, key: Key) -> None:
        if not is_in_effect(self.broker, key, self.name, self.sleep, self.clock):
            raise NotProven(
                f"the policy that keeps publishers out was not in effect after {EFFECTIVE_S:g}"
                " s; see whether the cluster is healthy, and run again"
            )

    def _prove(self, probe: QueueProbe) -> None:
        found = probe.count()
        if found is None:
            raise NotProven("it is gone by itself")
        if found.ready or found.consumers:
            raise NotProven(self._words(found.ready, found.consumers))
        self.check()
        self._put_at = self.clock()
        # Noted before they are sent: where no answer comes they may be in.
        self._ids.update(ids := [self.make_id() for _ in range(SENTINELS)])
        if not probe.put(ids):
            raise NotProven("a message came in")
        until = self.clock() + EFFECTIVE_S
        while self._try_one(probe):
            if self.clock() > until or len(self._ids) >= 2 * _MOST_TAKEN // 3:
                raise NotProven("it goes on taking messages although a policy forbids it")
            self.sleep(LOOK_S)
        until = self.clock() + WATCH_S
        while self.clock() < until:
            self._check_alone(probe)
            self.sleep(LOOK_S)
        self._check_alone(probe)
        self._check_first(probe)

    def _try_one(self, probe: QueueProbe) -> bool:
        """Publish one more sentinel; tell whether the queue took it."""
        one = self.make_id()
        self._ids.add(one)
        is_in = probe.try_one(one)
        if not is_in:
            self._ids.remove(one)
        return is_in

    def _check_alone(self, probe: QueueProbe) -> None:
        found = probe.count()
        if found is None:
            raise NotProven("it is gone by itself")
        others = found.ready - len(self._ids)
        if not found.ready and not found.consumers:
            raise NotProven(self._why_empty(probe))
        if others or found.consumers:
            raise NotProven(self._words(others, found.consumers))

    def _why_empty(self, probe: QueueProbe) -> str:
        """Say why the sentinels are not there: some queues that are listed have no processes."""
        try:
            message = probe.take()
        except BrokerError as error:
            return (
                "the broker lists it, and it does not work; its creation or deletion was perhaps "
                f"broken off: {error}; see the broker's log"
            )
        if message is not None:
            probe.settle((), (message.tag,))
        return self._why_gone

    def _check_first(self, probe: QueueProbe) -> None:
        """Fetch the first message: one of ours, never delivered, with just the others behind."""
        first = probe.take()
        if first is None:
            raise NotProven(self._why_gone)
        if first.sentinel not in self._ids:
            probe.settle((), (first.tag,))
            raise NotProven("a message came in")
        self._taken.append(first.tag)
        if first.redelivered or first.left != len(self._ids) - 1:
            raise NotProven("somebody used it meanwhile")
        if self.clock() - self._put_at > LONGEST_S:
            raise NotProven(f"the cluster is so slow that the proof took over {LONGEST_S:g} s")

    def _take_back(self, probe: QueueProbe, key: Key) -> None:
        """Remove our sentinels, wherever they lie, and nothing else."""
        try:
            try:
                probe.settle(self._taken, ())
                self._remove_sentinels(probe, len(self._ids) - len(self._taken))
            except BrokerError:  # that connection is gone, and what it had fetched is back
                again = self.amqp.queue(key[0], key[1])
                self.sleep(WATCH_S)  # what it had asked for may still be carried out
                try:
                    self._remove_sentinels(again, len(self._ids))
                finally:
                    again.close()
        except BrokerError as error:
            logger.warning("up to %d sentinels are left queue=%s: %s", len(self._ids), key, error)

    def _remove_sentinels(self, probe: QueueProbe, number: int) -> None:
        if probe.count() is None:
            return
        others: list[int] = []
        mine: list[int] = []
        while len(mine) < number and len(others) < _MOST_TAKEN:
            message = probe.take()
            if message is None:
                break
            (mine if message.sentinel in self._ids else others).append(message.tag)
        probe.settle(mine, others)
        if len(mine) < number:
            logger.warning(
                "sentinels were not found, %s fence=%s messages=%d",
                self._why_gone,
                self.name,
                number - len(mine),
            )

    def _words(self, messages: int, consumers: int) -> str:
        if consumers:
            return "it has a consumer, or a client that holds a message of it"
        return "a message came in" if messages > 0 else self._why_gone

    def _current(self, key: Key, policies: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return the definition of the policy that the cluster says is in effect."""
        name = look(self.broker, key).get("policy")
        found: Any = next((one["definition"] for one in policies if one["name"] == name), {})
        return dict(found)


def _worst(operators: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """
    Return what the operator policies of a vhost say that are for queues, of equal keys the worst.

    Whatever their patterns: which one is in effect is not told by brokers before 4.2.5.
    """
    found: dict[str, Any] = {}
    for one in operators:
        if one["apply-to"] in _FOR_QUEUES:
            for key, value in one["definition"].items():
                known = found.get(key, value)
                if isinstance(value, int):
                    found[key] = min(value, known)
                else:
                    found[key] = known if value == REJECT else value
    return found


def obstacle(row: Row, current: Mapping[str, Any], operator: Mapping[str, Any]) -> str | None:
    """Return what keeps a queue from being fenced without changing what happens to messages."""
    arguments = row["arguments"]
    if operator.get(OVERFLOW, REJECT) != REJECT:
        return (
            f"an operator policy in its vhost sets {OVERFLOW} to '{operator[OVERFLOW]}', so that "
            "publishers cannot be kept out"
        )
    ttls = [arguments.get(f"x-{_TTL}"), current.get(_TTL), operator.get(_TTL)]
    ttl = min((one for one in ttls if isinstance(one, int)), default=SHORTEST_TTL_MS)
    if ttl < SHORTEST_TTL_MS:
        return f"its messages expire after {ttl} ms, sooner than it can be proven empty"
    limits = [arguments.get(f"x-{_LIMIT}"), current.get(_LIMIT), operator.get(_LIMIT)]
    if 0 in limits:
        return f"its {_LIMIT} is 0: a message that is looked at would be lost"
    overflow = current.get(OVERFLOW, arguments.get(f"x-{OVERFLOW}"))
    if _is_at_least_once(row, current) and overflow != REJECT:
        return (
            f"it dead-letters at-least-once without {OVERFLOW}: {REJECT}, which turns on and off "
            "with a policy that keeps publishers out; set both or neither"
        )
    return None if overflow == REJECT else _low_limit(arguments, operator)


def out_of_sight(row: Row, current: Mapping[str, Any]) -> str:
    """
    Say why what was put into a queue may not be seen there.

    Where messages of it waited to be dead-lettered at-least-once, sentinels were not found on 4.0.5
    though no client took any.
    """
    client = "a client took from it"
    if not _is_at_least_once(row, current):
        return client
    return f"{client}, or messages of it wait to be dead-lettered at-least-once"


def _is_at_least_once(row: Row, current: Mapping[str, Any]) -> bool:
    strategy = row["arguments"].get("x-dead-letter-strategy", current.get("dead-letter-strategy"))
    return bool(strategy == "at-least-once")


def _low_limit(arguments: Mapping[str, Any], operator: Mapping[str, Any]) -> str | None:
    for name, least in LEAST.items():
        found = [arguments.get(f"x-{name}"), operator.get(name)]
        limit = min((one for one in found if isinstance(one, int)), default=least)
        if limit < least:
            return (
                f"its {name} is {limit}, or may be by an operator policy in its vhost: where that "
                "is reached meanwhile, publishers that were kept out could not be let in again"
            )
    return None


def _expiration_ms(row: Row, current: Mapping[str, Any]) -> int | None:
    """Return after what time sentinels may vanish; `None` where they would be dead-lettered."""
    is_dead_lettering = "x-dead-letter-exchange" in row["arguments"]
    is_dead_lettering = is_dead_lettering or "dead-letter-exchange" in current
    return None if is_dead_lettering else SHORTEST_TTL_MS


def remove_left_fences(broker: Broker, amqp: Amqp, owner: str) -> tuple[str, ...]:
    """
    Remove the fences and sentinels of an owner's run that was killed; return its queues, in words.

    Only for whoever holds the lock: without it they may be in use. Raises as `Broker.send` does.
    """
    policies: Any = broker.get(Request("GET", ("policies",))) or ()
    found = []
    for policy in sorted(policies, key=lambda one: is_above(one["name"])):
        if not is_fence_of(owner, policy["name"]):
            continue
        vhost, queue = policy["vhost"], unescaped(policy["pattern"])
        fence = Standing(vhost, queue, policy["name"], policy)
        if is_above(fence.name):  # last: what it is above is gone, with it mostly
            broker.send(Request("DELETE", fence.path))
            continue
        if look(broker, (vhost, queue)).get("type") == "quorum":  # it may be another one by now
            _remove_sentinels(amqp, vhost, queue)
        lift(broker, fence)
        found.append(f"queue '{queue}' in vhost '{vhost}'")
        logger.warning("removed what a killed run left queue=%s policy=%s", queue, policy["name"])
    return tuple(found)


def _remove_sentinels(amqp: Amqp, vhost: str, queue: str) -> None:
    """Take our sentinels from the front of a queue: nothing was before them."""
    probe = amqp.queue(vhost, queue)
    try:
        mine: list[int] = []
        others: list[int] = []
        while not others and (message := probe.take()) is not None:
            (others if message.sentinel is None else mine).append(message.tag)
        probe.settle(mine, others)
    finally:
        probe.close()
