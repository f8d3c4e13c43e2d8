"""Which policy is in effect, and for which objects another one will be."""

import time
from typing import Any

import pytest

from rmqsync.analysis.policies import Altered, Effective, PolicyIndex, changed, effective
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Row
from tests.planning.builders import exchange, queue, rows

OLD, NEW = Context(version=(3, 10, 8)), Context(version=(4, 3, 6))
Q = Ref("queue", ("v", "q"))


def policy(
    name: str, definition: Row, kind: str = "policy", **fields: Any
) -> tuple[str, dict[str, Any]]:
    entry = {"vhost": "v", "name": name, "pattern": "^q", "definition": definition}
    return kind, {**entry, **fields}


def operator(name: str, definition: Row, **fields: Any) -> tuple[str, dict[str, Any]]:
    return policy(name, definition, "operator_policy", **fields)


def of_queue(*policies: Any, kind: str = "classic", context: Context = NEW) -> Effective:
    found = rows(*policies, queue(arguments={"x-queue-type": kind}))
    return PolicyIndex(found, context).of(Q, found["queue"]["v", "q"])


@pytest.mark.parametrize(
    ("policies", "name"),
    [
        pytest.param((), None, id="none"),
        pytest.param((policy("a", {"expires": 5}, pattern="^x"),), None, id="none matches"),
        pytest.param((policy("a", {"expires": 5}, vhost="w"),), None, id="other vhost"),
        pytest.param(
            (policy("a", {"expires": 5}), policy("b", {"expires": 6}, priority=0.5)),
            "b",
            id="highest priority",
        ),
        pytest.param(
            (policy("a", {"expires": 5}), policy("b", {"max-age": "1D"}, priority=1)),
            "a",
            id="one key that the type lacks",
        ),
        pytest.param(
            (policy("a", {"expires": 5}, **{"apply-to": "exchanges"}),), None, id="for exchanges"
        ),
        pytest.param(
            (policy("a", {"expires": 5}, **{"apply-to": "classic_queues"}),), "a", id="its type"
        ),
        pytest.param(
            (policy("a", {"expires": 5}, **{"apply-to": "quorum_queues"}),), None, id="other type"
        ),
    ],
)
def test_which_policy_wins(policies: tuple[Any, ...], name: str | None) -> None:
    found = of_queue(*policies)

    assert (found.policy, found.ambiguous) == (name, False)


def test_which_keys_a_type_lacks_depends_on_the_version() -> None:
    one = policy("a", {"queue-leader-locator": "balanced"})

    assert of_queue(one, context=OLD).policy is None
    assert of_queue(one, context=NEW).policy == "a"


def test_exchanges_take_any_key() -> None:
    found = rows(
        policy("queues", {"max-length": 5}, priority=1),
        policy("ae", {"alternate-exchange": "x"}),
        operator("o", {"delivery-limit": 5}),
        exchange("q"),
    )

    assert PolicyIndex(found, NEW).all(found) == {
        Ref("exchange", ("v", "q")): Effective(
            "queues", "o", {"max-length": 5, "delivery-limit": 5}
        )
    }


def test_equal_priorities_are_ambiguous() -> None:
    two = (policy("b", {"expires": 5}), policy("a", {"expires": 6}))
    higher = policy("c", {"expires": 7}, priority=1)
    op = (operator("x", {"expires": 5}), operator("y", {"expires": 5}))

    assert of_queue(*two) == Effective("a", None, {"expires": 6}, True)
    assert of_queue(*two, higher) == Effective("c", None, {"expires": 7}, False)
    assert of_queue(higher, *op) == Effective("c", "x", {"expires": 5}, True)


