"""Plans hold what policies would cost, and brokers show that they were right to."""

import time
from typing import Any

import pika
import pytest

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.kinds.base import Request
from rmqsync.kinds.context import Context
from rmqsync.model.address import Pattern
from rmqsync.model.changes import ClusterPlan, Impact, Loss, Ref
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.planning.draft import draft
from rmqsync.planning.plan import touched
from rmqsync.planning.rules import Rules
from tests.analysis.test_policies import operator, policy
from tests.broker.connect import api, to_broker
from tests.brokers import Broker
from tests.cli.workspace import GIT, Workspace
from tests.planning.builders import BUSY, IDLE, desired_of, exchange, plan_of, queue, rows, vhost

ALL = Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0))
Q, R = Ref("queue", ("v", "q")), Ref("queue", ("v", "r"))
HOLDS = {Q: BUSY, R: IDLE}
BASE = (vhost(), queue(), queue("r"), exchange())


def planned(
    before: list[Any],
    after: list[Any],
    rules: Rules = ALL,
    facts: dict[Ref, QueueFacts] = HOLDS,
) -> ClusterPlan:
    return plan_of(rows(*BASE, *after), rows(*BASE, *before), rules, facts, version="4.0.5")


def verdicts(plan: ClusterPlan) -> dict[str, tuple[Loss, str | None]]:
    """Loss and code of the hold by the name of the policy."""
    return {
        change.ref.key[1]: (change.loss, change.hold.code.value if change.hold else None)
        for change in plan.changes
    }


HELD, FREE = (Loss.MESSAGES, "loss"), (Loss.BEHAVIOUR, None)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([], [policy("p", {"max-length": 5})], {"p": HELD}, id="create"),
        pytest.param([], [policy("p", {"max-length": 7})], {"p": FREE}, id="nothing is over"),
        pytest.param([], [policy("p", {"expires": 5}, pattern="^r")], {"p": FREE}, id="empty"),
        pytest.param([], [policy("p", {"message-ttl": 5})], {"p": FREE}, id="ttl"),
        pytest.param([], [operator("p", {"max-length": 5})], {"p": HELD}, id="operator policy"),
        pytest.param(
            [policy("p", {"max-length": 9})],
            [policy("p", {"max-length": 5})],
            {"p": HELD},
            id="update",
        ),
        pytest.param(
            [policy("p", {"dead-letter-exchange": "e"})], [], {"p": HELD}, id="delete"
        ),
        pytest.param(
            [policy("p", {"dead-letter-exchange": "e"}, pattern="r")], [], {"p": FREE}, id="unused"
        ),
        pytest.param(
            [policy("p", {"alternate-exchange": "a"}, pattern="^e$")],
            [],
            {"p": HELD},
            id="exchange",
        ),
        pytest.param(
            [policy("p", {"max-length": 9})], [policy("q", {"max-length": 9})],
            {"p": FREE, "q": FREE},
            id="renamed",
        ),
    ],
)  # fmt: skip
def test_what_is_held(before: list[Any], after: list[Any], expected: dict[str, Any]) -> None:
    assert verdicts(planned(before, after)) == expected


def test_the_reason_says_what_is_lost_and_how_to_allow_it() -> None:
    facts = {Q: BUSY, R: QueueFacts(messages=6, unacknowledged=0, consumers=2)}

    (change,) = planned([], [policy("p", {"max-length": 5}, pattern="")], facts=facts).changes

    assert change.impact == Impact(messages=13, consumers=3)
    assert change.hold is not None
    assert change.hold.reason == (
        "max-length 5 would drop 2 messages of queue 'q' in vhost 'v', and 1 more like it; "
        "allowed loss is access"
    )
    assert change.hold.override == "--allow-loss messages:policy:v/p"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ([], {"expires": 5}, "expires 5 would delete {q} with 7 messages once it is unused"),
        ([], {"max-length-bytes": 5}, "max-length-bytes 5 may drop 7 messages of {q}"),
        ([{"dead-letter-exchange": "e"}], {"overflow": "drop-head"},
         "{q} is in use and would lose its dead-letter exchange"),
    ],
)  # fmt: skip
def test_every_danger_has_words(before: list[Any], after: Any, reason: str) -> None:
    (change,) = planned([policy("p", one) for one in before], [policy("p", after)]).changes

    assert change.hold is not None
    said = reason.format(q="queue 'q' in vhost 'v'")
    assert change.hold.reason == f"{said}; allowed loss is access"


