"""
The lock of a cluster: taken after the yes, checked before every write.

Two runs on one cluster must not overlap, wherever they start. The lock lives on the cluster itself
(`broker/amqp_lock.py`), so it needs `amqp` in the settings. A run that waits says who it waits for.

A run that takes several has those it got while it waits for others; what ends it where two runs
wait for each other is the time that each waits. It does not wait for itself: where two names in the
settings lead to one broker, the second has its turn when the first is done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rmqsync.app.plan import CLUSTERS_AT_ONCE, Target
from rmqsync.app.ports import Broker, Lock
from rmqsync.kinds.base import Request
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.errors import BrokerError, Refused
from rmqsync.model.values import JsonValue, Key

POLL_S = 0.5
"""How often a run that waits tries again."""


class LockLost(BrokerError):
    """The lock is not held any more: nothing may be written."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long to wait for other runs, and what tells and ends it."""

    timeout_s: float = 30.0
    tell: Callable[[str], None] = lambda _text: None
    """Takes one line when the waiting begins."""
    stop: threading.Event = field(default_factory=threading.Event)
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


@dataclass(slots=True)
class Locks:
    """The locks of one run, by the name of the cluster."""

    held: dict[str, Lock] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    """Why a cluster must not be written."""
    later: dict[str, str] = field(default_factory=dict)
    """Clusters on a broker whose lock this run holds by another name, and that name."""
    warnings: list[str] = field(default_factory=list)
    """Why a cluster is written without a lock."""

    def release(self) -> None:
        for lock in self.held.values():
            lock.release()


def take_locks(targets: Sequence[Target], waiting: Waiting) -> Locks:
    """Take the lock of each cluster, several at once. Release them in the end."""
    locks = Locks()
    workers = max(1, min(CLUSTERS_AT_ONCE, len(targets)))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        found = list(pool.map(lambda target: _take(target, waiting, locks.held), targets))
    for target, (refusal, warning) in zip(targets, found, strict=True):
        twin = None if refusal is None else _twin(target, locks.held)
        if twin is not None:
            locks.later[target.name] = twin
        elif refusal is not None:
            locks.refused[target.name] = refusal
        if warning is not None:
            locks.warnings.append(warning)
    return locks


def _take(target: Target, waiting: Waiting, held: dict[str, Lock]) -> tuple[str | None, str | None]:
    """Add the lock to `held`; or return why nothing may be done, or is done without a lock."""
    if target.amqp is None:
        if target.lock_required:
            return "lock.required is set, and the lock needs `amqp` in the settings", None
        return None, f"cluster '{target.name}' has no `amqp`: no lock keeps other runs off it"
    try:
        lock = _wait(target, waiting, held)
    except Refused as error:
        return str(error), None
    except BrokerError as error:
        if target.lock_required:
            return f"lock.required is set, and there is no lock: {error}", None
        return None, f"no lock keeps other runs off cluster '{target.name}': {error}"
    if lock is None:
        wait = f"waited {waiting.timeout_s:g} s, see --lock-timeout"
        return f"another run holds the lock: {target.amqp.holder()}; {wait}", None
    held[target.name] = lock
    return None, None


def _wait(target: Target, waiting: Waiting, held: Mapping[str, Lock]) -> Lock | None:
    assert target.amqp is not None
    until = waiting.clock() + waiting.timeout_s
    told = False
    while True:
        lock = target.amqp.lock()
        left_s = until - waiting.clock()
        if lock is not None or left_s <= 0 or waiting.stop.is_set():
            return lock
        if _twin(target, held) is not None:
            return None
        if not told:
            told = True
            waiting.tell(f"{target.name}: waiting for the lock of {target.amqp.holder()}")
        waiting.sleep(min(POLL_S, left_s))


def _twin(target: Target, held: Mapping[str, Lock]) -> str | None:
    """Return the cluster by whose name this run has the lock of `target`, if it has."""
    if target.amqp is None:
        return None
    mine = list(held.items())  # other threads add to it
    return next((name for name, lock in mine if target.amqp.is_held_by(lock)), None)


class WhileHeld:
    """Fits `Broker`: a cluster that is written only while its lock is held."""

    def __init__(self, broker: Broker, lock: Lock) -> None:
        self._broker = broker
        self._lock = lock

    @property
    def name(self) -> str:
        return self._broker.name

    def read(self) -> Live:
        return self._broker.read()

    def export(self, *, again: bool) -> bytes:
        return self._broker.export(again=again)

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return self._broker.queue_facts(queues)

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return self._broker.settled_facts(queues)

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        return self._broker.missing_rights(requests)

    def get(self, request: Request) -> JsonValue:
        return self._broker.get(request)

    def send(self, request: Request) -> None:
        check(self._lock)
        self._broker.send(request)

    def upload(self, document: Mapping[str, Any]) -> None:
        check(self._lock)
        self._broker.upload(document)

    def close(self) -> None:
        self._broker.close()


def check(lock: Lock | None) -> None:
    """Raise `LockLost` where there was a lock and it is not held any more."""
    if lock is not None and not lock.held():
        raise LockLost(f"the lock was lost: {lock.lost}; another run may have begun")
