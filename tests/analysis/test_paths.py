"""Where bindings lead from an exchange, with a routing key and without."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.analysis.paths import by_source, leading_on, matches, meeting, types_of
from rmqsync.model.changes import Ref
from tests.planning.builders import binding, exchange, rows


@pytest.mark.parametrize(
    ("sort", "bound", "key", "expected"),
    [
        ("direct", "a.b", "a.b", True),
        ("direct", "a.*", "a.b", False),
        ("direct", "#", "a", False),
        ("topic", "a.b", "a.b", True),
        ("topic", "a.*", "a.b", True),
        ("topic", "a.*", "a", False),
        ("topic", "a.*", "a.b.c", False),
        ("topic", "#", "", True),
        ("topic", "#", "a.b.c", True),
        ("topic", "*", "", False),
        ("topic", "a.#", "a", True),
        ("topic", "a.#.c", "a.c", True),
        ("topic", "a.#.c", "a.b.b.c", True),
        ("topic", "a.#.c", "a.b", False),
        ("topic", "#.b.#", "a.b.c", True),
        ("topic", "*.#", "a", True),
        ("topic", "", "", True),
        ("topic", "", "a", False),
    ],
)
def test_keys(sort: str, bound: str, key: str, expected: bool) -> None:
    assert matches(sort, bound, key) is expected


def test_a_key_decides_at_every_exchange_that_asks_for_one() -> None:
    found = rows(
        exchange("d", type="direct"),
        exchange("t", type="topic"),
        exchange("f", type="fanout"),
        binding("d", "t", key="a.b", destination_type="exchange"),
        binding("d", "q", key="x"),
        binding("t", "f", key="a.#", destination_type="exchange"),
        binding("t", "r", key="*.c"),
        binding("f", "s", key="whatever"),
    )
    bindings, start = by_source(found["binding"], {"v"}), Ref("exchange", ("v", "d"))
    types = types_of(found, {"v"}, ())

    def queues(key: str | None, alternates: tuple[Ref, ...] = ()) -> set[str]:
        known = {ref: sort for ref, sort in types.items() if ref not in alternates}
        way = leading_on(start, bindings, key, known)
        return {ref.key[1] for ref in way if ref.kind == "queue"}

    assert queues(None) == {"q", "r", "s"}
    assert queues("a.b") == {"s"}
    assert queues("x") == {"q"}
    assert queues("y") == set()
    assert queues("y", alternates=(start,)) == {"q"}
    assert types_of(found, {"v"}, {start}).keys() == {Ref("exchange", ("v", "t"))}


WORDS = st.sampled_from(["a", "b", "*", "#"])
BOUND = st.lists(WORDS, max_size=4).map(".".join)


@given(st.sampled_from(["direct", "topic"]), BOUND, st.sampled_from(["direct", "topic"]), BOUND)
def test_where_two_bindings_meet(sort: str, bound: str, other_sort: str, other: str) -> None:
    """By trying all keys of a few words: where one of them fits, one is found."""
    words = ["a", "b", "*", "#", "\0"]
    keys = [".".join(some) for n in range(5) for some in product(words, repeat=n)]
    both = [key for key in keys if matches(sort, bound, key) and matches(other_sort, other, key)]

    found = meeting(sort, bound, other_sort, other)

    assert all(matches(sort, bound, key) and matches(other_sort, other, key) for key in found)
    assert found or not both


def test_what_may_have_any_key_meets_every_binding() -> None:
    assert meeting("direct", "a.*", None, "") == {"a.*"}
    assert meeting("topic", "a.*", None, "") == {"a.\0"}
    assert meeting("topic", "#", None, "x") == {"", "\0", "\0.\0"}
