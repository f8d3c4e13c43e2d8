"""
The lock of a cluster: an exclusive queue, which goes when the connection that made it goes.

A thread of its own serves the connection's heartbeats, so that a long request or a busy processor
does not cost the lock; it also consumes from the queue, since the broker tells consumers, and
nobody else, when somebody deletes it.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from rmqsync.kinds.base import Request
from rmqsync.model.errors import AccessDenied, BrokerError, Unreachable
from rmqsync.model.values import JsonValue

if TYPE_CHECKING:
    import pika
    from pika.adapters.blocking_connection import BlockingChannel

logger = logging.getLogger(__name__)

LOCK_QUEUE = "rmqsync.lock"
_TURN_S = 0.2
"""How long the thread waits for the broker at a time."""
_TOKEN = "rmqsync-lock"
"""Argument of the queue, which brokers ignore: tells this lock from all others at once."""
_LOCKED = 405
_REFUSED = 403


class QueueLock:
    """A lock that is held until `release`, or until its connection breaks."""

    def __init__(
        self,
        cluster: str,
        connection: pika.BlockingConnection,
        channel: BlockingChannel,
        heartbeat_s: float,
        token: str,
    ) -> None:
        self.token = token
        self._cluster = cluster
        self._connection = connection
        self._silence_s = 2 * heartbeat_s
        self._ending = threading.Event()
        self._lost: str | None = None
        self._turned = time.monotonic()
        channel.add_on_cancel_callback(lambda _frame: self._lose("its queue was deleted"))
        channel.basic_consume(LOCK_QUEUE, lambda *_: None, auto_ack=True)
        self._thread = threading.Thread(target=self._serve, name="rmqsync-lock", daemon=True)
        self._thread.start()

    @classmethod
    def take(
        cls, cluster: str, vhost: str, connection: pika.BlockingConnection, heartbeat_s: float
    ) -> Self | None:
        """Declare the queue; `None`, and the connection closed, where another one has it."""
        import pika.exceptions as known

        try:
            channel = connection.channel()
            token = str(uuid.uuid4())
            mark = {_TOKEN: token}
            channel.queue_declare(LOCK_QUEUE, exclusive=True, durable=False, arguments=mark)
            return cls(cluster, connection, channel, heartbeat_s, token)
        except known.ChannelClosedByBroker as error:
            _close(connection)
            if error.reply_code == _LOCKED:
                return None
            text = f"{cluster}: the lock '{LOCK_QUEUE}' in vhost '{vhost}': {error.reply_text}"
            raise (
                AccessDenied(text) if error.reply_code == _REFUSED else BrokerError(text)
            ) from error
        except (known.AMQPError, OSError) as error:
            _close(connection)
            raise Unreachable(f"{cluster}: the connection for the lock broke: {error!r}") from error

    def held(self) -> bool:
        """Tell whether the lock is ours now, as far as can be known."""
        quiet_s = time.monotonic() - self._turned
        return self._lost is None and self._thread.is_alive() and quiet_s < self._silence_s

    @property
    def lost(self) -> str | None:
        """Why it is not held any more."""
        if self._lost is None and not self.held():
            return "the thread that serves its connection does not run"
        return self._lost

    def release(self) -> None:
        """Give the lock up; the queue is gone when this returns, unless the broker is."""
        self._ending.set()
        self._thread.join(timeout=self._silence_s)

    def _lose(self, reason: str) -> None:
        if self._lost is None and not self._ending.is_set():
            self._lost = reason
            logger.warning("lock lost cluster=%s reason=%s", self._cluster, reason)

    def _serve(self) -> None:
        import pika.exceptions as known

        try:
            while not self._ending.is_set():
                self._connection.process_data_events(time_limit=_TURN_S)
                self._turned = time.monotonic()
        except (known.AMQPError, OSError) as error:
            self._lose(f"its connection broke: {str(error) or type(error).__name__}")
        finally:
            _close(self._connection)


def holder(ask: Callable[[Request], JsonValue], vhost: str) -> str:
    """Return who holds the lock in `vhost`: the name that its connection gave itself, and where."""
    try:
        queue: Any = ask(Request("GET", ("queues", vhost, LOCK_QUEUE)))
        owner = (queue or {}).get("owner_pid_details") or {}
        if not owner.get("name"):  # statistics know a connection some seconds after it began
            return "a connection that the cluster cannot name yet"
        found: Any = ask(Request("GET", ("connections", owner["name"]))) or {}
    except BrokerError:
        return "a connection that the cluster did not name"
    properties = found.get("client_properties") or {}
    title = properties.get("connection_name") or owner["name"]
    return f"{title} (from {owner.get('peer_host', '?')}, user '{found.get('user', '?')}')"


def in_the_way(ask: Callable[[Request], JsonValue], vhost: str) -> str | None:
    """
    Return why there can be no lock in `vhost`; `None` where there can, or nobody knows.

    A queue of that name which is no lock is refused with the same 405 as one that is: brokers look
    at its owner first, and it has none (rabbit_amqqueue.erl `check_exclusive_access`). Seen on
    3.10.8, 4.0.5 and 4.3.6, with every type of queue.
    """
    try:
        queue: Any = ask(Request("GET", ("queues", vhost, LOCK_QUEUE)))
    except BrokerError:
        return None
    if (queue or {}).get("exclusive") is not False:
        return None
    return (
        f"queue '{LOCK_QUEUE}' in vhost '{vhost}' is in the way of the lock: it is not exclusive, "
        "so that no run of rmqsync made it; delete it, or set `lock.vhost` to another vhost"
    )


def is_held_by(ask: Callable[[Request], JsonValue], vhost: str, token: str) -> bool:
    """Tell whether the lock in `vhost` has that token; not where the cluster does not answer."""
    try:
        queue: Any = ask(Request("GET", ("queues", vhost, LOCK_QUEUE)))
    except BrokerError:
        return False
    return ((queue or {}).get("arguments") or {}).get(_TOKEN) == token


def _close(connection: pika.BlockingConnection) -> None:
    import pika.exceptions as known

    try:
        if connection.is_open:
            connection.close()
    except (known.AMQPError, OSError) as error:
        logger.debug("closing a connection failed: %r", error)
