"""Exchanges, queues, bindings and rights; what brokers refuse is in test_refusals."""

from typing import Any

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind, Reference, Request
from rmqsync.kinds.context import Context
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row, same
from tests.kinds.cluster import row_of

EXCHANGE, QUEUE, BINDING = KINDS["exchange"], KINDS["queue"], KINDS["binding"]
PERMISSION, TOPIC = KINDS["permission"], KINDS["topic_permission"]
OLD, NEW = Context(version=(3, 10, 8)), Context(version=(4, 3, 6))
QUORUM = Context(version=(4, 3, 6), default_queue_types={"v": "quorum"})


def _queue(arguments: Row | None = None, **more: Any) -> Row:
    return row_of(QUEUE, {"vhost": "v", "name": "q", "arguments": arguments or {}, **more})


def _exchange(**more: Any) -> Row:
    return row_of(EXCHANGE, {"vhost": "v", "name": "x", "type": "topic", **more})


def _binding(**more: Any) -> Row:
    return row_of(BINDING, {"vhost": "v", "source": "x", "destination": "q", **more})


@pytest.mark.parametrize(
    ("desired", "live", "context", "equal"),
    [
        pytest.param({}, {"x-queue-type": "classic"}, NEW, True, id="the broker says classic"),
        pytest.param({}, {"x-queue-type": "quorum"}, QUORUM, True, id="the default of the vhost"),
        pytest.param({}, {"x-queue-type": "quorum"}, NEW, False, id="somebody's quorum queue"),
        pytest.param({}, {"x-queue-type": "classic"}, QUORUM, True, id="made before the default"),
        pytest.param({"x-queue-type": "classic"}, {}, OLD, True, id="3.10 says nothing"),
        pytest.param({"x-queue-type": "quorum"}, {}, OLD, False, id="but classic"),
        pytest.param({"x-max-length": 1}, {"x-queue-type": "classic"}, NEW, False, id="another"),
        pytest.param({"n": 1}, {"n": 1.0}, NEW, False, id="a float is no integer"),
    ],
)
def test_which_queues_are_the_same(desired: Row, live: Row, context: Context, equal: bool) -> None:
    there = _queue(live)

    assert same(QUEUE.settle(_queue(desired), there, context), there) is equal


def test_an_auto_delete_queue_is_classic_whatever_the_default() -> None:
    mine, there = _queue(auto_delete=True), _queue({"x-queue-type": "classic"}, auto_delete=True)

    assert QUEUE.settle(mine, there, QUORUM) is there


def test_a_typing_error_in_an_argument_is_told() -> None:
    (problem,) = QUEUE.check(_queue({"x-max-lenght": 5}), NEW)

    assert (problem.severity, problem.hint) == (Severity.WARNING, "did you mean x-max-length?")


@pytest.mark.parametrize(
    ("name", "value", "context"),
    [
        ("x-stream-filter-size-bytes", 5, OLD),
        ("x-consumer-timeout", "a", OLD),
        ("x-queue-mode", "z", NEW),
    ],
)
def test_what_a_version_stores_unseen_is_a_warning(
    name: str, value: object, context: Context
) -> None:
    (problem,) = QUEUE.check(_queue({name: value}), context)

    assert problem.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("kind", "name", "owned"),
    [
        ("queue", "amq.gen-x", True),
        ("queue", "federation: x -> y", True),
        ("queue", "sharding: x - rabbit@a - 0", True),
        ("exchange", "", True),
        ("exchange", "amq.topic", True),
        ("exchange", "amqp", False),
        ("queue", "orders", False),
    ],
)
def test_what_is_the_brokers_own(kind: str, name: str, owned: bool) -> None:
    assert KINDS[kind].broker_owned({"vhost": "v", "name": name, "arguments": {}}) is owned


@pytest.mark.parametrize(
    ("kind", "row", "never_pruned", "goes_by_itself"),
    [
        (QUEUE, _queue(), False, False),
        (QUEUE, _queue(auto_delete=True), True, True),
        (QUEUE, {**_queue(), "name": "mqtt-subscription-x"}, True, True),
        (QUEUE, _queue({"x-expires": 1000}), False, True),
        (EXCHANGE, _exchange(), False, False),
        (EXCHANGE, _exchange(auto_delete=True), True, True),
        (EXCHANGE, _exchange(internal=True), True, False),
    ],
)
def test_what_is_never_pruned_and_what_goes_by_itself(
    kind: Kind, row: Row, never_pruned: bool, goes_by_itself: bool
) -> None:
    assert kind.never_pruned(row) is never_pruned
    assert kind.goes_by_itself(row) is goes_by_itself


