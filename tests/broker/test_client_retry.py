"""What is sent again, to whom, and when it is given up."""

import logging
from collections.abc import Iterator

import pytest

from rmqsync.broker.client import LONGEST_PAUSE_S, ROUNDS
from rmqsync.kinds.base import Request
from rmqsync.model.errors import BrokerError, Rejected, Unreachable
from tests.broker.connect import DEAD, Naps, client, to_fake
from tests.fakes.faults import BrokenJson, Cut, Fault, HangUp, Reply, Reset, Silent
from tests.fakes.management import FakeBroker

OVERVIEW = Request("GET", ("overview",))
EXPORT = Request("GET", ("definitions",))
QUEUE = ("queues", "/", "orders")
PUT = Request("PUT", QUEUE, {"durable": True, "auto_delete": False, "arguments": {}})
DELETE = Request("DELETE", QUEUE)
BIND = Request("POST", ("bindings", "/", "e", "x", "q", "orders"), {"routing_key": "a"})


@pytest.fixture
def fake() -> Iterator[FakeBroker]:
    with FakeBroker() as broker:
        yield broker


@pytest.fixture
def other() -> Iterator[FakeBroker]:
    with FakeBroker(version="4.3.6") as broker:
        yield broker


PASSING: list[Fault] = [
    Reset(),
    HangUp(),
    Cut(),
    BrokenJson(),
    Reply(502, b"<html>bad gateway</html>", {"Content-Type": "text/html"}),
    Reply(503),
    Reply(504),
    Reply(429),
    Reply.of({"error": "Internal Server Error", "reason": "timeout"}, 500),
]


@pytest.mark.parametrize("fault", PASSING, ids=repr)
def test_a_get_is_repeated_after_what_may_pass(fake: FakeBroker, fault: Fault) -> None:
    fake.fail(fault)

    with client(to_fake(fake)) as found:
        answer = found.get(OVERVIEW)

    assert answer["rabbitmq_version"] == "3.10.8"
    assert [seen.method for seen in fake.seen] == ["GET", "GET"]


@pytest.mark.parametrize("fault", [Reset(), HangUp(), Reply(503)], ids=repr)
@pytest.mark.parametrize("request_", [PUT, DELETE, BIND], ids=lambda one: one.method)
def test_a_write_is_repeated_after_what_may_pass(
    fake: FakeBroker, fault: Fault, request_: Request
) -> None:
    fake.fail(fault)

    with client(to_fake(fake)) as found:
        found.send(request_)

    assert [seen.method for seen in fake.seen] == [request_.method] * 2
    assert fake.seen[0].body == fake.seen[1].body == request_.body


def test_a_deletion_that_took_effect_before_its_answer_was_lost_is_done(fake: FakeBroker) -> None:
    fake.definitions["queues"].append({"vhost": "/", "name": "orders"})
    fake.fail(Reset(), method="DELETE")

    with client(to_fake(fake)) as found:
        found.send(DELETE)

    assert fake.definitions["queues"] == []


def test_no_answer_in_time_is_tried_again(fake: FakeBroker) -> None:
    fake.fail(Silent())

    with client(to_fake(fake, timeout_s=0.2)) as found:
        found.send(PUT)

    assert len(fake.seen) == 2


def test_no_answer_at_all_is_unreachable_and_says_how_long_it_took(fake: FakeBroker) -> None:
    fake.fail(Silent(), times=ROUNDS)

    with client(to_fake(fake, timeout_s=0.2)) as found, pytest.raises(Unreachable) as raised:
        found.get(OVERVIEW)

    assert str(raised.value) == f"prod: cannot reach {fake.url}: no answer within 0.2 s"


@pytest.mark.parametrize(
    ("faults", "may_be_done"),
    [
        ([Silent()] * ROUNDS, True),
        ([Reset()] * ROUNDS, True),
        ([Silent(), *[Reply(503)] * (ROUNDS - 1)], True),
        ([Reply(503)] * ROUNDS, False),
        ([Reply(504)] * ROUNDS, True),
    ],
)
def test_what_was_sent_and_not_answered_may_be_done(
    fake: FakeBroker, faults: list[Fault], may_be_done: bool
) -> None:
    for fault in faults:
        fake.fail(fault)

    with client(to_fake(fake, timeout_s=0.2)) as found, pytest.raises(Unreachable) as raised:
        found.send(DELETE)

    assert raised.value.may_be_done is may_be_done


def test_what_could_not_be_sent_is_not_done() -> None:
    with (
        client(to_fake(endpoints=(DEAD,))) as found,
        pytest.raises(Unreachable) as raised,
    ):
        found.send(DELETE)

    assert not raised.value.may_be_done


def test_pauses_grow_and_the_last_try_is_followed_by_none(fake: FakeBroker) -> None:
    naps = Naps()
    fake.fail(Reset(), times=ROUNDS)

    with client(to_fake(fake), naps) as found, pytest.raises(Unreachable):
        found.get(OVERVIEW)

    assert naps.taken == [0.25, 0.5, 1.0]
    assert len(fake.seen) == ROUNDS


