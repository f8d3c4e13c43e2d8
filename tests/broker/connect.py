"""Connections to fake and to real brokers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rmqsync.broker.client import Client, Pace
from rmqsync.broker.cluster import ManagementApi
from rmqsync.broker.connection import ClusterConnection, TlsFiles
from tests.brokers import Broker
from tests.fakes.management import PASSWORD, USERNAME, FakeBroker

DEAD = "http://127.0.0.1:1"
"""An endpoint that refuses connections."""


class Naps:
    """Time that passes only by sleeping, and a record of it."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.taken.append(seconds)

    @property
    def pace(self) -> Pace:
        return Pace(sleep=self.sleep, clock=lambda: sum(self.taken), chance=lambda: 0.5)


def to_fake(*fakes: FakeBroker, **changes: Any) -> ClusterConnection:
    """The connection to a cluster of which these are the endpoints."""
    given: dict[str, Any] = {
        "name": "prod",
        "endpoints": tuple(fake.url for fake in fakes),
        "username": USERNAME,
        "password": PASSWORD,
        "timeout_s": 10.0,
    }
    return ClusterConnection(**(given | changes))


def to_broker(broker: Broker, **changes: Any) -> ClusterConnection:
    """The connection to a real broker."""
    given: dict[str, Any] = {
        "name": "prod",
        "endpoints": tuple(node.management_url for node in broker.nodes),
        "username": broker.username,
        "password": broker.password,
    }
    return ClusterConnection(**(given | changes))


def over_tls(broker: Broker, **changes: Any) -> ClusterConnection:
    """The same over TLS, with authority and client certificate unless `changes` say otherwise."""
    files = {"ca": str(broker.tls.ca), "cert": str(broker.tls.cert), "key": str(broker.tls.key)}
    tls = TlsFiles(**(files | changes.pop("tls", {})))
    return to_broker(broker, endpoints=(broker.tls.management_url,), tls=tls, **changes)


@contextmanager
def client(connection: ClusterConnection, naps: Naps | None = None) -> Iterator[Client]:
    """A client that is closed in the end and does not really sleep."""
    found = Client(connection, pace=(naps or Naps()).pace)
    try:
        yield found
    finally:
        found.close()


@contextmanager
def api(connection: ClusterConnection) -> Iterator[ManagementApi]:
    """The whole adapter; closed in the end."""
    found = ManagementApi(connection)
    try:
        yield found
    finally:
        found.close()
