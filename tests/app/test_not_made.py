"""What a run did not make is planned again, also what goes by itself once it was made."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.cli.codes import Exit
from rmqsync.cli.outcome import code_of
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Outcome, Ref
from rmqsync.model.definitions import Rows
from tests.app.runs import applied, state_of
from tests.app.test_marker_kept import Story
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import binding, exchange, queue, rows, vhost

Entry = tuple[str, dict[str, Any]]
TEMPORARY = queue("tmp", auto_delete=True)
WANTED = rows(vhost(), TEMPORARY)
AGAIN = [("create", "queue:v/tmp", None)]


def test_what_goes_by_itself_and_was_refused_has_failed_and_is_planned_again() -> None:
    story = Story(rows(vhost()))
    planned = story.plan(WANTED)
    story.cluster.faults = {1: Fault.REFUSED}  # the marker is the first write

    (result,) = applied(planned).results

    assert (result.outcome, result.error) == (Outcome.FAILED, "this one fails")
    assert story.changes(WANTED) == AGAIN


def test_what_goes_by_itself_and_was_skipped_with_its_vhost_is_planned_again() -> None:
    story = Story(rows(vhost()))
    wanted = rows(vhost(), vhost("w"), queue("tmp", "w", auto_delete=True))
    planned = story.plan(wanted)
    story.cluster.faults = {1: Fault.REFUSED}

    applied(planned)

    assert story.changes(wanted) == [("create", "vhost:w", None), ("create", "queue:w/tmp", None)]


def test_what_goes_by_itself_and_was_no_target_is_planned_again() -> None:
    story = Story(rows(vhost()))
    wanted = rows(vhost(), TEMPORARY, queue("other"))

    applied(story.plan(wanted, target="queue:v/other"))

    assert story.changes(wanted) == AGAIN


@pytest.mark.parametrize(
    ("last", "live"),
    [
        pytest.param((), (), id="made now"),
        pytest.param((), (TEMPORARY,), id="made by somebody"),
        pytest.param((TEMPORARY,), (TEMPORARY,), id="made before"),
        pytest.param((TEMPORARY,), (), id="made before, and gone"),
    ],
)
def test_what_was_there_and_went_by_itself_is_not_planned_again(
    last: tuple[Entry, ...], live: tuple[Entry, ...]
) -> None:
    class Going(MemoryCluster):
        def send(self, request: Request) -> None:
            super().send(request)
            self.state.pop(Ref("queue", ("v", "tmp")), None)

    story = Story(rows(vhost(), *last))
    state = state_of(rows(vhost(), *live))
    story.cluster = Going(state, markers=story.cluster.markers)
    wanted = rows(vhost(), TEMPORARY, exchange())

    result = applied(story.plan(wanted))

    assert {one.outcome for one in result.results} == {Outcome.APPLIED}
    assert result.verified
    assert story.changes(wanted) == []


objects = st.lists(
    st.sampled_from(
        [
            vhost("w"),
            queue("a"),
            queue("t", auto_delete=True),
            queue("t", "w", auto_delete=True),
            exchange("e"),
            exchange("t", auto_delete=True),
            binding("e", "a", "k"),
            binding("t", "t", "k"),
        ]
    ),
    unique_by=str,
)


def _whole(found: list[Entry]) -> Rows:
    """Return them with all that any of them needs."""
    base = [vhost(), vhost("w"), exchange("e"), exchange("t", auto_delete=True)]
    needed = [*base, queue("a"), queue("t", auto_delete=True)]
    is_bound = any(kind == "binding" for kind, _ in found)
    return rows(*(needed if is_bound else base), *found)


@given(
    wanted=objects.map(_whole),
    faults=st.dictionaries(st.integers(1, 8), st.sampled_from(Fault), max_size=3),
    target=st.sampled_from([None, None, "queue:*", "*:w/*"]),
)
def test_whatever_was_not_made_is_planned_again(
    wanted: Rows, faults: dict[int, Fault], target: str | None
) -> None:
    story = Story(rows(vhost()))
    planned = story.plan(wanted, target=target)
    story.cluster.faults = faults
    result = applied(planned)
    story.cluster.faults = {}

    again = {change.ref for change in story.plan(wanted).plan.changes}

    assert again == state_of(wanted).keys() - story.cluster.state.keys()
    for change, one in zip(result.plan.changes, result.results, strict=True):
        if one.outcome is Outcome.APPLIED:
            assert change.ref in story.cluster.state


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(Fault.UNSENT, Exit.FAILED, id="nobody took it"),
        pytest.param(Fault.LATE, Exit.PARTIAL, id="a broker may be at it yet"),
    ],
)
def test_nothing_was_done_where_it_is_sure(fault: Fault, code: Exit) -> None:
    story = Story(rows(vhost()))
    planned = story.plan(rows(vhost(), queue("new")))
    story.cluster.faults = {1: fault}

    result = applied(planned, bulk=False)

    assert [one.outcome for one in result.results] == [Outcome.FAILED]
    assert code_of(result) is code
    assert (result.error is not None) is (fault is Fault.LATE)
    assert result.error is None or "may still be carried out" in result.error
