"""What clients and plugins own is held for as well, on real brokers: nothing of it is dropped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pika
import pytest

from tests.brokers import Broker
from tests.cli.workspace import Outcome, Workspace

BUFFER = "federation: x -> down"


@pytest.fixture
def shop(workspace: Workspace, broker: Broker) -> Workspace:
    workspace.cluster("one", broker)
    return workspace


@pytest.fixture
def channel(shop: Workspace, broker: Broker) -> Iterator[Any]:
    """Of a client, in the vhost that the definitions make."""
    define(shop, 100, "x", "dlx")
    assert shop.apply().code == 0
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_uri("shop")))
    found = connection.channel()
    found.confirm_delivery()
    yield found
    connection.close()


def define(shop: Workspace, length: int, *exchanges: str) -> None:
    sharding = {"shards-per-node": 2, "routing-key": "1234"}
    policies = {
        "limits": ("^(mine|sharding|federation)", "queues", {"max-length": length}),
        "shards": ("^x$", "exchanges", sharding),
    }
    shop.define(
        {
            "vhosts": [{"name": "shop"}],
            "exchanges": [
                {
                    "vhost": "shop",
                    "name": name,
                    "type": "x-modulus-hash" if name == "x" else "fanout",
                }
                for name in exchanges
            ],
            "policies": [
                {
                    "vhost": "shop",
                    "name": name,
                    "pattern": pattern,
                    "apply-to": target,
                    "definition": definition,
                }
                for name, (pattern, target, definition) in policies.items()
            ],
        }
    )
    shop.commit()


def fill(channel: Any, queue: str, number: int, exchange: str = "") -> None:
    for one in range(number):
        channel.basic_publish(exchange, queue or f"k{one}", b"x")


def left(channel: Any, queue: str) -> int:
    number: int = channel.queue_declare(queue, passive=True).method.message_count
    return number


def hold(outcome: Outcome) -> tuple[str, str]:
    (change,) = outcome.cluster["changes"]
    return change["hold"]["code"], change["hold"]["reason"]


def test_a_clients_exclusive_queue(shop: Workspace, channel: Any) -> None:
    channel.queue_declare("mine", exclusive=True)
    fill(channel, "mine", 6)
    define(shop, 1, "x", "dlx")

    held = shop.apply()
    kept = left(channel, "mine")
    done = shop.apply("--allow-loss", "messages:policy:shop/limits")

    assert held.code == 3
    assert hold(held) == (
        "loss",
        "max-length 1 would drop 5 messages of queue 'mine' in vhost 'shop'; "
        "allowed loss is access",
    )
    assert [one["kind"] for one in held.cluster["unmanaged"]] == ["vhost"]
    assert (kept, done.code, left(channel, "mine")) == (6, 0, 1)


def test_shards_and_a_buffer_of_federation(shop: Workspace, channel: Any, broker: Broker) -> None:
    with broker.management() as api:
        api.put("queues", "shop", BUFFER, body={"durable": True})
        names = [one["name"] for one in api.get("queues", "shop")]
    fill(channel, "", 20, "x")
    fill(channel, BUFFER, 30)
    define(shop, 1, "x", "dlx")

    held = shop.apply()

    assert (held.code, sum(left(channel, name) for name in names)) == (3, 50)
    assert len(names) == 3
    assert hold(held) == (
        "loss",
        f"max-length 1 would drop 29 messages of queue '{BUFFER}' in vhost 'shop', and 2 more like "
        "it; allowed loss is access",
    )


def test_the_dead_letter_exchange_of_a_clients_queue(shop: Workspace, channel: Any) -> None:
    channel.queue_declare("other", exclusive=True, arguments={"x-dead-letter-exchange": "dlx"})
    fill(channel, "other", 8)
    define(shop, 100, "x")

    held = shop.apply()

    assert held.code == 3
    assert hold(held) == (
        "loss",
        "queue 'other' in vhost 'shop' is in use and would lose its dead-letter exchange; "
        "allowed loss is access",
    )


def test_what_they_do_not_lose_is_not_held(shop: Workspace, channel: Any) -> None:
    channel.queue_declare("mine", exclusive=True)
    fill(channel, "mine", 6)
    define(shop, 6, "x")

    assert shop.apply().code == 0
    assert left(channel, "mine") == 6


def test_what_goes_with_the_connections_of_a_deleted_user(shop: Workspace, broker: Broker) -> None:
    """The loss is that of access: an exclusive queue is its client's own, as its connection is."""
    vhost: dict[str, Any] = {"vhosts": [{"name": "shop"}]}
    rights = dict.fromkeys(("configure", "write", "read"), ".*")
    user = {"name": "crm", "tags": [], "password": {"secret": "crm"}}
    shop.secret("crm", "pw")
    shop.define({**vhost, "users": [{**user, "permissions": [{"vhost": "shop", **rights}]}]})
    shop.commit()
    assert shop.apply().code == 0
    address = broker.amqp_url.replace("amqp://", "amqp://crm:pw@")
    connection = pika.BlockingConnection(pika.URLParameters(f"{address}/shop"))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("mine", exclusive=True)
    channel.basic_publish("", "mine", b"x")
    channel.queue_declare("consumed", durable=True, auto_delete=True)
    channel.basic_consume("consumed", lambda *_: None)
    shop.define(vhost)
    shop.commit()

    planned = shop.plan()
    done = shop.apply()

    (told,) = [one for one in planned.cluster["findings"] if one["code"] == "RMQ115"]
    assert told["message"].startswith("user:crm: deleting a user closes its connections")
    assert [(one["loss"], one["hold"]) for one in planned.cluster["changes"]] == [("access", None)]
    assert done.code == 0, done.out
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker, match="user 'crm' is deleted"):
        connection.sleep(10)
    deadline = time.monotonic() + 10
    with broker.management() as api:
        while api.get("queues", "shop") and time.monotonic() < deadline:
            time.sleep(0.1)
        assert api.get("queues", "shop") == []
