"""
Quorum queues of a cluster in memory over AMQP, as far as a proof looks at them.

A call can be carried out and its answer be lost: real brokers do not break where a test wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rmqsync.kinds.base import Request
from rmqsync.kinds.policy import FENCE
from rmqsync.model.changes import Ref
from rmqsync.model.errors import Unreachable
from rmqsync.model.values import JsonValue, Key
from tests.fakes.cluster import MemoryCluster


class Count(NamedTuple):
    ready: int
    consumers: int = 0


class Taken(NamedTuple):
    sentinel: str | None
    redelivered: bool
    left: int
    tag: int


class Held:
    """A lock that is never lost."""

    lost = None

    def held(self) -> bool:
        return True

    def release(self) -> None: ...


class FencedCluster(MemoryCluster):
    """A cluster that also tells what is asked about fences: one on a vhost is on all its queues."""

    def get(self, request: Request) -> JsonValue:
        policies = [row for ref, row in self.state.items() if ref.kind == "policy"]
        match request.path:
            case ("policies",):
                return policies
            case ("operator-policies", _):
                return []
            case ("queues", vhost) if ("page", "1") in request.query:
                fence = next((one["name"] for one in policies if one["name"].startswith(FENCE)), "")
                found: list[Any] = [
                    {"name": ref.key[1], "type": "quorum", "policy": fence}
                    for ref in self.state
                    if ref.kind == "queue" and ref.key[0] == vhost
                ]
                return {"items": found}
        return super().get(request)


@dataclass
class MemoryAmqp:
    """Fits `Amqp`. `lost` is the method whose first answer is lost, after it was carried out."""

    cluster: MemoryCluster
    lost: str | None = None
    messages: dict[Key, list[str]] = field(default_factory=dict)

    def queue(self, vhost: str, name: str, expiration_ms: int | None = None) -> _Probe:
        del expiration_ms
        return _Probe(self, (vhost, name))

    def lock(self) -> Held:
        return Held()

    def holder(self) -> str:
        return "nobody"

    def is_held_by(self, lock: Held) -> bool:
        del lock
        return False

    def answer(self, method: str) -> None:
        if method == self.lost:
            self.lost = None
            raise Unreachable(f"one: the AMQP connection broke in {method}")


class _Probe:
    """Fits `QueueProbe`. A fenced queue takes one more sentinel only where nobody hears of it."""

    def __init__(self, amqp: MemoryAmqp, key: Key) -> None:
        self._amqp, self._key = amqp, key
        self._taken: list[str] = []

    @property
    def _ready(self) -> list[str]:
        return self._amqp.messages.setdefault(self._key, [])

    def count(self) -> Count | None:
        is_there = Ref("queue", self._key) in self._amqp.cluster.state
        return Count(len(self._ready)) if is_there else None

    def put(self, ids: Sequence[str]) -> bool:
        self._ready.extend(ids)
        self._amqp.answer("put")
        return True

    def try_one(self, one: str) -> bool:
        if self._amqp.lost == "try_one":
            self._ready.append(one)
        self._amqp.answer("try_one")
        return False

    def take(self) -> Taken | None:
        if not self._ready:
            return None
        self._taken.append(self._ready.pop(0))
        return Taken(self._taken[-1], False, len(self._ready), len(self._taken) - 1)

    def settle(self, remove: Sequence[int], give_back: Sequence[int]) -> None:
        self._ready[:0] = [self._taken[tag] for tag in give_back]

    def delete(self) -> int:
        self._amqp.cluster.send(Request("DELETE", ("queues", *self._key)))
        number = len(self._amqp.messages.pop(self._key, ()))
        self._amqp.answer("delete")
        return number

    def close(self) -> None: ...
