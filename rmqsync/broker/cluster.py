"""One RabbitMQ cluster behind its management API, as the use cases see it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rmqsync.broker import facts, rights
from rmqsync.broker.client import Client, Pace, Sent
from rmqsync.broker.connection import ClusterConnection
from rmqsync.broker.live import LiveReader
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.registry import Registry
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.values import JsonValue, Key


class ManagementApi:
    """Thread-safe. Opens connections with the first call; `close` drops them."""

    def __init__(
        self,
        connection: ClusterConnection,
        kinds: Registry = KINDS,
        *,
        observe: Callable[[Sent], None] | None = None,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = Client(connection, observe=observe, pace=pace)
        self._reader = LiveReader(self._client, kinds)
        self._reading = threading.Lock()
        self._sleep = sleep

    @property
    def name(self) -> str:
        return self._client.connection.name

    @property
    def requests(self) -> int:
        """How many requests were sent so far, repetitions included."""
        return self._client.requests

    def read(self) -> Live:
        """
        Read everything with at most five requests.

        Rows that did not change since the last reading are the same ones, not to be changed.
        """
        with self._reading:
            return self._reader.read()

    def forget(self) -> None:
        """Give up the rows of the last reading, and with them that the next one is cheap."""
        with self._reading:
            self._reader.forget()

    def export(self, *, again: bool) -> bytes:
        """Return the definitions export, byte for byte; not `again` costs no request."""
        with self._reading:
            return self._reader.export(again=again)

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return facts.queue_facts(self._client, queues)

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        self._sleep(facts.LATE_S)
        return facts.queue_facts(self._client, queues)

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        """
        Return the commands that grant what our user lacks for `requests`, as of the last reading.

        Leave out vhosts that the run itself creates: their creator gets all rights.
        """
        user = self._client.connection.username
        return rights.missing(user, self._reader.rights, requests)

    def get(self, request: Request) -> JsonValue:
        found: JsonValue = self._client.get(request)
        return found

    def send(self, request: Request) -> None:
        self._client.send(request)

    def upload(self, document: Mapping[str, Any]) -> None:
        self._client.upload(document)

    def close(self) -> None:
        self._client.close()
