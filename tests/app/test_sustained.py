"""What is to stay does not go with its last binding, whatever becomes of any write of a run."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.model.changes import Action, ClusterResult, Loss, Outcome, Ref
from rmqsync.model.definitions import OnChangeRule, Rows, refs
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost, whole

FREE = Rules(
    prune=Prune.ALL,
    allow_loss=Loss.MESSAGES,
    max_deletes=MaxDeletes(share=1.0, objects=99, bindings=99),
)
Entry = tuple[str, dict[str, Any]]
HASH = "x-consistent-hash"


def run(
    before: Rows, after: Rows, live: Rows, faults: dict[int, Fault], **guards: Any
) -> tuple[MemoryCluster, ClusterResult]:
    """Apply `after` to a cluster that has `live`, and on which `before` was applied."""
    cluster = MemoryCluster(state_of(live), faults=faults)
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    recreated = dict.fromkeys(refs(after), OnChangeRule.RECREATE)
    desired = desired_of(after, on_change=recreated)
    planned = repository.plan(cluster, desired, repository.commit(after), FREE, **guards)
    return cluster, applied(planned, bulk=False)


AD = exchange("ad", auto_delete=True)
FIRST = 1
"""The number of the first write: 0 is the marker."""


def test_the_last_binding_stays_where_another_is_refused() -> None:
    around = [vhost(), AD, queue(), queue("r")]
    before = rows(*around, binding("ad", key="old"))
    after = rows(*around, binding("ad", "r", key="new"))

    cluster, result = run(before, after, before, {FIRST: Fault.REFUSED})
    _, done = run(before, after, before, {})

    assert [one.outcome for one in done.results] == [Outcome.APPLIED, Outcome.APPLIED]
    assert [one.outcome for one in result.results] == [Outcome.FAILED, Outcome.SKIPPED]
    assert "it would take down exchange:v/ad" in (result.results[1].error or "")
    assert cluster.state == state_of(before)


def test_the_last_binding_stays_where_another_is_not_put_back() -> None:
    """A replaced queue is there again, one of its bindings is not."""
    around = [vhost(), AD, queue("r"), binding("ad"), binding("ad", "r")]
    before = rows(*around, queue())
    after = rows(vhost(), AD, binding("ad"), queue(arguments={"x-max-length": 9}))
    put_back = FIRST + 2

    cluster, result = run(before, after, before, {put_back: Fault.REFUSED})
    _, done = run(before, after, before, {})

    assert [one.outcome for one in done.results] == [Outcome.APPLIED, Outcome.APPLIED]
    assert result.results[1].outcome is Outcome.SKIPPED
    assert Ref("exchange", ("v", "ad")) in cluster.state


def _universe() -> list[list[Entry]]:
    """Return every object that there may be, in two shapes."""
    names = ("a", "b", "h")
    found: list[list[Entry]] = [
        [exchange("a", auto_delete=True), exchange("a")],
        [exchange("b", auto_delete=True), exchange("b", auto_delete=True, type="fanout")],
        [exchange("h", type=HASH, auto_delete=True)] * 2,
        [exchange("e"), exchange("e", type="fanout")],
    ]
    found += [[queue(name), queue(name, arguments={"x-max-length": 9})] for name in "qr"]
    for source in names:
        found += [[binding(source, name, "1"), binding(source, name, "2")] for name in "qr"]
        found += [
            [binding(source, other, "1", destination_type="exchange")] * 2
            for other in (*names, "e")
            if other != source
        ]
    return found


UNIVERSE = _universe()
FATES = st.sampled_from(["live last", "live", "live last desired", "changed", "desired", ""])
faults = st.dictionaries(
    st.integers(FIRST, 12),
    st.sampled_from([Fault.REFUSED, Fault.REFUSED, Fault.UNSENT]),
    max_size=2,
)


@st.composite
def stories(draw: st.DrawFn) -> dict[str, Rows]:
    """Draw what a cluster has, what was applied to it last, and what git says now."""
    sides: dict[str, list[Entry]] = {"live": [], "last": [], "desired": []}
    for shapes in UNIVERSE:
        fate = draw(FATES)
        for side in ("live last desired" if fate == "changed" else fate).split():
            sides[side].append(shapes[fate == "changed" and side == "desired"])
    return {side: whole(found) for side, found in sides.items()}


@settings(max_examples=400)
@given(story=stories(), wrong=faults)
def test_nothing_goes_that_no_change_says(story: dict[str, Rows], wrong: dict[int, Fault]) -> None:
    cluster, result = run(story["last"], story["desired"], story["live"], wrong)

    changes = list(zip(result.plan.changes, result.results, strict=True))
    going = {
        ref
        for change, _ in changes
        if change.action is Action.DELETE and change.hold is None
        for ref in (change.ref, *change.impact.implied)
    }
    failed = {
        ref
        for change, one in changes
        if one.outcome is Outcome.FAILED  # what a failed replacement lost it has told
        for ref in (change.ref, *change.impact.implied)
    }
    lost = state_of(story["live"]).keys() - cluster.state.keys() - going - failed
    assert not lost
    made = {change.ref for change, one in changes if one.outcome is Outcome.APPLIED}
    assert not {ref for ref in made - going if ref not in cluster.state}