def test_dead_letter_and_alternate_exchanges_need_not_exist() -> None:
    dead = _queue({"x-dead-letter-exchange": "dead"})
    alternate = _exchange(arguments={"alternate-exchange": "other"})

    assert [one.strict for one in (*QUEUE.references(dead), *EXCHANGE.references(alternate))] == [
        False,
        False,
    ]
    assert not list(QUEUE.references(_queue({"x-dead-letter-exchange": ""})))


@pytest.mark.parametrize(
    ("row", "handle"),
    [
        ({}, "~"),
        ({"routing_key": "a.#"}, "a.%23"),
        ({"routing_key": "a b~"}, "a+b%7E"),
        ({"routing_key": "订"}, "%E8%AE%A2"),
        ({"routing_key": "null"}, "%6Eull"),
        ({"routing_key": "undefined"}, "%75ndefined"),
        ({"routing_key": "nulls"}, "nulls"),
    ],
)
def test_the_handle_of_a_binding_without_arguments_is_known(row: Row, handle: str) -> None:
    binding = _binding(**row)

    assert BINDING.lookup(binding) is None
    assert BINDING.remove(binding, ()) == (
        Request("DELETE", ("bindings", "v", "e", "x", "q", "q", handle)),
    )


def test_bindings_that_look_alike_go_together() -> None:
    """Two of them can differ in the AMQP types of their arguments alone."""
    binding = _binding(routing_key="k", arguments={"n": 1})
    answer = [
        {"properties_key": "k~1", "routing_key": "k", "arguments": {"n": 1}},
        {"properties_key": "k~2", "routing_key": "k", "arguments": {"n": 1}},
        {"properties_key": "k~3", "routing_key": "k", "arguments": {"n": 1.0}},
        {"properties_key": "j~1", "routing_key": "j", "arguments": {"n": 1}},
    ]

    assert BINDING.handles(binding, answer) == ("k~1", "k~2")


def test_a_binding_that_would_break_listings_is_never_made() -> None:
    """Not held against a broker: it would be of no use to anybody afterwards."""
    row = _binding(routing_key="a~b", arguments={"n": 1})

    assert [problem.code for problem in BINDING.check(row, Context())] == ["RMQ042"]
    assert not list(BINDING.check(_binding(routing_key="a~b"), Context()))


def test_routing_keys_stand_for_one_binding_each() -> None:
    entry = {"vhost": "v", "source": "x", "destination": "q", "routing_keys": ["a", "b"]}

    assert [one["routing_key"] for one in BINDING.expand(entry)] == ["a", "b"]


def test_names_that_cannot_be() -> None:
    for name in ("", ".", "..", "a\nb", "x" * 256, "amq.x"):
        assert list(QUEUE.check({**_queue(), "name": name}, NEW)), name


def test_a_topic_permission_hangs_on_its_exchange_unless_that_is_always_there() -> None:
    rights = {"vhost": "v", "user": "u", "write": "", "read": ""}

    assert list(TOPIC.references({**rights, "exchange": "x"})) == [
        Reference("user", ("u",), ("user",)),
        Reference("exchange", ("v", "x"), ("exchange",)),
    ]
    assert len(list(TOPIC.references({**rights, "exchange": "amq.topic"}))) == 1


@pytest.mark.parametrize(("pattern", "codes"), [("(", ["RMQ025"]), ("x" * 1025, ["RMQ026"])])
def test_patterns_of_rights(pattern: str, codes: list[str]) -> None:
    row = {"vhost": "v", "user": "u", "configure": "", "write": pattern, "read": "^(?!a)"}

    assert [problem.code for problem in PERMISSION.check(row, NEW)] == codes


def test_a_bad_pattern_of_megabytes_is_not_repeated_whole() -> None:
    row = {"vhost": "v", "user": "u", "configure": "", "write": "x" * 1_000_000 + "(", "read": ""}

    assert all(len(problem.message) < 500 for problem in PERMISSION.check(row, NEW))


def test_exchanges_spare_topic_permissions_only_without_khepri() -> None:
    assert EXCHANGE.spares(OLD) == {"topic_permission"}
    assert EXCHANGE.spares(NEW) == EXCHANGE.spares(Context()) == frozenset()