def test_unknown_facts_count_as_the_worst() -> None:
    (change,) = planned([], [policy("p", {"max-length": 5})], facts={}).changes

    assert (change.loss, change.impact.messages) == (Loss.MESSAGES, None)
    assert change.hold is not None
    assert change.hold.reason.startswith("max-length 5 would drop messages of queue 'q'")


def test_an_override_counts_for_one_policy() -> None:
    rules = Rules(overrides={"policy:v/p": Loss.MESSAGES})
    after = [
        policy("p", {"max-length": 5}, pattern="^q"),
        operator("o", {"max-length-bytes": 5}, pattern="^q"),
    ]

    assert verdicts(planned([], after, rules)) == {"p": (Loss.MESSAGES, None), "o": HELD}


def test_no_change_relies_on_one_that_is_held() -> None:
    """`low` makes up for the end of `high`, but is held where it would cost another queue."""
    high = policy("high", {"max-length": 9}, priority=5, pattern="^q")
    before = [high, policy("low", {"max-length": 5}, pattern="^q")]
    after = [policy("low", {"max-length": 9}, pattern="^[qr]")]
    full = {Q: BUSY, R: QueueFacts(messages=20, unacknowledged=0, consumers=0)}

    assert verdicts(planned(before, after)) == {"high": FREE, "low": FREE}
    assert verdicts(planned(before, after, facts=full)) == {"high": HELD, "low": HELD}


def test_no_change_relies_on_one_that_is_protected() -> None:
    """Without both, dead letters would be lost; `low` stays and gives them after `high`."""
    before = [
        policy("high", {"dead-letter-exchange": "e"}, priority=5),
        policy("low", {"dead-letter-exchange": "e"}),
    ]
    rules = Rules(
        prune=Prune.ALL,
        max_deletes=MaxDeletes(share=1.0),
        protect=(Pattern("policy:v/low"),),
    )

    found = verdicts(planned(before, [], rules))

    assert found == {"high": FREE, "low": (Loss.BEHAVIOUR, "protected")}


def test_what_is_held_anyway_shows_its_loss_too() -> None:
    rules = Rules(prune=Prune.ALL, protect=(Pattern("policy:v/p"),))

    found = planned([policy("p", {"dead-letter-exchange": "e"})], [], rules)

    assert verdicts(found) == {"p": (Loss.MESSAGES, "protected")}


def test_facts_are_asked_for_where_they_decide() -> None:
    def asked(before: list[Any], after: list[Any]) -> set[Ref]:
        desired, live = desired_of(rows(*BASE, *after)), Live(rows(*BASE, *before), version=None)
        return set(touched(draft(desired, live, Context(), ALL)))

    assert asked([], [policy("p", {"max-length": 5})]) == {Q}
    assert asked([], [policy("p", {"max-length": 5}, pattern="")]) == {Q, R}
    assert asked([policy("p", {"alternate-exchange": "a"}, pattern="^e")], []) == set()
    assert asked([], [policy("p", {"message-ttl": 5})]) == set()
    assert asked([policy("p", {"max-length": 5})], [policy("p", {"max-length": 5})]) == set()


# With brokers.

TYPES = ("classic", "quorum")
_PATIENCE_S = 60.0


