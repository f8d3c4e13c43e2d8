"""
An exact look at one queue, and the sentinels that prove it unused. Seen on 3.10.8, 4.0.5, 4.3.6:

- A passive declare of a quorum queue counts its ready messages as they are; as consumers it also
  counts clients that hold messages they got with `basic.get` and did not acknowledge.
- An AMQP transaction puts several messages into an empty fenced queue at once: a quorum queue that
  is over its limit tells the channels that publish, and these refuse from then on; what is under
  way still gets in (rabbit_fifo.erl `evaluate_limit`, rabbit_fifo_client.erl `enqueue`).
- With several sentinels the first can be fetched and looked at while the others keep the fence up.
- `basic.get-ok` says how many ready messages are left, by the same command that fetched one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rmqsync.model.errors import BrokerError, Unreachable

if TYPE_CHECKING:
    import pika
    from pika.adapters.blocking_connection import BlockingChannel

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

APP = "rmqsync"
SENTINEL = "rmqsync.sentinel"
_BODY = b"rmqsync put this here to prove that nobody uses this queue. Please ignore it."
_NOT_FOUND = 404
_NOT_ALL = 406
"""To a commit: partial tx completion."""


class Count(NamedTuple):
    ready: int
    consumers: int
    """Clients that consume, and those that hold messages they got."""


class Taken(NamedTuple):
    """A message that was fetched, not acknowledged yet."""

    sentinel: str | None
    """The id that it was put in with; `None` for anybody else's message."""
    redelivered: bool
    left: int
    """Ready messages that remain."""
    tag: int


class QueueProbe:
    """One queue over a connection of its own. Close it in the end."""

    def __init__(
        self,
        cluster: str,
        connection: pika.BlockingConnection,
        vhost: str,
        name: str,
        expiration_ms: int | None,
    ) -> None:
        """`expiration_ms` is after when a sentinel vanishes that cannot be taken back."""
        self._cluster = cluster
        self._connection = connection
        self._title = f"queue '{name}' in vhost '{vhost}'"
        self._name = name
        self._expiration = None if expiration_ms is None else str(expiration_ms)
        self._reading: BlockingChannel | None = None
        self._trying: BlockingChannel | None = None

    def count(self) -> Count | None:
        """Return what is in the queue now; `None` where there is no such queue."""
        import pika.exceptions as known

        channel = self._channel()
        try:
            found = self._run(lambda: channel.queue_declare(self._name, passive=True).method)
        except BrokerError as error:
            cause = error.__cause__
            if isinstance(cause, known.ChannelClosedByBroker) and cause.reply_code == _NOT_FOUND:
                return None
            raise
        return Count(found.message_count, found.consumer_count)

    def put(self, ids: Sequence[str]) -> bool:
        """
        Put sentinels into the queue, all at once; tell whether all are in.

        Where not all are in, some may be. So it is on an error: the broker may do what it was asked
        to before the connection broke.
        """
        import pika.exceptions as known

        channel = self._run(self._connection.channel)
        self._run(channel.tx_select)

        def publish() -> None:
            for one in ids:
                channel.basic_publish("", self._name, _BODY, self._properties(one))
            channel.tx_commit()

        try:
            self._run(publish)
        except BrokerError as error:
            cause = error.__cause__
            if isinstance(cause, known.ChannelClosedByBroker) and cause.reply_code == _NOT_ALL:
                return False
            raise
        self._run(channel.close)
        return True

    def try_one(self, one: str) -> bool:
        """Publish one more sentinel; tell whether it got in. On an error it may have."""
        import pika.exceptions as known

        if self._trying is None:
            self._trying = self._run(self._connection.channel)
            self._run(self._trying.confirm_delivery)
        channel = self._trying

        def publish() -> bool:
            try:
                channel.basic_publish("", self._name, _BODY, self._properties(one), mandatory=True)
            except known.NackError:
                return False
            except known.UnroutableError as error:
                raise BrokerError(f"{self._title} is gone") from error
            return True

        return self._run(publish)

    def take(self) -> Taken | None:
        """Fetch the first message, without acknowledging it; `None` where there is none."""
        channel = self._channel()
        method, properties, _ = self._run(lambda: channel.basic_get(self._name))
        if method is None:
            return None
        ours = properties.app_id == APP and properties.type == SENTINEL
        return Taken(
            properties.message_id if ours else None,
            bool(method.redelivered),
            method.message_count,
            method.delivery_tag,
        )

    def settle(self, remove: Sequence[int], give_back: Sequence[int]) -> None:
        """Acknowledge some of what was taken, and put the rest back where it was."""
        channel = self._channel()

        def send() -> None:
            for tag in remove:
                channel.basic_ack(tag)
            for tag in give_back:
                channel.basic_nack(tag, requeue=True)
            # Something that answers: then the broker has had all that went before.
            channel.basic_qos(prefetch_count=1)

        self._run(send)

    def delete(self) -> int:
        """Delete the queue, whatever it holds; return how many ready messages went with it."""
        channel = self._channel()
        deleted = self._run(lambda: channel.queue_delete(self._name))
        return int(deleted.method.message_count)

    def close(self) -> None:
        import pika.exceptions as known

        try:
            if self._connection.is_open:
                self._connection.close()
        except (known.AMQPError, OSError) as error:
            logger.debug("closing a connection failed: %r", error)

    def _channel(self) -> BlockingChannel:
        if self._reading is None or not self._reading.is_open:
            self._reading = self._run(self._connection.channel)
        return self._reading

    def _run(self, work: Callable[[], _T]) -> _T:
        """Carry out `work`; what goes wrong is raised as an error of ours."""
        import pika.exceptions as known

        try:
            return work()
        except known.ChannelClosedByBroker as error:
            raise BrokerError(f"{self._cluster}: {self._title}: {error.reply_text}") from error
        except (known.AMQPError, OSError) as error:
            text = str(error) or type(error).__name__
            raise Unreachable(f"{self._cluster}: the AMQP connection broke: {text}") from error

    def _properties(self, one: str) -> Any:
        import pika

        return pika.BasicProperties(
            app_id=APP,
            type=SENTINEL,
            message_id=one,
            delivery_mode=2,
            expiration=self._expiration,
        )