@pytest.mark.parametrize(
    ("key", "mine", "theirs", "old", "new"),
    [
        ("message-ttl", 5, 3, 3, 3),
        ("max-length", 3, 5, 3, 3),
        ("delivery-limit", 3, 5, 3, 3),
        ("delivery-limit", -1, 5, -1, 5),
        ("overflow", "drop-head", "reject-publish", "reject-publish", "reject-publish"),
        ("target-group-size", 3, 5, 5, 5),
        ("delayed-retry-max", 3, 5, 3, 3),
        ("delayed-retry-min", 3, 5, 5, 5),
        ("ha-mode", "nodes", "exactly", "exactly", "exactly"),
        ("ha-mode", "all", "exactly", "all", "all"),
        ("ha-params", 3, 2, 3, 3),
        ("ha-params", ["a"], 2, 2, 2),
        ("ha-params", ["a"], ["b", "c"], ["b", "c"], ["b", "c"]),
        ("queue-version", 1, 2, 2, 2),
    ],
)
def test_an_operator_policy_is_merged(key: str, mine: Any, theirs: Any, old: Any, new: Any) -> None:
    both = (policy("p", {key: mine, "queue-mode": "lazy"}), operator("o", {key: theirs}))
    found = rows(*both, exchange("q"))  # which takes any key

    for context, expected in ((OLD, old), (NEW, new)):
        one = effective(
            "exchange",
            found["exchange"]["v", "q"],
            found["policy"].values(),
            found["operator_policy"].values(),
            context,
        )
        assert one == Effective("p", "o", {key: expected, "queue-mode": "lazy"})


def test_nothing_changed() -> None:
    before = rows(policy("a", {"expires": 5}), queue())

    assert changed(before, rows(policy("a", {"expires": 5}), queue("q"), queue("r")), NEW) == []


def test_what_is_in_effect_before_and_after() -> None:
    low = policy("low", {"expires": 5}, pattern=".*", priority=-1)
    before = rows(low, policy("a", {"max-length": 5}), queue(), queue("r"), exchange())
    after = rows(low, policy("a", {"max-length": 6}, pattern="^r"), queue(), queue("r"), exchange())

    assert changed(before, after, NEW) == [
        Altered(Q, Effective("a", None, {"max-length": 5}), Effective("low", None, {"expires": 5})),
        Altered(
            Ref("queue", ("v", "r")),
            Effective("low", None, {"expires": 5}),
            Effective("a", None, {"max-length": 6}),
        ),
    ]


def test_a_queue_of_another_type_may_have_another_policy() -> None:
    one = policy("a", {"delivery-limit": 5})
    before, after = rows(one, queue()), rows(one, queue(arguments={"x-queue-type": "quorum"}))

    assert changed(before, after, NEW) == [
        Altered(Q, Effective(None, None, {}), Effective("a", None, {"delivery-limit": 5}))
    ]


def test_a_queue_that_is_declared_without_a_type_keeps_the_one_it_has() -> None:
    quorum = queue(arguments={"x-queue-type": "quorum"})
    before = rows(policy("a", {"delivery-limit": 5}), quorum)
    after = rows(policy("a", {"delivery-limit": 6}), queue())

    assert changed(before, after, NEW) == [
        Altered(
            Q,
            Effective("a", None, {"delivery-limit": 5}),
            Effective("a", None, {"delivery-limit": 6}),
        )
    ]


def test_a_live_queue_without_a_type_is_classic_whatever_the_default() -> None:
    context = Context(version=(3, 10, 8), default_queue_types={"v": "quorum"})
    found = rows(policy("a", {"delivery-limit": 5}), queue())

    assert PolicyIndex(found, context).all(found, live=True)[Q].policy is None
    assert PolicyIndex(found, context).all(found)[Q].policy == "a"


def test_ten_thousand_queues_and_fifty_policies_take_no_time() -> None:
    """A third of a second on a machine at rest; the bound is for one that is not."""
    found: Rows = rows(
        *(
            policy(f"p{n}", {"max-length": n}, pattern=pattern.format(n), priority=n)
            for n in range(5, 55)
            for pattern in [(r"^qu\.{}\.", r"\.{}$", "^(?!amq).*-{}-")[n % 3]]
        )
    )
    found |= rows(*(queue(f"qu.{n % 60}.order.{n}") for n in range(10_000)))
    index = PolicyIndex(found, NEW)
    index.all(rows(queue()))  # compiles
    began = time.process_time()

    effective = index.all(found)

    assert time.process_time() - began < 1.5
    assert sum(1 for one in effective.values() if one.policy) > 2000
