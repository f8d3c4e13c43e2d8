"""Bindings between exchanges are made once something leads on, and go before it does not."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.model.changes import Outcome, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.errors import Rejected
from rmqsync.model.values import Row
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import binding, desired_of, exchange, plan_of, queue, rows, vhost

ALL = Rules(prune=Prune.ALL, max_deletes=MaxDeletes(share=1.0, objects=99, bindings=99))
NAMES = "abcde"


def hop(source: str, to: str, key: str = "#") -> tuple[str, dict[str, Any]]:
    return binding(source, to, key, destination_type="exchange")


def there(*found: tuple[str, dict[str, Any]], **types: str) -> Rows:
    exchanges = [exchange(name, type=types.get(name, "topic")) for name in NAMES]
    return rows(vhost(), queue(), queue("r"), *exchanges, *found)


def order(wanted: Rows, live: Rows) -> list[str]:
    changes = plan_of(wanted, live, ALL).changes
    return [ends(one.ref) for one in changes]


@pytest.mark.parametrize("chain", ["abcq", "cbaq", "bcaq", "edcbaq", "q"])
def test_a_way_is_made_from_its_end_and_taken_from_its_beginning(chain: str) -> None:
    pairs = list(itertools.pairwise(chain))
    way = [binding(one, to, "#") if to == "q" else hop(one, to) for one, to in pairs]

    forth, back = order(there(*way), there()), order(there(), there(*way))

    assert back == ["".join(pair) for pair in pairs]
    assert forth == back[::-1]


def test_what_is_there_counts_as_well() -> None:
    live = there(hop("b", "a"), hop("c", "d"), binding("d", "q", "#"))

    assert order(there(hop("b", "a"), hop("c", "d"), hop("d", "b"), hop("a", "e")), live) == [
        "ae",
        "db",
        "dq",
    ]


HOPS = st.sets(st.tuples(*[st.sampled_from(NAMES)] * 2), max_size=8)


@given(HOPS)
def test_circles_are_made_as_well(pairs: set[tuple[str, str]]) -> None:
    found = order(there(*(hop(*pair) for pair in pairs), binding("a", "q")), there())

    assert sorted(found) == sorted(["aq", *("".join(pair) for pair in pairs)])
    assert found[0] == "aq"


def run(before: Rows, after: Rows, *pairs: str) -> dict[str, tuple[Outcome, str | None]]:
    """Apply; what is said of these bindings is refused."""

    class Refusing(MemoryCluster):
        def _write(self, written: Mapping[Ref, Row | None], do: Any) -> None:
            if any(ref.kind == "binding" and ends(ref) in pairs for ref in written):
                raise Rejected("no", 400, "this one fails")
            super()._write(written, do)

    cluster = Refusing(state_of(before))
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    planned = repository.plan(cluster, desired_of(after), repository.commit(after), ALL)
    result = applied(planned, bulk=False)
    return {
        ends(change.ref): (found.outcome, found.error)
        for change, found in zip(result.plan.changes, result.results, strict=True)
    }


def ends(ref: Ref) -> str:
    return str(ref.key[1] + ref.key[3])


@pytest.mark.parametrize(
    ("key", "types", "waits"),
    [
        pytest.param("order.#", {}, True, id="the alternate of a would not get it any more"),
        pytest.param("stock.#", {}, False, id="other keys"),
        pytest.param("stock.#", {"b": "fanout"}, True, id="whatever the key"),
        pytest.param("order.a", {"a": "direct"}, True, id="one key"),
    ],
)
def test_a_hop_waits_for_what_leads_on(key: str, types: dict[str, str], waits: bool) -> None:
    wanted = there(hop("a", "b", key), binding("b", "q", "order.#"), binding("b", "r"), **types)

    found = run(there(**types), wanted, "bq")

    reason = (
        "binding from exchange 'b' to queue 'q' with key 'order.#' in vhost 'v' is to lead on from "
        "there, and was not made"
    )
    assert found["bq"][0] is Outcome.FAILED
    assert found["ab"] == ((Outcome.SKIPPED, reason) if waits else (Outcome.APPLIED, None))


def test_a_hop_waits_however_far_away_it_fails() -> None:
    """And what it was to take the place of stays."""
    live = there(binding("a", "r", "#"), hop("b", "c"))
    wanted = there(hop("a", "b"), hop("b", "c"), hop("c", "d"), binding("d", "q", "#"))

    found = run(live, wanted, "dq")

    assert [found[one][0] for one in ("dq", "cd", "ab", "ar")] == [
        Outcome.FAILED,
        *[Outcome.SKIPPED] * 3,
    ]
    assert {outcome for outcome, _ in run(live, wanted).values()} == {Outcome.APPLIED}


@pytest.mark.parametrize(("key", "stays"), [("#", True), ("a.#", True), ("b.#", False)])
def test_what_a_hop_still_leads_to_stays_bound(key: str, stays: bool) -> None:
    found = run(there(hop("a", "b", key), binding("b", "q", "a")), there(), "ab")

    reason = (
        f"binding from exchange 'a' to exchange 'b' with key '{key}' in vhost 'v' was to go first, "
        "which was not done"
    )
    assert found["ab"][0] is Outcome.FAILED
    assert found["bq"] == ((Outcome.SKIPPED, reason) if stays else (Outcome.APPLIED, None))
