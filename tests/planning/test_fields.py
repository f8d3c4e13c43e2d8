"""Which fields of an object differ."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.model.changes import ABSENT
from rmqsync.model.values import Row, same
from rmqsync.planning.fields import changed_fields, with_value

# Few names and values, so that the two sides meet; names that a path might be torn apart by.
names = st.sampled_from(["a", "__TypeId__", "secret", "'", '"]["', "", "1", "root"])
values = st.recursive(
    st.sampled_from([0, 1, 1.0, True, False, None, "", "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=5,
)
some_arguments = st.dictionaries(names, values, max_size=3)


def with_arguments(arguments: dict[str, Any]) -> Row:
    return KINDS["queue"].complete({"vhost": "v", "name": "q", "arguments": arguments})


def test_a_row_that_lacks_nearly_all_fields_is_compared_field_by_field():
    """As a vhost in an export of 3.10 against the vhost itself: deepdiff would give up on it."""
    bare = {"name": "/"}
    whole = {"name": "/", "description": "of all", "tags": [], "tracing": False}

    found = changed_fields(KINDS["vhost"], bare, whole)

    assert [(one.path, one.before, one.after) for one in found] == [
        (("description",), ABSENT, "of all"),
        (("tags",), ABSENT, []),
        (("tracing",), ABSENT, False),
    ]


@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        pytest.param(1, 2, ("__TypeId__",), id="a name that Python would call private"),
        pytest.param({"__x": 1}, {"__x": 2}, ("__TypeId__", "__x"), id="such a name further in"),
        pytest.param([1], [1.0], ("__TypeId__",), id="a list of numbers of another type"),
        pytest.param([True], [1], ("__TypeId__",), id="a list of true or 1"),
        pytest.param([{"__x": 1}], [{"__x": 2}], ("__TypeId__",), id="mappings in a list"),
    ],
)
def test_what_differs_for_the_broker_is_listed(before: Any, after: Any, path: tuple[str, ...]):
    sides = [with_arguments({"__TypeId__": value}) for value in (before, after)]

    found = changed_fields(KINDS["queue"], *sides)

    assert [one.path for one in found] == [("arguments", *path)]
    assert found[0].forces_replacement


@settings(max_examples=500)
@given(some_arguments, some_arguments)
def test_with_all_that_is_listed_one_side_is_the_other(one: Row, other: Row):
    before, after = with_arguments(one), with_arguments(other)

    found = changed_fields(KINDS["queue"], before, after)

    assert same(
        reduce(lambda row, field: with_value(row, field.path, field.after), found, before), after
    )
    assert bool(found) is not same(before, after)
