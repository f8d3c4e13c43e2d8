"""Publishers and clients that race the deletion of a queue, and what they were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pika
import pika.exceptions as known

from rmqsync.broker.amqp import Amqp, AmqpConnection
from rmqsync.broker.cluster import ManagementApi
from rmqsync.kinds import KINDS
from rmqsync.model.changes import Action, Change, Loss, Ref
from tests.broker.connect import api, to_broker
from tests.brokers import Broker

VHOST = "race"
GONE = (known.AMQPError, OSError)


@dataclass
class Told:
    """What clients were told; each thread has one of its own."""

    confirmed: set[str] = field(default_factory=set)
    refused: int = 0
    returned: int = 0
    got: set[str] = field(default_factory=set)
    """Fetched by a client, acknowledged or not."""


def connect(broker: Broker) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.URLParameters(broker.amqp_uri(VHOST)))


class Rabble:
    """Threads that are started together and ended together."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.told: list[Told] = []
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()
        self._numbers = iter(range(10**9))

    def publisher(self, exchange: str, key: str, pause_s: float = 0.0, most: int = 10**9) -> None:
        """Publish with confirms, one after the other, until the end."""
        name = f"p{len(self._threads)}"

        def work(told: Told) -> None:
            connection = connect(self.broker)
            channel = connection.channel()
            channel.confirm_delivery()
            for number in range(most):
                if self._ending.is_set():
                    break
                body = f"{name}-{next(self._numbers)}-{number}"
                try:
                    channel.basic_publish(exchange, key, body.encode(), mandatory=True)
                    told.confirmed.add(body)
                except known.NackError:
                    told.refused += 1
                except known.UnroutableError:
                    told.returned += 1
                time.sleep(pause_s)
            connection.close()

        self._start(work)

    def getter(self, queue: str, pause_s: float, *, ack: bool) -> None:
        """Get from a queue until the end; without `ack` the messages go back at the end."""

        def work(told: Told) -> None:
            connection = connect(self.broker)
            channel = connection.channel()
            while not self._ending.is_set():
                try:
                    _, properties, body = channel.basic_get(queue, auto_ack=ack)
                except known.ChannelClosedByBroker:
                    break
                if body is not None and properties.app_id != "rmqsync":
                    told.got.add(body.decode())
                time.sleep(pause_s)
            connection.close()

        self._start(work)

    def _start(self, work) -> None:
        told = Told()
        self.told.append(told)

        def run() -> None:
            # The queue may go while a call is under way; what was told before counts.
            with suppress(*GONE):
                work(told)

        thread = threading.Thread(target=run)
        self._threads.append(thread)
        thread.start()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(20)

    @property
    def confirmed(self) -> set[str]:
        return set().union(*(one.confirmed for one in self.told))

    @property
    def got(self) -> set[str]:
        return set().union(*(one.got for one in self.told))

    @property
    def refused(self) -> int:
        return sum(one.refused for one in self.told)


@contextmanager
def cluster(broker: Broker) -> Iterator[ManagementApi]:
    """The vhost of the race, empty, and the broker as rmqsync sees it."""
    with broker.management() as plain:
        plain.delete("vhosts", VHOST)
        plain.put("vhosts", VHOST, body={})
    with api(to_broker(broker)) as found:
        yield found


def amqp(broker: Broker, found: ManagementApi, **changes) -> Amqp:
    given = {
        "name": "prod",
        "urls": tuple(node.amqp_url for node in broker.nodes),
        "username": broker.username,
        "password": broker.password,
    }
    return Amqp(lambda: AmqpConnection(**(given | changes)), found.get)


def deletion(name: str, kind: str = "quorum", **arguments) -> Change:
    """A deletion that was planned as harmless."""
    queue = KINDS["queue"]
    arguments = {"x-queue-type": kind, **arguments}
    row = queue.complete({"vhost": VHOST, "name": name, "arguments": arguments})
    return Change(Action.DELETE, Ref("queue", (VHOST, name)), row, None, loss=Loss.ROUTING)


def declare(broker: Broker, name: str, kind: str = "quorum", **arguments) -> None:
    body = {"durable": True, "arguments": {"x-queue-type": kind, **arguments}}
    with broker.management() as plain:
        plain.put("queues", VHOST, name, body=body)


def drain(broker: Broker, queue: str) -> list[tuple[str, bool]]:
    """Take all that a queue holds: bodies, and whether each was delivered before.

    But for sentinels that a client had got, and gave back after we looked.
    """
    connection = connect(broker)
    channel = connection.channel()
    found = []
    while True:
        method, properties, body = channel.basic_get(queue, auto_ack=True)
        if method is None:
            break
        if properties.app_id == "rmqsync":
            assert method.redelivered
            continue
        found.append((body.decode(), bool(method.redelivered)))
    connection.close()
    return found


def until_confirmed(channel, queue: str, longest_s: float = 10.0) -> None:
    """Publish on an open channel that asks for confirms until one is given."""
    until = time.monotonic() + longest_s
    while True:
        try:
            channel.basic_publish("", queue, b"again", mandatory=True)
            return
        except known.NackError:
            assert time.monotonic() < until, f"refused for {longest_s:g} s"
            time.sleep(0.1)


def exists(broker: Broker, queue: str) -> bool:
    with broker.management() as plain:
        return queue in {one["name"] for one in plain.get("queues", VHOST)}
