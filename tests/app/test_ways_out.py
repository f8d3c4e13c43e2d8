"""No run takes from a queue, at any moment, where its dead letters go before and after the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from rmqsync.analysis.policies import PolicyIndex
from rmqsync.config.cluster import MaxDeletes
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Outcome, Ref
from rmqsync.model.definitions import Rows, refs
from rmqsync.model.values import Row
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import Fault, MemoryCluster, State
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost, whole

Entry = tuple[str, dict[str, Any]]
RULES = Rules(max_deletes=MaxDeletes(share=1.0, objects=99, bindings=99))
SOURCE, OTHER = Ref("queue", ("v", "q")), Ref("queue", ("v", "s"))
"""Of the dead letters: both are in use."""


def policy(name: str, priority: int = 0, pattern: str = "^q$", **definition: Any) -> Entry:
    said = {key.replace("_", "-"): value for key, value in definition.items()}
    entry = {"vhost": "v", "name": name, "pattern": pattern, "priority": priority}
    return "policy", {**entry, "definition": said}


def dead(exchange: str, name: str = "p", priority: int = 0) -> Entry:
    return policy(name, priority, dead_letter_exchange=exchange)


def both(exchange: str, name: str, priority: int = 0) -> Entry:
    return policy(name, priority, "^[qs]$", dead_letter_exchange=exchange)


@dataclass
class Watched(MemoryCluster):
    """Remembers what there was after each write."""

    states: list[State] = field(default_factory=list)

    def _write(self, rows: Mapping[Ref, Row | None], do: Any) -> None:
        try:
            super()._write(rows, do)
        finally:
            self.states.append(dict(self.state))


def reached(state: State, source: Ref = SOURCE) -> set[str]:
    """Return the queues that get the dead letters of one, whatever their routing keys."""
    if source not in state:
        return set()
    live: Rows = {}
    for ref, row in state.items():
        live.setdefault(ref.kind, {})[ref.key] = row
    effective = PolicyIndex(live, Context()).of(source, state[source], live=True).definition
    found: set[str] = set()
    todo, seen = [effective.get("dead-letter-exchange")], set()
    while todo:
        name = todo.pop()
        if name in seen or Ref("exchange", ("v", str(name))) not in state:
            continue
        seen.add(name)
        for row in live.get("binding", {}).values():
            if row["source"] == name:
                is_queue = row["destination_type"] == "queue"
                (found.add if is_queue else todo.append)(row["destination"])
    return found


def run(
    before: Rows, wanted: Rows, faults: Mapping[int, Fault], *, bulk: bool = False
) -> tuple[Watched, dict[Ref, tuple[Outcome, str | None]]]:
    """Apply a commit to what another left, and return the cluster and what became of each."""
    repository = Repository()
    cluster = Watched(state_of(before), faults=dict(faults), busy={SOURCE.key, OTHER.key})
    repository.mark(cluster, repository.commit(before))
    current = repository.commit(wanted)
    planned = repository.plan(cluster, desired_of(wanted), current, RULES)
    results = applied(planned, bulk=bulk).results
    changes = (change.ref for change in planned.plan.changes)
    told = {r: (one.outcome, one.error) for r, one in zip(changes, results, strict=True)}
    return cluster, told


FIRST = rows(
    vhost(), queue(), queue("t"), exchange("d", type="fanout"), binding("d", "t"), dead("d")
)
MOVED = rows(
    vhost(), queue(), queue("u"), exchange("e", type="fanout"), binding("e", "u"), dead("e")
)


def said(found: Rows) -> list[str]:
    policies = found.get("policy", {}).values()
    return [
        *names(ref for ref in refs(found) if ref.kind != "policy"),
        *(f"policy:{one['name']} {one['priority']} {one['definition']}" for one in policies),
    ]


def names(found: Iterable[Ref]) -> list[str]:
    return [f"{ref.kind}:{'/'.join(ref.key[1:4])}" for ref in found]


def test_a_policy_is_set_once_there_is_what_it_names() -> None:
    _, results = run(FIRST, MOVED, {})

    assert names(results) == [
        "exchange:e",
        "queue:u",
        "binding:e/queue/u",
        "policy:p",
        "queue:t",
        "exchange:d",
    ]
    assert {outcome for outcome, _ in results.values()} == {Outcome.APPLIED}


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(1, id="the exchange"),
        pytest.param(2, id="the queue behind it"),
        pytest.param(3, id="what leads there"),
    ],
)
def test_a_policy_is_not_set_where_what_it_names_was_not_made(write: int) -> None:
    cluster, results = run(FIRST, MOVED, {write: Fault.REFUSED})

    outcome, error = results[Ref("policy", ("v", "p"))]
    assert outcome is Outcome.SKIPPED
    assert "which was not made" in str(error)
    assert reached(cluster.state) == {"t"}


def test_a_policy_for_what_is_made_with_it_is_set_first() -> None:
    """New queues have their policies from the beginning."""
    _, results = run(rows(vhost(), queue("other")), MOVED, {})

    assert names(results)[0] == "policy:p"


def test_all_policies_of_a_vhost_wait_for_one_of_them() -> None:
    """The other takes what this one is to give."""
    wanted = rows(
        vhost(),
        queue(),
        queue("t"),
        exchange("d", type="fanout"),
        exchange("e", type="fanout"),
        binding("d", "t"),
        binding("e", "t"),
        policy("p", 0, "^none$", dead_letter_exchange="d"),
        dead("e", "p2"),
    )

    _, results = run(FIRST, wanted, {})

    assert names(results)[:2] == ["exchange:e", "binding:e/queue/t"]
    assert sorted(names(results)[2:]) == ["policy:p", "policy:p2"]


def test_a_policy_covers_another_until_there_is_what_that_one_names() -> None:
    there = (vhost(), queue(), queue("t"), exchange("d", type="fanout"), binding("d", "t"))
    there = (*there, dead("e", "p"))
    wanted = rows(
        *there,
        exchange("e", type="fanout"),
        binding("e", "t"),
        policy("o", 2, "^s$", dead_letter_exchange="d"),
    )

    cluster, results = run(rows(*there, dead("d", "o", 2)), wanted, {})

    assert names(results) == ["exchange:e", "binding:e/queue/t", "policy:o"]
    assert all(reached(state) for state in cluster.states)


def test_the_default_exchange_waits_for_the_queue() -> None:
    straight = {"dead_letter_exchange": "", "dead_letter_routing_key": "u"}
    wanted = rows(vhost(), queue(), queue("u"), policy("p", **straight))

    _, results = run(FIRST, wanted, {})

    assert names(results)[:2] == ["queue:u", "policy:p"]


def test_an_alternate_exchange_is_a_way_out_as_well() -> None:
    before = rows(vhost(), exchange("x"))
    wanted = rows(
        vhost(),
        exchange("x"),
        queue("u"),
        exchange("e", type="fanout"),
        binding("e", "u"),
        policy("p", 0, "^x$", alternate_exchange="e"),
    )

    _, results = run(before, wanted, {})

    assert names(results)[-1] == "policy:p"


def test_policies_that_change_places_would_leave_a_moment_without() -> None:
    """Whichever goes first takes from its queue what only the other gives."""
    there = (vhost(), exchange("d", type="fanout"), queue(), queue("s"), queue("t"))
    there = (*there, binding("d", "t"))
    one, other = "^q$", "^s$"
    before, wanted = (
        rows(
            *there,
            policy("p", 0, a, dead_letter_exchange="d"),
            policy("r", 0, b, dead_letter_exchange="d"),
        )
        for a, b in ((one, other), (other, one))
    )

    cluster, results = run(before, wanted, {})

    assert {outcome for outcome, _ in results.values()} == {Outcome.SKIPPED}
    assert all("would lose its dead-letter exchange" in str(why) for _, why in results.values())
    assert all(reached(state, SOURCE) for state in cluster.states)


def test_policies_that_change_places_may_go_one_by_one() -> None:
    """The one that both have in between has what either needs."""
    there = (vhost(), exchange("d", type="fanout"), queue(), queue("t"), binding("d", "t"))
    before = rows(*there, dead("d", "p", 2), policy("r", 1, queue_mode="lazy"))
    wanted = rows(*there, policy("p", 0, queue_mode="lazy"), dead("d", "r", 1))

    cluster, results = run(before, wanted, {})

    assert list(results.values()) == [(Outcome.APPLIED, None)] * 2
    assert all(reached(state) for state in cluster.states)


UNIVERSE: list[list[Entry]] = [
    [queue("t")],
    [queue("u")],
    [exchange("d", type="fanout")],
    [exchange("e", type="fanout")],
    [binding("d", "t")],
    [binding("d", "u")],
    [binding("e", "t")],
    [binding("e", "u")],
    [binding("d", "e", destination_type="exchange")],
    [queue("s")],
    [dead("d"), dead("e"), policy("p", max_length=5), policy("p", 0, "^z$", max_length=5)],
    [dead("d", "r", 1), dead("e", "r", 1), policy("r", 1, max_length=5), both("d", "r", 1)],
    [both("d", "o"), both("e", "o", 2), policy("o", 2, "^s$", dead_letter_exchange="d")],
]


@st.composite
def sides(draw: st.DrawFn) -> Rows:
    """Draw a state in which the dead letters of `q` get somewhere."""
    by, to = draw(st.sampled_from("de")), draw(st.sampled_from("tu"))
    always = [queue(), queue(to), exchange(by, type="fanout"), binding(by, to)]
    more = [shapes for shapes in UNIVERSE if shapes[0] not in always]
    shapes = draw(st.tuples(*(st.sampled_from([None, *some]) for some in more)))
    entries = [*always, *(one for one in shapes if one is not None)]
    if not any(name == "policy" for name, _ in entries):
        entries.append(dead(by))
    found = whole(entries)
    assume(reached(state_of(found)))
    return found


@settings(max_examples=400)
@given(
    before=sides(),
    wanted=sides(),
    faults=st.dictionaries(st.integers(1, 12), st.sampled_from(Fault), max_size=2),
)
def test_dead_letters_always_get_somewhere(
    before: Rows, wanted: Rows, faults: dict[int, Fault]
) -> None:
    cluster, results = run(before, wanted, faults)

    note(f"before {said(before)}, wanted {said(wanted)}")
    note("\n".join(f"{ref}: {result}" for ref, result in results.items()))
    for source in (SOURCE, OTHER):
        if reached(state_of(before), source) and reached(state_of(wanted), source):
            for number, state in enumerate(cluster.states):
                assert reached(state, source), (source, number, cluster.writes[number])
