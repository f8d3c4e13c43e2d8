"""A change that was planned as harmless for the sake of another waits where that one fails."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.analysis.policy_losses import MOST_SINGLY
from rmqsync.config.cluster import MaxDeletes
from rmqsync.model.changes import ClusterResult, Loss, Outcome, Ref
from rmqsync.model.definitions import OnChangeRule, Rows
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost

DEAD, LIMIT = {"dead-letter-exchange": "e"}, {"max-length": 9}
FREE = MaxDeletes(share=1.0, objects=99, bindings=99)
FIRST = 1
"""The number of the first write: 0 is the marker."""
BUSY = frozenset({("v", "q")})
WITHOUT = (
    " in vhost 'v' was not applied, and without that queue 'q' in vhost 'v' is in use and would "
    "lose its dead-letter exchange; allowed loss is access"
)


def policy(name: str, priority: int = 0, **fields: Any) -> tuple[str, dict[str, Any]]:
    entry = {"vhost": "v", "name": name, "pattern": "^q$", "definition": DEAD, "priority": priority}
    return "policy", {**entry, **fields}


def around(*found: tuple[str, dict[str, Any]]) -> Rows:
    return rows(vhost(), exchange(), queue(), *found)


def run(
    before: Rows,
    after: Rows,
    *faults: int,
    fault: Fault = Fault.REFUSED,
    live: Rows | None = None,
    **guards: Any,
) -> tuple[MemoryCluster, ClusterResult]:
    """
    Apply `after` to a cluster on which `before` was applied; these writes go wrong.

    `live` is what it has, where that is more.
    """
    wrong = dict.fromkeys(faults, fault)
    cluster = MemoryCluster(state_of(live or before), busy=set(BUSY), faults=wrong)
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    rules = Rules(max_deletes=FREE, **guards)
    planned = repository.plan(cluster, desired_of(after), repository.commit(after), rules)
    assert not planned.plan.held
    return cluster, applied(planned, bulk=False)


def outcomes(result: ClusterResult) -> dict[str, tuple[Outcome, str | None]]:
    """Return what became of each object, by its name, or the keys of a binding."""
    return {
        change.ref.key[1] if change.ref.kind != "binding" else change.ref.key[4]: (
            found.outcome,
            found.error,
        )
        for change, found in zip(result.plan.changes, result.results, strict=True)
    }


FAILED, DONE = (Outcome.FAILED, "this one fails"), (Outcome.APPLIED, None)


def test_a_policy_stays_where_the_one_in_its_place_is_refused() -> None:
    cluster, result = run(around(policy("old")), around(policy("new")), FIRST)

    waits = (Outcome.SKIPPED, f"policy 'new'{WITHOUT}")
    assert outcomes(result) == {"new": FAILED, "old": waits}
    assert [key for _, key in cluster.read().rows["policy"]] == ["old"]


def test_a_policy_goes_once_the_one_in_its_place_is_there() -> None:
    _, result = run(around(policy("old")), around(policy("new")))

    assert outcomes(result) == {"new": DONE, "old": DONE}
    assert result.verified


def test_a_loss_that_is_allowed_is_allowed_where_another_fails() -> None:
    allowed = {"policy:v/old": Loss.MESSAGES}

    _, result = run(around(policy("old")), around(policy("new")), FIRST, overrides=allowed)

    assert outcomes(result) == {"new": FAILED, "old": DONE}


def test_what_holds_nothing_loses_nothing() -> None:
    before, after = around(policy("old", pattern="^idle$")), around(policy("new", pattern="^idle$"))
    for found in (before, after):
        found["queue"].update(rows(queue("idle"))["queue"])

    _, result = run(before, after, FIRST)

    assert outcomes(result) == {"new": FAILED, "old": DONE}


def test_an_exchange_stays_where_the_policy_that_named_it_still_does() -> None:
    other = rows(exchange("f"), binding("f"))
    before = around(policy("p"))
    after = around(policy("p", definition={"dead-letter-exchange": "f"}))
    for found in (before, after):
        for kind, more in other.items():
            found.setdefault(kind, {}).update(more)
    del after["exchange"]["v", "e"]

    _, failed = run(before, after, FIRST)
    _, made = run(before, after)

    assert outcomes(failed) == {"p": FAILED, "e": (Outcome.SKIPPED, f"policy 'p'{WITHOUT}")}
    assert outcomes(made) == {"p": DONE, "e": DONE}


def test_an_exchange_stays_where_a_queue_that_dead_letters_to_it_does() -> None:
    """The queue was empty when it was planned, and got a message before it went."""
    before = around(queue("r", arguments={"x-dead-letter-exchange": "e"}))
    after = rows(vhost(), queue())
    cluster = MemoryCluster(state_of(before), busy=set(BUSY))
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    rules = Rules(max_deletes=FREE)
    planned = repository.plan(cluster, desired_of(after), repository.commit(after), rules)
    assert not planned.plan.held
    cluster.busy.add(("v", "r"))

    found = outcomes(applied(planned, bulk=False))

    assert [outcome for outcome, _ in found.values()] == [Outcome.SKIPPED] * 2
    assert found["e"][1] == (
        "queue 'r' in vhost 'v' was not applied, and without that queue 'r' in vhost 'v' is in use "
        "and would lose its dead-letter exchange; allowed loss is access"
    )


def test_a_policy_stays_where_another_was_to_be_changed_for_it() -> None:
    before = around(policy("low", definition=LIMIT), policy("old", 1))
    after = around(policy("low"))

    _, result = run(before, after, FIRST)

    waits = (Outcome.SKIPPED, f"policy 'low'{WITHOUT}")
    assert outcomes(result) == {"low": FAILED, "old": waits}


@pytest.mark.parametrize("more", [0, MOST_SINGLY], ids=["few", "many"])
def test_what_is_relied_on_goes_first_among_what_could_go_at_once(more: int) -> None:
    """By name alone `a` would be changed before `z` is refused."""
    others = [policy(f"b{number}", pattern=f"^other{number}$") for number in range(more)]
    before, after = around(policy("a")), around(policy("a", definition=LIMIT), policy("z", 1))
    after["policy"].update(rows(*others).get("policy", {}))

    cluster, result = run(before, after, FIRST + more)

    waits = (Outcome.SKIPPED, f"policy 'z'{WITHOUT}")
    found = outcomes(result)
    assert (found["a"], found["z"]) == (waits, FAILED)
    assert cluster.read().rows["policy"]["v", "a"]["definition"] == DEAD


def test_a_binding_stays_where_that_with_the_new_key_is_refused() -> None:
    cluster, result = run(around(binding(key="a")), around(binding(key="b")), FIRST)

    waits = (
        Outcome.SKIPPED,
        "binding from exchange 'e' to queue 'q' with key 'b' in vhost 'v' is to take its place, "
        "and was not made",
    )
    assert outcomes(result) == {"b": FAILED, "a": waits}
    assert [key[4] for key in cluster.read().rows["binding"]] == ["a"]


@pytest.mark.parametrize("source", ["e", "f"])
def test_a_binding_waits_for_whatever_is_to_lead_on_from_the_same_exchange(source: str) -> None:
    """`order.#` to one queue, and then `order.paid` to another, which is not made."""
    before = around(binding(source, destination="r", key="a.#"))
    after = around(binding(key="a.b"))
    for found in (before, after):
        found["queue"].update(rows(queue("r"))["queue"])
        found["exchange"].update(rows(exchange("f"))["exchange"])

    _, result = run(before, after, FIRST)

    expected = DONE
    if source == "e":
        expected = (
            Outcome.SKIPPED,
            "binding from exchange 'e' to queue 'q' with key 'a.b' in vhost 'v' is to take its "
            "place, and was not made",
        )
    assert outcomes(result) == {"a.b": FAILED, "a.#": expected}


def test_a_binding_stays_where_its_exchange_is_not_replaced_after_all() -> None:
    """`a.*` takes nothing in an exchange that is direct still."""
    one, other = exchange("x", type="direct"), exchange("x", type="topic")
    before = rows(vhost(), queue(), one, binding("x", key="a.b"))
    after = rows(vhost(), queue(), other, binding("x", key="a.*"))

    def changed(*faults: int) -> tuple[MemoryCluster, dict[str, tuple[Outcome, str | None]]]:
        cluster = MemoryCluster(state_of(before), faults=dict.fromkeys(faults, Fault.REFUSED))
        repository = Repository()
        repository.mark(cluster, repository.commit(before))
        ref = Ref("exchange", ("v", "x"))
        desired = desired_of(after, on_change={ref: OnChangeRule.RECREATE})
        planned = repository.plan(
            cluster, desired, repository.commit(after), Rules(max_deletes=FREE)
        )
        return cluster, outcomes(applied(planned, bulk=False))

    cluster, found = changed(FIRST)
    _, without = changed()

    assert found["x"][0] is Outcome.FAILED
    assert found["a.b"] == (
        Outcome.SKIPPED,
        "exchange 'x' in vhost 'v' was not replaced, and what leads on from it stays until it is",
    )
    assert "a.b" in {key[4] for key in cluster.read().rows["binding"]}
    assert {outcome for outcome, _ in without.values()} == {Outcome.APPLIED}


@pytest.mark.parametrize("is_kept", [True, False], ids=["unbound", "with its queue"])
def test_what_is_moved_to_a_queue_that_is_not_made_stays_where_it_was(is_kept: bool) -> None:
    old = [queue("old")]
    before = around(*old, binding(destination="old"))
    after = around(*(old if is_kept else []), queue("new"), binding(destination="new"))

    cluster, result = run(before, after, FIRST)

    assert [one.outcome for one in result.results] == [
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.SKIPPED,
    ]
    assert [key[3] for key in cluster.read().rows["binding"]] == ["old"]


HASHING = exchange(type="x-consistent-hash")
LIGHT = rows(vhost(), HASHING, queue(), binding(key="1"))
HEAVY = rows(vhost(), HASHING, queue(), binding(key="2"))
SECOND = FIRST + 1


def test_a_weight_that_went_first_is_there_again_where_the_new_one_is_refused() -> None:
    """A consistent hash exchange counts one binding of a destination: that has to go before."""
    cluster, result = run(LIGHT, HEAVY, SECOND)

    again = (
        "binding from exchange 'e' to queue 'q' with key '2' in vhost 'v' is to take its place, "
        "and was not made; it was declared again"
    )
    assert outcomes(result) == {"1": (Outcome.FAILED, again), "2": FAILED}
    assert [key[4] for key in cluster.read().rows["binding"]] == ["1"]


def test_a_weight_is_not_made_again_beside_one_that_nobody_heard_of() -> None:
    cluster, result = run(LIGHT, HEAVY, SECOND, fault=Fault.ANSWER_LOST)

    assert outcomes(result) == {"1": DONE, "2": DONE}
    assert [key[4] for key in cluster.read().rows["binding"]] == ["2"]


def test_a_weight_that_somebody_else_gave_is_no_reason_not_to_make_it_again() -> None:
    """That one never counted, and does not when the first is gone."""
    before = rows(vhost(), HASHING, queue(), binding(key="1"), binding(key="3"))
    cluster, result = run(LIGHT, HEAVY, SECOND, live=before)

    assert {key: found[0] for key, found in outcomes(result).items()} == dict.fromkeys(
        "12", Outcome.FAILED
    )
    assert sorted(key[4] for key in cluster.read().rows["binding"]) == ["1", "3"]


SHOVEL = (
    "shovel",
    {
        "vhost": "v",
        "name": "s",
        "src-protocol": "amqp091",
        "src-uri": "amqp://",
        "src-queue": "q",
        "dest-protocol": "amqp091",
        "dest-uri": "amqp:///v",
        "dest-queue": "old",
    },
)
MOVING = (
    Outcome.SKIPPED,
    "shovel 's' may move messages into it, which were confirmed to publishers; remove or change "
    "that first, or in the same run",
)


def test_a_queue_stays_into_which_a_shovel_moves_messages_that_could_not_be_removed() -> None:
    before, after = around(queue("old"), SHOVEL), around()

    cluster, result = run(before, after, FIRST)
    _, without = run(before, after)

    assert outcomes(result) == {"s": FAILED, "old": MOVING}
    assert ("v", "old") in cluster.read().rows["queue"]
    assert outcomes(without) == {"s": DONE, "old": DONE}


def test_it_goes_all_the_same_where_that_is_allowed() -> None:
    allowed = {"queue:v/old": Loss.MESSAGES}

    _, result = run(around(queue("old"), SHOVEL), around(), FIRST, overrides=allowed)

    assert outcomes(result) == {"s": FAILED, "old": DONE}


def moved(policy_for: str, dead: str = "e") -> tuple[Rows, Rows]:
    """Return a state, and one in which messages go to `r` instead, which has a policy for it."""
    there = (exchange("f"), binding("e", "q", "dead"))
    before = around(*there, binding("f", "q", "a"), queue("s"))
    new = policy("new", pattern=policy_for, definition={"dead-letter-exchange": dead})
    after = around(*there, queue("s"), queue("r"), binding("f", "r", "b"), new)
    return before, after


def test_messages_are_not_moved_to_what_has_no_way_out_as_its_policy_is_refused() -> None:
    before, after = moved("^r$")

    cluster, result = run(before, after, FIRST)

    found = outcomes(result)
    lack = "it has no way out without policy 'new' in vhost 'v', which was not applied"
    assert found["new"] == FAILED
    assert found["r"] == (Outcome.SKIPPED, lack)
    assert {found[key][0] for key in "ab"} == {Outcome.SKIPPED}
    assert ("v", "f", "queue", "q", "a") in {key[:5] for key in cluster.read().rows["binding"]}
    assert set(outcomes(run(before, after)[1]).values()) == {DONE}


def test_messages_stay_where_the_policy_for_the_new_queue_comes_late_and_is_refused() -> None:
    """It is for queues that are there as well, and names what the run makes: it comes last."""
    before, after = moved("^[rs]$", dead="late")
    for kind, more in rows(exchange("late"), binding("late", "q", "c")).items():
        after[kind].update(more)
    order = list(outcomes(run(before, after)[1]))
    number = FIRST + order.index("new")

    cluster, result = run(before, after, number)

    found = outcomes(result)
    assert (found["new"], found["r"], found["b"]) == (FAILED, DONE, DONE)
    was = "policy 'new' in vhost 'v' was not applied, and what is to take its place needs that"
    assert found["a"] == (Outcome.SKIPPED, was)
    assert ("v", "f", "queue", "q", "a") in {key[:5] for key in cluster.read().rows["binding"]}
