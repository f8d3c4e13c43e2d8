"""When a marker says anything new."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmqsync.model.marker import Entry, Marker
from rmqsync.planning.marking import ended, is_due
from rmqsync.planning.ownership import Ownership
from tests.planning.builders import PLACE, desired_of, rows, vhost

BEFORE = Marker(
    "1", "one", members=("a", "b"), applied=Entry("0" * 40, "0" * 40, ".", ("base",), at="then")
)


@pytest.mark.parametrize(
    ("nodes", "due"),
    [
        pytest.param(("a", "b"), False, id="the same"),
        pytest.param(("b",), False, id="one is down: it still is a member"),
        pytest.param(("b", "c"), True, id="one was replaced"),
        pytest.param(("a", "b", "c"), True, id="one was added"),
    ],
)
def test_a_node_that_joined_is_written_down(nodes: tuple[str, ...], due: bool) -> None:
    """Else a cluster whose nodes are replaced one by one is taken for another in the end."""
    assert is_due(BEFORE, replace(BEFORE, members=nodes)) == due


NEXT = replace(BEFORE.applied or Entry("", "", "", ()), commit="1" * 40, at=None)
"""Says the same as what was applied."""


@pytest.mark.parametrize(
    ("made", "stance", "commit", "at"),
    [
        pytest.param(True, {}, "1", PLACE.at, id="a run with changes, as one that heals"),
        pytest.param(False, {}, "0", "then", id="one that only looked"),
        pytest.param(True, {"is_aside": True}, "0", PLACE.at, id="one that may be older"),
        pytest.param(
            False, {"is_aside": True, "rewinds": True}, "1", PLACE.at, id="one that is allowed to"
        ),
        pytest.param(False, {"rewinds": True}, "0", "then", id="one that is ahead all the same"),
    ],
)
def test_what_is_said_to_be_applied_last_moves_with_the_runs(
    made: bool, stance: dict[str, bool], commit: str, at: str
) -> None:
    """Drift is told to be since the last run with changes; what follows has to descend from it."""
    own = Ownership(is_judged=True, marker=BEFORE, current=NEXT, **stance)
    desired = desired_of(rows(vhost()))

    after = ended(own, PLACE, desired, desired.rows, (), adopted=False, made=made)

    assert after.applied is not None
    assert (after.applied.commit, after.applied.at) == (commit * 40, at)


def test_the_last_run_is_named_where_several_may_be_in_force() -> None:
    marker = replace(BEFORE, runs=(NEXT,), running=replace(NEXT, commit="2" * 40))

    assert Ownership(is_judged=True, marker=marker).last_run == NEXT
    assert Ownership(is_judged=True, marker=BEFORE).last_run == BEFORE.applied
