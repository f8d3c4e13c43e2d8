"""Live state of real brokers of every generation."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote_plus

import pytest

from rmqsync.broker.live import LiveReader
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Ref
from rmqsync.model.errors import BrokerError, Unreachable
from rmqsync.model.values import Key
from tests.broker.connect import DEAD, api, client, to_broker, to_fake
from tests.brokers import Broker
from tests.fakes.faults import BrokenJson, Cut, Reply
from tests.fakes.management import FakeBroker

NAMES = ("a/b", "50%", "%2F", "me@home #1?", "\"q\" 'x'", "订单", "🐇", "a+b;c&d=e~f")
PLAIN: dict[str, Any] = {"durable": True, "auto_delete": False, "arguments": {}}


def put_all(broker: Broker, *requests: Request) -> None:
    with api(to_broker(broker)) as found:
        for request in requests:
            found.send(request)


def test_what_a_cluster_is(broker: Broker) -> None:
    with api(to_broker(broker)) as found:
        live = found.read()

    assert live.version == broker.version
    assert live.nodes == tuple(node.name for node in broker.nodes)
    assert live.cluster_name == broker.nodes[0].name
    assert {"direct", "fanout", "headers", "topic", "x-consistent-hash"} <= live.exchange_types
    assert live.own_user == broker.username
    assert not live.from_file


def test_all_members_of_a_cluster_are_nodes(c310: Broker) -> None:
    with api(to_broker(c310)) as found:
        assert found.read().nodes == tuple(sorted(node.name for node in c310.nodes))


def test_a_reading_takes_at_most_five_requests(broker: Broker) -> None:
    with api(to_broker(broker)) as found:
        live = found.read()

        assert live.requests == found.requests == (4 if live.version == "3.10.8" else 5)


def test_objects_come_back_as_they_were_sent_whatever_they_are_called(broker: Broker) -> None:
    arguments: dict[str, Any] = {
        "x-max-length": 2**40,
        "a-float": 6.0,
        "nested": {"list": [1, "二", True]},
    }
    queue = {**PLAIN, "arguments": arguments}
    bound: dict[str, Any] = {"routing_key": "", "arguments": {"x-match": "any", "k": 1}}
    requests: list[Request] = []
    for name in NAMES:
        requests += [
            Request("PUT", ("vhosts", name), _described(name)),
            Request("PUT", ("queues", name, name), queue),
            Request("PUT", ("exchanges", name, name), {"type": "topic", **PLAIN}),
            Request("POST", ("bindings", name, "e", name, "q", name), {"routing_key": name}),
            Request("POST", ("bindings", name, "e", name, "q", name), bound),
        ]

    with api(to_broker(broker)) as found:
        for request in requests:
            found.send(request)
        rows = found.read().rows

    for name in NAMES:
        key = (name, name)
        assert rows["vhost"][(name,)]["description"] == name
        sent = {k: v for k, v in rows["queue"][key]["arguments"].items() if k != "x-queue-type"}
        assert sent == arguments
        assert type(sent["a-float"]) is float
        assert rows["exchange"][key]["type"] == "topic"
    bindings = [key for key in rows["binding"] if key[1] == NAMES[0]]
    assert sorted(key[4:] for key in bindings) == [
        ("", '{"k":1,"x-match":"any"}'),
        (NAMES[0], ""),
    ]
    assert len(rows["binding"]) == 2 * len(NAMES)


def _described(text: str) -> dict[str, Any]:
    return {"description": text, "tags": ["t"]}


def test_a_binding_can_be_deleted_whatever_its_key(broker: Broker) -> None:
    """The server takes dots away even when they are escaped; a properties key may be twice."""
    pair = ("bindings", "/", "e", "amq.topic", "q", "q")
    keys = [".", "..", "a/b", "50%", "a b", "订单", "#"]
    put_all(broker, Request("PUT", ("queues", "/", "q"), PLAIN))

    with api(to_broker(broker)) as found:
        for key in keys:
            found.send(Request("POST", pair, {"routing_key": key}))
        before = {key[4] for key in found.read().rows["binding"]}
        for key in keys:
            found.send(Request("DELETE", (*pair, quote_plus(key, safe=""))))
        after = found.read().rows["binding"]

    assert before == set(keys)
    assert after == {}


def test_internal_exchanges_are_seen_though_exports_of_4_3_lack_them(broker: Broker) -> None:
    body = {"type": "fanout", "internal": True, **PLAIN}
    put_all(broker, Request("PUT", ("exchanges", "/", "inner"), body))

    with api(to_broker(broker)) as found:
        row = found.read().rows["exchange"][("/", "inner")]

    assert row == {"vhost": "/", "name": "inner", **body}


def test_our_own_user_and_rights_are_no_ones_business(broker: Broker) -> None:
    other = {"configure": "", "write": "", "read": ""}
    put_all(
        broker,
        Request("PUT", ("users", "crm"), {"password": "x", "tags": ""}),
        Request("PUT", ("permissions", "/", "crm"), other),
        Request("PUT", ("topic-permissions", "/", broker.username), _topic_right()),
        Request("PUT", ("user-limits", broker.username, "max-channels"), {"value": 500}),
    )

    with api(to_broker(broker)) as found:
        live = found.read()

    assert set(live.rows["user"]) == {("crm",)}
    assert set(live.rows["permission"]) == {("/", "crm")}
    assert live.rows["topic_permission"] == {}
    assert live.rows["user_limit"] == {}
    assert Ref("user", (broker.username,)) in live.foreign


def _topic_right() -> dict[str, Any]:
    return {"exchange": "amq.topic", "write": ".*", "read": ".*"}


def test_the_brokers_own_exchanges_are_there_but_no_rows(broker: Broker) -> None:
    with api(to_broker(broker)) as found:
        live = found.read()

    assert live.rows["exchange"] == {}
    assert Ref("exchange", ("/", "amq.topic")) in live.foreign


def test_default_queue_types_and_features_are_as_the_broker_tells_them(broker: Broker) -> None:
    body = {"default_queue_type": "quorum", "defaultqueuetype": "quorum"}
    put_all(broker, Request("PUT", ("vhosts", "shop"), body))

    with api(to_broker(broker)) as found:
        live = found.read()

    assert live.default_queue_types["shop"] == "quorum"
    if live.version == "3.10.8":
        assert live.default_queue_types == {"shop": "quorum"}
        assert live.features == frozenset()
    else:
        assert live.default_queue_types["/"] == "classic"
        assert "management_metrics_collection" in live.features
        assert "classic_queue_mirroring" not in live.features


def test_a_second_reading_of_the_same_gives_the_same_rows_unparsed(broker: Broker) -> None:
    queue = Request("PUT", ("queues", "/", "q"), PLAIN)
    put_all(broker, queue)

    with api(to_broker(broker)) as found:
        first = found.read()
        second = found.read()
        found.send(Request("DELETE", queue.path))
        third = found.read()
        found.send(Request("PUT", ("exchanges", "/", "x"), {"type": "fanout", **PLAIN}))
        fourth = found.read()

    assert second.rows is first.rows
    assert (len(first.rows["queue"]), len(third.rows["queue"])) == (1, 0)
    assert set(fourth.rows["exchange"]) == {("/", "x")}
    assert max(live.requests for live in (first, second, third, fourth)) <= 5


def test_a_change_of_nothing_but_tracing_is_seen(broker: Broker) -> None:
    """It is no metadata, so the tag of an export need not tell."""
    with api(to_broker(broker)) as found:
        found.read()
        broker.rabbitmqctl("trace_on", "-p", "/")
        traced = found.read()
        broker.rabbitmqctl("trace_off", "-p", "/")

    assert traced.rows["vhost"][("/",)]["tracing"] is True
    assert traced.requests <= 5


def test_a_broker_with_tags_is_asked_less_when_nothing_changed(r43: Broker) -> None:
    with api(to_broker(r43)) as found:
        found.read()
        assert found.read().requests == 3


def test_a_dead_endpoint_does_not_matter(broker: Broker) -> None:
    connection = to_broker(broker, endpoints=(DEAD, broker.management_url))

    with api(connection) as found:
        live = found.read()

    assert live.version == broker.version


def test_an_upload_of_definitions_is_read_back(broker: Broker) -> None:
    queues = [{"vhost": "/", "name": f"q{number}", **PLAIN} for number in range(300)]

    with api(to_broker(broker)) as found:
        found.upload({"queues": queues})
        rows = found.read().rows

    expected: set[Key] = {("/", f"q{number}") for number in range(300)}
    assert set(rows["queue"]) == expected


@pytest.mark.parametrize("count", [40])
def test_many_calls_at_the_same_time(broker: Broker, count: int) -> None:
    calls = [
        Request("PUT", ("exchanges", "/", f"x{n}"), {"type": "topic", **PLAIN})
        for n in range(count)
    ]
    with api(to_broker(broker, parallelism=4)) as found, ThreadPoolExecutor(4) as pool:
        list(pool.map(found.send, calls))

        assert len(found.read().rows["exchange"]) == count


def test_a_call_without_a_body(r43: Broker) -> None:
    path = ("vhosts", "/", "deletion", "protection")
    with api(to_broker(r43)) as found:
        found.send(Request("POST", path))
        protected = found.read()
        found.send(Request("DELETE", path))

    assert protected.rows["vhost"][("/",)]["protected_from_deletion"] is True


def test_an_export_that_rabbitmq_would_not_write_is_an_error_of_the_cluster() -> None:
    with FakeBroker() as fake, api(to_fake(fake)) as found:
        fake.definitions["queues"].append({"vhost": "/"})

        with pytest.raises(BrokerError, match=r"^prod: .*queues\[0\]"):
            found.read()


def test_a_broken_export_is_read_again() -> None:
    with FakeBroker() as fake, client(to_fake(fake)) as found:
        fake.definitions["queues"].append({"vhost": "/", "name": "q", **PLAIN})
        fake.fail(BrokenJson(50), path="definitions")
        fake.fail(Cut(50), path="definitions")

        live = LiveReader(found).read()

    assert set(live.rows["queue"]) == {("/", "q")}
    assert live.requests == 6


def test_what_a_tag_does_not_speak_of_is_read_all_the_same() -> None:
    with FakeBroker(etags=True) as fake, client(to_fake(fake)) as found:
        reader = LiveReader(found)
        first = reader.read()
        fake.traced.add("/")
        traced = reader.read()
        again = reader.read()

    assert first.rows["vhost"][("/",)]["tracing"] is False
    assert traced.rows["vhost"][("/",)]["tracing"] is True
    assert again.rows is traced.rows
    assert max(live.requests for live in (first, traced, again)) <= 5


def test_an_upgraded_broker_is_read_afresh() -> None:
    features = [{"name": "global_qos", "deprecation_phase": "permitted_by_default"}]
    with FakeBroker(etags=True) as fake, client(to_fake(fake)) as found:
        reader = LiveReader(found)
        before = reader.read()
        fake.version, fake.features = "3.13.1", features

        after = reader.read()

    assert (before.version, before.features) == ("3.10.8", frozenset())
    assert (after.version, after.features) == ("3.13.1", {"global_qos"})


def test_denied_and_given_up_readings_leave_nothing_behind() -> None:
    """What was read before a failure must not pass for the state after it."""
    with FakeBroker() as fake, client(to_fake(fake)) as found:
        reader = LiveReader(found)
        reader.read()
        fake.definitions["queues"].append({"vhost": "/", "name": "q", **PLAIN})
        fake.fail(Reply(503), path="exchanges", times=99)

        with pytest.raises(Unreachable):
            reader.read()
        fake.heal()

        assert set(reader.read().rows["queue"]) == {("/", "q")}
