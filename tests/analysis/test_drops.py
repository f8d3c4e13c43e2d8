"""What is said of a change of policy is what becomes of ten messages in real brokers."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pika
import pika.exceptions
import pytest

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.policy_losses import Threat, lost, threats
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import QueueFacts, Rows
from rmqsync.model.values import Row
from tests.analysis.test_policies import policy
from tests.brokers import Broker
from tests.kinds.cluster import Cluster
from tests.planning.builders import queue, rows

V = "drops"
_PATIENCE_S = 30.0
_SETTLED_S = 3.0
_GONE = -1

C, Q = {"x-queue-type": "classic"}, {"x-queue-type": "quorum"}
FIVE, TWENTY = {"max-length": 5}, {"max-length": 20}
REJECT, REJECT_DLX = {"overflow": "reject-publish"}, {"overflow": "reject-publish-dlx"}
DROP = {"overflow": "drop-head"}
TTL, LONG = {"message-ttl": 1}, {"message-ttl": 600_000}


class Case(NamedTuple):
    arguments: Row
    before: Row | None
    after: Row | None
    left: int
    """Of ten messages; `_GONE`: the queue is gone as well."""


CASES = {
    "classic length": Case(C, None, FIVE, 5),
    "quorum length": Case(Q, None, FIVE, 5),
    "classic length is raised": Case(C, TWENTY, {"max-length": 30}, 10),
    "classic length is enough": Case(C, None, {"max-length": 10}, 10),
    "classic sets the length first": Case(C, None, FIVE | REJECT, 5),
    "quorum sets the overflow first": Case(Q, None, FIVE | REJECT, 10),
    "quorum knows no other reject": Case(Q, None, FIVE | REJECT_DLX, 5),
    "classic argument rejects": Case(C | {"x-overflow": "reject-publish"}, None, FIVE, 10),
    "classic argument rejects dlx": Case(C | {"x-overflow": "reject-publish-dlx"}, None, FIVE, 10),
    "quorum argument rejects": Case(Q | {"x-overflow": "reject-publish"}, None, FIVE, 10),
    "classic argument wins": Case(C | {"x-overflow": "reject-publish"}, None, FIVE | DROP, 10),
    "quorum policy wins": Case(Q | {"x-overflow": "reject-publish"}, None, FIVE | DROP, 5),
    "classic rejected before": Case(C, TWENTY | REJECT, FIVE | REJECT, 10),
    "quorum rejected before": Case(Q, TWENTY | REJECT, FIVE | REJECT, 10),
    "classic rejects no more": Case(C, TWENTY | REJECT, FIVE, 5),
    "quorum rejects no more": Case(Q, TWENTY | REJECT, FIVE, 5),
    "classic argument is higher": Case(C | {"x-max-length": 20}, None, FIVE, 5),
    "quorum argument is higher": Case(Q | {"x-max-length": 12}, None, {"max-length": 7}, 7),
    "classic argument is lower": Case(C | {"x-max-length": 12}, TWENTY, {"max-length": 15}, 10),
    "classic bytes": Case(C, None, {"max-length-bytes": 50}, 5),
    "quorum bytes": Case(Q, None, {"max-length-bytes": 50}, 5),
    "classic ttl": Case(C, None, TTL, 10),
    "quorum ttl": Case(Q, None, TTL, 10),
    "classic ttl is lowered": Case(C, LONG, TTL, 10),
    "quorum ttl is lowered": Case(Q, LONG, TTL, 10),
    "classic ttl of nothing": Case(C, None, {"message-ttl": 0}, 10),
    "classic expires": Case(C, None, {"expires": 100}, _GONE),
    "quorum expires": Case(Q, None, {"expires": 100}, _GONE),
    "classic expires some day": Case(C, {"expires": 600_000}, {"expires": 900_000}, 10),
}
NAMES = {f"q{number}.": name for number, name in enumerate(CASES)}
"""By the name of the queue, of which none begins like another."""


@pytest.fixture
def cluster(broker: Broker) -> Iterator[Cluster]:
    with Cluster(broker) as cluster:
        yield cluster


def _policies(side: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for queue_name, name in NAMES.items():
        definition = getattr(CASES[name], side)
        if definition is not None:
            pattern = f"^{queue_name[:-1]}\\."
            found.append(policy(queue_name, definition, vhost=V, pattern=pattern))
    return found


def _put(broker: Broker, found: Rows) -> None:
    with broker.management() as api:
        for (_, name), row in found.get("policy", {}).items():
            body = {key: row[key] for key in ("pattern", "apply-to", "definition", "priority")}
            api.put("policies", V, name, body=body)


def _publish(channel: Any, names: list[str]) -> None:
    channel.confirm_delivery()
    for name in names:
        for _ in range(10):
            channel.basic_publish("", name, b"0123456789")


def _left(broker: Broker, connection: Any) -> dict[str, int]:
    """
    How many messages each queue holds once that has not changed for a while.

    To ask a queue is to use it: those that are to expire are looked for in a listing.
    """
    expiring = {name for name in NAMES if CASES[NAMES[name]].left == _GONE}
    end = time.monotonic() + _PATIENCE_S
    since, last = time.monotonic(), {}
    while time.monotonic() < min(end, since + _SETTLED_S):
        connection.process_data_events(0.3)
        found = {name: _count(connection, name) for name in NAMES.keys() - expiring}
        if found != last:
            since, last = time.monotonic(), found
    with broker.management() as api:
        while (there := expiring & {one["name"] for one in api.get("queues", V)}) and (
            time.monotonic() < end
        ):
            time.sleep(0.3)
    return last | {name: 10 if name in there else _GONE for name in expiring}


def _count(connection: Any, name: str) -> int:
    channel = connection.channel()
    try:
        return int(channel.queue_declare(name, passive=True).method.message_count)
    except pika.exceptions.ChannelClosedByBroker:
        return _GONE
    finally:
        if channel.is_open:
            channel.close()


def _threats(live: Rows, after: Rows, cluster: Cluster) -> dict[str, list[Threat]]:
    changes = []
    for key, row in after["policy"].items():
        old = live["policy"].get(key)
        action = Action.CREATE if old is None else Action.UPDATE
        changes.append(Change(action, Ref("policy", key), old, row))
    found: dict[str, list[Threat]] = {name: [] for name in NAMES}
    for threat in threats(changes, live, cluster.context):
        found[threat.ref.key[1]].append(threat)
    return found


def test_a_change_costs_what_is_said_and_nothing_else(broker: Broker, cluster: Cluster) -> None:
    queues = [queue(name, V, arguments=CASES[NAMES[name]].arguments) for name in NAMES]
    live, after = rows(*queues, *_policies("before")), rows(*_policies("after"))
    with broker.management() as api:
        api.put("vhosts", V, body={})
        _put(broker, live)
        for (_, name), row in live["queue"].items():
            api.put("queues", V, name, body={"durable": True, "arguments": row["arguments"]})
    uri = broker.amqp_uri(V)
    connection = pika.BlockingConnection(pika.URLParameters(uri))
    try:
        _publish(connection.channel(), list(NAMES))

        said = _threats(live, after, cluster)
        _put(broker, after)
        left = _left(broker, connection)
    finally:
        connection.close()

    ten = QueueFacts(messages=10, unacknowledged=0, consumers=0)
    for queue_name, name in NAMES.items():
        case, count = CASES[name], left[queue_name]
        # Nothing is published after the change: see below for what that would drop.
        now = [one for one in said[queue_name] if one.danger is not Danger.OVERFLOW]
        costs = [lost(threat, ten) for threat in now]
        if name == "quorum bytes":  # sizes count more than the body from 4.3 on
            assert 0 < count <= case.left, name
        else:
            assert count == case.left, name
        dangers = {threat.danger for threat in now}
        if dangers <= {Danger.MAX_LENGTH}:
            assert sum(cost or 0 for cost in costs) == 10 - count, name
        else:
            assert 10 - max(count, 0) <= min(cost or 0 for cost in costs), name
            assert count < 10, name


def _until(check: Any) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while not (found := bool(check())) and time.monotonic() < end:
        time.sleep(0.3)
    return found


def test_a_lower_delivery_limit_drops_what_was_returned_before(broker: Broker) -> None:
    with broker.management() as api:
        api.put("vhosts", V, body={})
        api.put("queues", V, "q", body={"durable": True, "arguments": Q})
        connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_uri(V)))
        try:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish("", "q", b"x")

            def give_back() -> bool:
                method, _, _ = channel.basic_get("q")
                if method is not None:
                    # A reject, since from 4.3 on a nack of a requeued message counts for nothing.
                    channel.basic_reject(method.delivery_tag, requeue=True)
                return method is None

            assert not any(give_back() for _ in range(4))
            limit = {"pattern": "", "apply-to": "queues", "definition": {"delivery-limit": 1}}

            api.put("policies", V, "p", body=limit)

            assert _until(give_back)
        finally:
            connection.close()


def test_an_exchange_that_is_federated_no_more_loses_its_buffer(broker: Broker) -> None:
    with broker.management() as api:
        for vhost in (V, "up"):
            api.put("vhosts", vhost, body={})
            api.put("exchanges", vhost, "e", body={"type": "fanout", "durable": True})
        upstream = {"value": {"uri": broker.amqp_uri("up")}}
        api.put("parameters", "federation-upstream", V, "u", body=upstream)
        federated = {"pattern": "^e$", "definition": {"federation-upstream": "u"}}
        api.put("policies", V, "p", body={**federated, "apply-to": "exchanges"})
        # The buffer may be there before the link runs, and stayed once for longer than we wait.
        links = ("federation-links", V)
        assert _until(lambda: any(one["status"] == "running" for one in api.get(*links)))
        assert _until(lambda: api.get("queues", "up"))

        api.put("policies", V, "p", body={**federated, "definition": {"alternate-exchange": "x"}})

        assert _until(lambda: not api.get("queues", "up"))


@pytest.mark.parametrize("arguments", [C, Q], ids=["classic", "quorum"])
def test_a_full_queue_that_refused_drops_what_it_holds_for_what_comes(
    broker: Broker, cluster: Cluster, arguments: dict[str, Any]
) -> None:
    full = {"max-length": 10, "overflow": "reject-publish"}
    name = next(iter(NAMES))
    live, after = (
        rows(queue(name, V, arguments=arguments), policy(name, found, vhost=V, pattern=".*"))
        for found in (full, {"max-length": 10})
    )
    with broker.management() as api:
        api.put("vhosts", V, body={})
        _put(broker, live)
        api.put("queues", V, name, body={"durable": True, "arguments": arguments})
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_uri(V)))
    try:
        channel = connection.channel()
        _publish(channel, [name])
        (threat,) = [
            one for one in _threats(live, after, cluster)[name] if one.danger is Danger.OVERFLOW
        ]
        _put(broker, after)
        connection.process_data_events(1)
        channel.basic_publish("", name, b"comes later")
        found = [channel.basic_get(name)[2] for _ in range(10)]
    finally:
        connection.close()

    assert found.count(b"0123456789") == 9
    assert lost(threat, QueueFacts(messages=9, unacknowledged=0, consumers=0)) == 0
    assert lost(threat, QueueFacts(messages=10, unacknowledged=0, consumers=0)) is None
