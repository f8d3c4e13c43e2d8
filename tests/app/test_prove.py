"""What can be proven of a queue on a real broker, and that the rest stays as it was."""

import time
import uuid

import pika.exceptions as known
import pytest

from rmqsync.app.prove import NotProven, Prover, remove_left_fences
from rmqsync.app.prove_fence import obstacle, out_of_sight
from rmqsync.app.prove_policy import (
    OUT_OF_REACH,
    Standing,
    escaped,
    fence_policy,
    lift,
    open_policy,
    unescaped,
)
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.model.errors import Rejected, Unreachable
from tests.brokers import Broker
from tests.race import rabble
from tests.race.rabble import VHOST

QUEUE = KINDS["queue"]
ODD = "ü/%~ *+(名)|$^[a]\\d.{2}?"
LEFT = "q.left"
"""A name of its own: what is got from it is counted after it is gone."""
SENTINEL_IDS = ("1", "2", "3")
FENCES = Request("GET", ("policies", VHOST))


def row(**arguments):
    return {"arguments": {"x-queue-type": "quorum", **arguments}}


@pytest.mark.parametrize(
    ("arguments", "current", "operator", "word"),
    [
        pytest.param({}, {}, {}, None, id="nothing"),
        pytest.param({}, {"message-ttl": 60_000}, {"max-length": 1_000}, None, id="time enough"),
        pytest.param({"x-max-length": 999}, {}, {}, "max-length is 999", id="own limit"),
        pytest.param({}, {}, {"max-length-bytes": 1}, "max-length-bytes is 1", id="operator limit"),
        pytest.param({}, {"max-length": 1}, {}, None, id="a limit that the fence replaces"),
        pytest.param(
            {"x-max-length": 1, "x-overflow": "reject-publish"}, {}, {}, None, id="rejects itself"
        ),
        pytest.param({}, {}, {"overflow": "drop-head"}, "operator policy", id="operator overflow"),
        pytest.param({}, {}, {"overflow": "reject-publish"}, None, id="operator rejects as well"),
        pytest.param({}, {}, {"message-ttl": 10}, "expire", id="operator ttl"),
        pytest.param({"x-message-ttl": 59_999}, {}, {}, "expire after 59999 ms", id="own ttl"),
        pytest.param({}, {"delivery-limit": 0}, {}, "delivery-limit", id="delivery limit of 0"),
        pytest.param({}, {"delivery-limit": -1}, {}, None, id="no delivery limit"),
        pytest.param(
            {"x-dead-letter-strategy": "at-least-once"}, {}, {}, "at-least-once", id="half a pair"
        ),
        pytest.param(
            {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"},
            {},
            {},
            None,
            id="dead-letters at-least-once",
        ),
    ],
)
def test_what_keeps_a_queue_from_being_fenced(arguments, current, operator, word):
    found = obstacle(row(**arguments), current, operator)

    assert (found is None) if word is None else (word in (found or ""))


@pytest.mark.parametrize(
    ("arguments", "current"),
    [
        ({"x-dead-letter-strategy": "at-least-once"}, {}),
        ({}, {"dead-letter-strategy": "at-least-once"}),
    ],
)
def test_messages_that_wait_to_be_dead_lettered_are_named_where_there_may_be_such(
    arguments, current
):
    plain = out_of_sight(row(), {})

    assert plain == "a client took from it"
    assert out_of_sight(row(**arguments), current) == (
        f"{plain}, or messages of it wait to be dead-lettered at-least-once"
    )


def test_a_fence_keeps_what_was_in_effect_and_beats_all_others():
    others = [{"priority": 7.5}, {"priority": -1}, {}]

    policy = fence_policy("a.b", {"delivery-limit": 5, "max-length": 9}, others)

    assert policy == {
        "pattern": r"^a\.b$",
        "apply-to": "queues",
        "priority": 8,
        "definition": {"delivery-limit": 5, "max-length": 0, "overflow": "reject-publish"},
    }


@pytest.mark.parametrize(
    ("before", "limits"),
    [
        pytest.param({}, {"max-length": OUT_OF_REACH}, id="no limit"),
        pytest.param(
            {"max-length": 5, "max-length-bytes": 6}, {"max-length": OUT_OF_REACH}, id="drops"
        ),
        pytest.param({"overflow": "reject-publish"}, {"max-length": OUT_OF_REACH}, id="no reason"),
        pytest.param(
            {"max-length-bytes": 6, "overflow": "reject-publish"},
            {"max-length-bytes": 6},
            id="rejects itself",
        ),
    ],
)
def test_what_opens_a_fence_has_no_limit_but_one_that_rejects_itself(before, limits):
    fence = fence_policy("a.b", {"delivery-limit": 5, **before}, [])

    assert open_policy(fence, before) == {
        "pattern": r"^a\.b$",
        "apply-to": "queues",
        "priority": 2,
        "definition": {"delivery-limit": 5, **limits, "overflow": "reject-publish"},
    }


def test_a_fence_that_cannot_be_opened_is_taken_away_all_the_same():
    class Refusing:
        sent = ()

        def get(self, _request):
            return {"items": [{"name": "q"}]}

        def send(self, request):
            self.sent += ((request.method, request.path[-1]),)
            if request.method == "PUT":
                raise Rejected("no more policies", 400, "no more policies")

    broker = Refusing()

    lift(broker, Standing("v", "q", "f", fence_policy("q", {}, [])))

    assert broker.sent == (("PUT", "f.open"), ("DELETE", "f"), ("DELETE", "f.open"))


@pytest.mark.parametrize("name", ["a.b", ODD, "$", "\\", "a_b-c"])
def test_the_pattern_of_a_fence_tells_the_queue(name):
    assert unescaped(f"^{escaped(name)}$") == name


@pytest.fixture
def q() -> str:
    """A queue's name of its own, and an odd one: what was got from a queue is counted after it."""
    return f"{ODD}{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_what_is_empty_and_unused_is_deleted(q: str, broker: Broker, kind: str) -> None:
    with rabble.cluster(broker) as found:
        rabble.declare(broker, q, kind)
        rabble.declare(broker, "other", kind)

        Prover(found, rabble.amqp(broker, found)).delete(QUEUE, rabble.deletion(q, kind))

        assert not rabble.exists(broker, q)
        assert rabble.exists(broker, "other")
        assert found.get(FENCES) == []


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_deletion_that_is_given_up_leaves_the_queue_as_it_was(
    q: str, broker: Broker, kind: str
) -> None:
    """Order and redelivered flags included: of what it holds nothing is fetched."""
    with rabble.cluster(broker) as found:
        rabble.declare(broker, q, kind)
        channel = rabble.connect(broker).channel()
        channel.confirm_delivery()
        for number in range(5):
            channel.basic_publish("", q, str(number).encode())

        with pytest.raises(NotProven):
            Prover(found, rabble.amqp(broker, found)).delete(QUEUE, rabble.deletion(q, kind))

        assert rabble.drain(broker, q) == [(str(number), False) for number in range(5)]
        assert found.get(FENCES) == []
        channel.connection.close()


def test_a_quorum_queue_with_a_consumer_stays(q: str, broker: Broker) -> None:
    with rabble.cluster(broker) as found:
        rabble.declare(broker, q)
        connection = rabble.connect(broker)
        connection.channel().basic_consume(q, lambda *_: None)

        with pytest.raises(NotProven):
            Prover(found, rabble.amqp(broker, found)).delete(QUEUE, rabble.deletion(q))

        connection.close()
        assert rabble.exists(broker, q)
        assert rabble.drain(broker, q) == []


def test_without_amqp_no_quorum_queue_is_deleted(q: str, r43: Broker) -> None:
    with rabble.cluster(r43) as found:
        rabble.declare(r43, q)  # a name of its own: what others got from q counts as well

        with pytest.raises(NotProven, match="set `amqp`"):
            Prover(found).delete(QUEUE, rabble.deletion(q))

        assert rabble.exists(r43, q)


def test_who_gets_from_a_queue_now_and_then_uses_it(broker: Broker) -> None:
    with rabble.cluster(broker) as found:
        rabble.declare(broker, "got", "classic")  # a name of its own: statistics outlive queues
        connection = rabble.connect(broker)
        connection.channel().basic_get("got")
        prover = Prover(found)
        until = time.monotonic() + 20

        reason = None
        while reason is None and time.monotonic() < until:
            try:
                prover._check_use((VHOST, "got"), publishers=True)
            except NotProven as error:
                reason = str(error)
            time.sleep(0.2)

        assert reason == (
            "a client, or the proof of an earlier run, got, or tried to get, from it in the last "
            "15 s"
        )
        connection.close()


def test_what_breaks_off_leaves_neither_fence_nor_sentinel(q: str, broker: Broker) -> None:
    """The connection goes while sentinels lie in the queue."""
    with rabble.cluster(broker) as found:
        rabble.declare(broker, q)
        amqp = rabble.amqp(broker, found)
        probes = []

        class Breaking:
            def queue(self, *arguments):
                probes.append(amqp.queue(*arguments))
                return probes[-1]

        def sleep(seconds: float) -> None:
            time.sleep(seconds)
            if len(probes) == 1 and probes[0]._trying is not None:
                probes[0].close()

        with pytest.raises(NotProven, match="broke off"):
            Prover(found, Breaking(), sleep=sleep).delete(QUEUE, rabble.deletion(q))

        assert len(probes) == 2
        assert rabble.drain(broker, q) == []
        assert rabble.exists(broker, q)
        assert found.get(FENCES) == []


def test_sentinels_that_nobody_hears_of_are_taken_back(q: str, broker: Broker) -> None:
    """The broker has put them in when the connection goes."""
    with rabble.cluster(broker) as found:
        rabble.declare(broker, q)
        amqp = rabble.amqp(broker, found)
        probes = []

        class Breaking:
            def queue(self, *arguments):
                probes.append(amqp.queue(*arguments))
                if len(probes) == 1:
                    probes[0].put = break_after(probes[0].put)
                return probes[-1]

        def break_after(put):
            def broken(ids):
                put(ids)
                probes[0].close()
                raise Unreachable("the connection broke")

            return broken

        with pytest.raises(NotProven, match="broke off"):
            Prover(found, Breaking()).delete(QUEUE, rabble.deletion(q))

        assert len(probes) == 2
        assert rabble.drain(broker, q) == []
        assert found.get(FENCES) == []


def test_what_a_killed_run_left_is_removed_by_the_next(q: str, broker: Broker) -> None:
    with rabble.cluster(broker) as found:
        rabble.declare(broker, q)
        amqp = rabble.amqp(broker, found)
        path = ("policies", VHOST, "rmqsync.fence.main.dead")
        found.send(Request("PUT", path, fence_policy(q, {}, [])))
        left = amqp.queue(VHOST, q)
        all_in = left.put(SENTINEL_IDS)
        left.close()
        assert all_in
        live = found.read()

        removed = remove_left_fences(found, amqp, "main")

        assert removed == (f"queue '{q}' in vhost '{VHOST}'",)
        assert "rmqsync.fence" not in str(live.rows["policy"])
        assert found.get(FENCES) == []
        after = amqp.queue(VHOST, q)
        assert after.count() == (0, 0)
        after.close()


@pytest.mark.parametrize("is_open", [False, True], ids=["shut", "half open"])
def test_a_channel_that_a_killed_run_left_refused_is_let_in(broker: Broker, *, is_open) -> None:
    with rabble.cluster(broker) as found, broker.management() as plain:
        rabble.declare(broker, LEFT)
        limit = {"pattern": "^q", "definition": {"max-length": 1_000_000}}
        plain.put("policies", VHOST, "p", body=limit)
        path = ("policies", VHOST, "rmqsync.fence.main.dead")
        fence = fence_policy(LEFT, {}, [])
        channel = rabble.connect(broker).channel()
        channel.confirm_delivery()
        channel.basic_publish("", LEFT, b"0")
        found.send(Request("PUT", path, fence))
        until_refused(channel)
        if is_open:  # killed before this took effect, as far as a channel can tell
            above = {**open_policy(fence, {}), "priority": -1}
            found.send(Request("PUT", (*path[:-1], path[-1] + ".open"), above))

        removed = remove_left_fences(found, rabble.amqp(broker, found), "main")

        rabble.until_confirmed(channel, LEFT)
        assert removed == (f"queue '{LEFT}' in vhost '{VHOST}'",)
        assert [one["name"] for one in found.get(FENCES)] == ["p"]
        channel.connection.close()


def until_refused(channel) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            channel.basic_publish("", LEFT, b"1")
        except known.NackError:
            return
        time.sleep(0.05)
    raise AssertionError("the fence keeps nobody out")


def test_a_lock_that_is_lost_stops_the_deletion(q: str, r40: Broker) -> None:
    class Lost:
        lost = "tried it"

        def __init__(self) -> None:
            self.asked = 0

        def held(self) -> bool:
            self.asked += 1
            return self.asked < 3  # lost between fence and deletion

        def release(self) -> None: ...

    from rmqsync.app.lock import LockLost

    with rabble.cluster(r40) as found:
        rabble.declare(r40, q)

        with pytest.raises(LockLost):
            Prover(found, rabble.amqp(r40, found), Lost()).delete(QUEUE, rabble.deletion(q))

        assert rabble.exists(r40, q)
        assert found.get(FENCES) == []


def test_an_address_that_does_not_answer_proves_nothing(q: str, r40: Broker) -> None:
    with rabble.cluster(r40) as found:
        rabble.declare(r40, q)
        amqp = rabble.amqp(r40, found, urls=("amqp://127.0.0.1:1",))

        with pytest.raises(NotProven, match="cannot be looked at"):
            Prover(found, amqp).delete(QUEUE, rabble.deletion(q))
        with pytest.raises(Unreachable):
            amqp.queue(VHOST, q)