@pytest.mark.parametrize(
    ("asked", "slept"),
    [("7", 7.0), ("3600", LONGEST_PAUSE_S), ("soon", 0.25), ("-5", 0.25), ("", 0.25)],
)
def test_retry_after_is_heeded_within_bounds(fake: FakeBroker, asked: str, slept: float) -> None:
    naps = Naps()
    fake.fail(Reply(503, headers={"Retry-After": asked}))

    with client(to_fake(fake), naps) as found:
        found.get(OVERVIEW)

    assert naps.taken == [slept]


def test_once_the_timeout_has_passed_no_further_round_begins(fake: FakeBroker) -> None:
    naps = Naps()
    fake.fail(Reply(503, headers={"Retry-After": "8"}), times=99)

    with client(to_fake(fake, timeout_s=10), naps) as found, pytest.raises(Unreachable):
        found.get(OVERVIEW)

    assert naps.taken == [8.0, 8.0]


def test_what_the_broker_refuses_is_sent_once(fake: FakeBroker) -> None:
    reason = "inequivalent arg 'durable' for queue 'orders' in vhost '/'"
    fake.fail(Reply.of({"error": "bad_request", "reason": reason}, 400), times=9)

    with client(to_fake(fake)) as found, pytest.raises(Rejected) as raised:
        found.send(PUT)

    assert (raised.value.status, raised.value.reason) == (400, reason)
    assert str(raised.value) == f"prod: PUT /api/queues/%2F/orders: {reason}"
    assert len(fake.seen) == 1


def test_a_write_that_always_ends_in_500_is_rejected_with_the_reason(fake: FakeBroker) -> None:
    fake.fail(Reply.of({"error": "Internal Server Error", "reason": "badarg"}, 500), times=9)

    with client(to_fake(fake)) as found, pytest.raises(Rejected) as raised:
        found.send(PUT)

    assert (raised.value.status, raised.value.reason) == (500, "badarg")
    assert len(fake.seen) == ROUNDS


def test_an_upload_that_ends_in_500_is_not_repeated(fake: FakeBroker) -> None:
    """A document of a wrong structure gives 500, every time."""
    fake.fail(Reply.of({"error": "Internal Server Error", "reason": "badmap"}, 500), times=9)

    with client(to_fake(fake)) as found, pytest.raises(Rejected):
        found.upload({"queues": {}})

    assert len(fake.seen) == 1


def test_an_upload_is_repeated_when_the_connection_is_lost(fake: FakeBroker) -> None:
    queue = {"vhost": "/", "name": "a", "durable": True, "auto_delete": False, "arguments": {}}
    fake.fail(Reset())

    with client(to_fake(fake)) as found:
        found.upload({"queues": [queue]})

    assert fake.definitions["queues"] == [queue]


def test_an_export_that_is_always_broken_is_an_error_that_says_so(fake: FakeBroker) -> None:
    fake.fail(BrokenJson(20), times=99)

    with client(to_fake(fake)) as found, pytest.raises(BrokerError, match="broken JSON of 20"):
        found.fetch(EXPORT)

    assert len(fake.seen) == ROUNDS


def test_a_dead_endpoint_is_left_for_the_next_and_not_asked_again(fake: FakeBroker) -> None:
    with client(to_fake(fake, endpoints=(DEAD, fake.url))) as found:
        for _ in range(3):
            found.get(OVERVIEW)

        assert found.requests == 4


def test_an_endpoint_that_dies_is_left_at_once(fake: FakeBroker, other: FakeBroker) -> None:
    naps = Naps()
    with client(to_fake(fake, other), naps) as found:
        first = found.get(OVERVIEW)
        fake.fail(Reset(), times=99)
        second = found.get(OVERVIEW)
        third = found.get(OVERVIEW)

    assert [one["rabbitmq_version"] for one in (first, second, third)] == [
        "3.10.8",
        "4.3.6",
        "4.3.6",
    ]
    assert naps.taken == []
    assert (len(fake.seen), len(other.seen)) == (2, 2)


def test_every_endpoint_is_named_with_its_reason(fake: FakeBroker) -> None:
    unknown = "http://mq.invalid:15672"
    fake.fail(Reply(503), times=99)
    connection = to_fake(fake, endpoints=(DEAD, unknown, fake.url))

    with client(connection) as found, pytest.raises(Unreachable) as raised:
        found.get(OVERVIEW)

    assert str(raised.value) == (
        "prod: no endpoint gives an answer: "
        f"{DEAD}: connection refused: nothing listens there; "
        f"{unknown}: host 'mq.invalid' is not known to the name service; "
        f"{fake.url}: it answers 503 (no reason given)"
    )


def test_what_lasts_is_not_waited_for() -> None:
    naps = Naps()
    connection = to_fake(endpoints=("http://mq.invalid:15672",))

    with client(connection, naps) as found, pytest.raises(Unreachable):
        found.get(OVERVIEW)

    assert naps.taken == []


def test_requests_are_logged_without_bodies(
    fake: FakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "rmqsync")
    user = Request("PUT", ("users", "crm"), {"password": "hunter2", "tags": ""})

    with client(to_fake(fake)) as found:
        found.send(user)

    assert "method=PUT target=users/crm status=204" in caplog.text
    assert "hunter2" not in caplog.text
    assert fake.seen[0].body == {"password": "hunter2", "tags": ""}