@pytest.fixture
def shop(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    broker: Broker,
) -> Workspace:
    """A queue of each type that holds ten messages, and a limit of a hundred."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    found = Workspace(tmp_path_factory.mktemp("workspace"), capsys, monkeypatch)
    found.cluster("one", broker)
    define(found, {"max-length": 100})
    assert found.apply().code == 0
    fill(broker, 10, *TYPES)
    until_counted(broker, 10)
    return found


def fill(broker: Broker, number: int, *kinds: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_uri("shop")))
    channel = connection.channel()
    channel.confirm_delivery()
    for kind in kinds:
        for _ in range(number):
            channel.basic_publish("", f"qu.{kind}", b"x")
    connection.close()


def empty(broker: Broker) -> None:
    with api(to_broker(broker)) as one:
        for kind in TYPES:
            one.send(Request("DELETE", ("queues", "shop", f"qu.{kind}", "contents")))
    until_counted(broker, 0)


def until_counted(broker: Broker, number: int) -> None:
    """Wait for the listing that facts are read from: it is some seconds late for quorum queues."""
    end = time.monotonic() + _PATIENCE_S
    with api(to_broker(broker)) as one:
        keys = [("shop", f"qu.{kind}") for kind in TYPES]
        while {facts.messages for facts in one.queue_facts(keys).values()} != {number}:
            assert time.monotonic() < end, "the broker does not count"
            time.sleep(0.3)


def define(shop: Workspace, definition: dict[str, Any]) -> None:
    shop.define(
        {
            "vhosts": [{"name": "shop"}],
            "queues": [
                {"vhost": "shop", "name": f"qu.{kind}", "arguments": {"x-queue-type": kind}}
                for kind in TYPES
            ],
            "policies": [
                {"vhost": "shop", "name": "limits", "pattern": "^qu", "definition": definition}
            ],
        }
    )


def left(broker: Broker) -> dict[str, int]:
    connection = pika.BlockingConnection(pika.URLParameters(broker.amqp_uri("shop")))
    channel = connection.channel()
    found = {
        kind: channel.queue_declare(f"qu.{kind}", passive=True).method.message_count
        for kind in TYPES
    }
    connection.close()
    return found


def test_a_lower_limit_is_held_and_drops_what_was_said_once_allowed(
    shop: Workspace, broker: Broker
) -> None:
    define(shop, {"max-length": 4})

    held = shop.apply()
    kept = left(broker)
    done = shop.apply("--allow-loss", "messages:policy:shop/limits")

    (change,) = held.cluster["changes"]
    assert (held.code, change["hold"]["code"], change["loss"]) == (3, "loss", "messages")
    assert kept == {"classic": 10, "quorum": 10}
    assert change["hold"]["reason"] == (
        "max-length 4 would drop 6 messages of queue 'qu.quorum' in vhost 'shop', "
        "and 1 more like it; allowed loss is access"
    )
    assert change["impact"]["messages"] == 20
    assert done.code == 0
    assert left(broker) == {"classic": 4, "quorum": 4}


@pytest.mark.parametrize("definition", [{"max-length": 10}, {"message-ttl": 1, "max-length": 50}])
def test_what_costs_nothing_is_not_held(
    shop: Workspace, broker: Broker, definition: dict[str, Any]
) -> None:
    define(shop, definition)

    done = shop.apply()

    assert done.code == 0
    assert left(broker) == {"classic": 10, "quorum": 10}


@pytest.mark.parametrize("definition", [{"max-length": 20}, {"max-length": 100, "expires": 99999}])
def test_messages_that_came_a_moment_ago_count(
    shop: Workspace, broker: Broker, definition: dict[str, Any]
) -> None:
    """A quorum queue is counted late: the number it has at hand would let this through."""
    empty(broker)
    define(shop, definition)
    fill(broker, 60, "quorum")

    held = shop.apply()

    (change,) = held.cluster["changes"]
    assert (held.code, change["loss"], change["impact"]["messages"]) == (3, "messages", 60)
    assert left(broker) == {"classic": 0, "quorum": 60}
