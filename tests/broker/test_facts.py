"""What queues hold, as real brokers of every generation tell it, and how soon."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest

from rmqsync.broker.cluster import ManagementApi
from rmqsync.broker.facts import queue_facts
from rmqsync.kinds.base import Request
from rmqsync.model.definitions import QueueFacts
from rmqsync.model.values import Key
from tests.broker.connect import api, client, to_broker, to_fake
from tests.brokers import Broker
from tests.fakes.faults import Reply
from tests.fakes.management import FakeBroker

TYPES = ("classic", "quorum", "stream")
_PATIENCE_S = 60.0


@pytest.fixture
def amqp(broker: Broker) -> Iterator[Any]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_uri()))
    yield connection
    connection.close()


@pytest.fixture
def found(broker: Broker) -> Iterator[ManagementApi]:
    with api(to_broker(broker)) as one:
        for kind in TYPES:
            arguments = {"x-queue-type": kind}
            body: dict[str, Any] = {"durable": True, "auto_delete": False, "arguments": arguments}
            one.send(Request("PUT", ("queues", "/", kind), body))
        yield one


def keys(*names: str) -> list[Key]:
    return [("/", name) for name in names]


def publish(amqp: Any, count: int, *queues: str) -> Any:
    channel = amqp.channel()
    channel.confirm_delivery()
    for queue in queues:
        for _ in range(count):
            channel.basic_publish("", queue, b"x")
    return channel


def eventually(
    ask: Callable[[], dict[Key, QueueFacts]], wanted: dict[Key, QueueFacts]
) -> dict[Key, QueueFacts]:
    """The answer once it is `wanted`, else the last one."""
    end = time.monotonic() + _PATIENCE_S
    while (answer := ask()) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return answer


def test_empty_and_unused(found: ManagementApi) -> None:
    facts = found.queue_facts([*keys("classic", "quorum", "stream", "gone"), ("nowhere", "q")])

    nothing = QueueFacts(messages=0, unacknowledged=0, consumers=0)
    assert facts == {
        ("/", "classic"): nothing,
        ("/", "quorum"): nothing,
        ("/", "stream"): QueueFacts(messages=None, unacknowledged=None, consumers=0),
    }


def test_a_classic_queue_is_counted_at_once(found: ManagementApi, amqp: Any) -> None:
    channel = publish(amqp, 5, "classic")
    channel.basic_get("classic")

    assert found.queue_facts(keys("classic")) == {
        ("/", "classic"): QueueFacts(messages=5, unacknowledged=1, consumers=0)
    }


def test_a_quorum_queue_is_counted_as_it_was_when_asked(found: ManagementApi, amqp: Any) -> None:
    channel = publish(amqp, 5, "quorum")
    channel.basic_get("quorum")

    assert found.settled_facts(keys("quorum")) == {
        ("/", "quorum"): QueueFacts(messages=5, unacknowledged=1, consumers=0)
    }


def test_all_types_with_consumers_are_counted_in_the_end(found: ManagementApi, amqp: Any) -> None:
    channel = publish(amqp, 5, *TYPES)
    channel.basic_qos(prefetch_count=2)
    for queue in TYPES:
        channel.basic_consume(queue, lambda *_: None)
    wanted: dict[Key, QueueFacts] = {
        ("/", "classic"): QueueFacts(messages=5, unacknowledged=2, consumers=1),
        ("/", "quorum"): QueueFacts(messages=5, unacknowledged=2, consumers=1),
        ("/", "stream"): QueueFacts(messages=5, unacknowledged=None, consumers=1),
    }

    def ask() -> dict[Key, QueueFacts]:
        amqp.process_data_events(0)
        return dict(found.queue_facts(keys(*TYPES)))

    assert eventually(ask, wanted) == wanted


def test_two_requests_a_vhost_whatever_the_number_of_queues(found: ManagementApi) -> None:
    before = found.requests

    found.queue_facts(keys("classic", "quorum"))

    assert found.requests - before == 2


def test_no_queues_no_requests() -> None:
    with FakeBroker() as fake, client(to_fake(fake)) as one:
        assert queue_facts(one, []) == {}
        assert fake.seen == []


def test_consumers_are_unknown_where_statistics_are_off() -> None:
    words = "Stats in management UI are disabled on this node"
    with FakeBroker() as fake, api(to_fake(fake)) as one:
        fake.definitions["queues"].append({"vhost": "/", "name": "q"})
        fake.fail(Reply.of({"error": "bad_request", "reason": words}, 400), path="consumers/")

        facts = one.queue_facts(keys("q"))

    assert facts == {("/", "q"): QueueFacts(messages=0, unacknowledged=0, consumers=None)}


def test_a_queue_whose_node_is_down_is_unknown() -> None:
    with FakeBroker() as fake, api(to_fake(fake)) as one:
        fake.queues["/"] = [{"name": "q", "state": "down"}]

        assert one.queue_facts(keys("q")) == {("/", "q"): QueueFacts(None, None, 0)}


@pytest.mark.parametrize(("late", "told"), [(0, None), (7, 7)])
def test_a_stream_is_never_said_to_be_empty(late: int, told: int | None) -> None:
    """Statistics of a stream that was written to this second still say 0."""
    with FakeBroker() as fake, api(to_fake(fake)) as one:
        fake.queues["/"] = [{"name": "s", "totals": None}]
        fake.fail(Reply.of([{"name": "s", "messages": late}]), path="queues/", skip=1)

        assert one.queue_facts(keys("s")) == {("/", "s"): QueueFacts(told, None, 0)}
