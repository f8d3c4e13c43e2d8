"""Whatever git, hands and runs do to a cluster, in any order: what ownership promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Cause, ClusterPlan, HoldCode, Loss, Ref
from rmqsync.model.definitions import Live, OnChangeRule, Rows, refs
from rmqsync.model.marker import Entry, Marker
from rmqsync.model.marker_reading import read_marker
from rmqsync.planning.draft import draft
from rmqsync.planning.marking import begun, ended
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.plan import context_of, finish
from rmqsync.planning.rules import Rules
from tests.planning.builders import IDLE, PLACE, desired_of
from tests.planning.test_properties import carried_out, present, states

ANYTHING = Rules(
    allow_loss=Loss.EVERYTHING, max_deletes=MaxDeletes(share=1.0, objects=999, bindings=999)
)


class Turn(NamedTuple):
    """One thing that happens: git moves on, somebody works by hand, a run ends or is killed."""

    desired: Rows
    hand: Rows | None
    """What the cluster is changed to by hand before the run."""
    heals: bool
    killed: bool


turns = st.lists(
    st.builds(Turn, states, st.none() | states, st.booleans(), st.booleans()),
    min_size=1,
    max_size=4,
)


def entry(number: int) -> Entry:
    return Entry(f"{number:040x}", f"{number:040x}", ".", ("base",))


class Cluster:
    """A cluster of dicts with a marker, and a git of numbered commits."""

    def __init__(self, live: Rows) -> None:
        self.live = live
        self.marker: Marker | None = None
        self.commits: dict[str, Rows] = {}

    def plan(self, number: int, desired: Rows, **stance: Any) -> tuple[ClusterPlan, Ownership]:
        self.commits[entry(number).tree] = desired
        own = Ownership(
            is_judged=True,
            marker=self.marker,
            current=entry(number),
            past=lambda one: Past(self.commits[one.tree]),
            **stance,
        )
        wanted, there = self._sides(desired)
        found = draft(wanted, there, context_of(wanted, there, Context()), ANYTHING, own=own)
        facts = {Ref("queue", key): IDLE for key in self.live.get("queue", {})}
        return finish("one", found, wanted, there, facts, ANYTHING, own=own), own

    def run(self, number: int, desired: Rows, *, killed: bool, **stance: Any) -> ClusterPlan:
        plan, own = self.plan(number, desired, **stance)
        if plan.held and not plan.applicable:
            return plan
        if plan.applicable:
            self.marker = read_marker(begun(own, PLACE).document())
        if killed:  # before its first change: the worst that can be remembered
            return plan
        self.live = carried_out(self.live, plan, desired)
        wanted, there = self._sides(desired)
        again = draft(
            wanted,
            there,
            context_of(wanted, there, Context()),
            ANYTHING,
            own=replace(own, is_attended=True),
        )
        open_ = {*(one.ref for one in again.changes), *again.doomed, *again.altered}
        partly = [one for one in plan.applicable if one.left]
        after = ended(own, PLACE, wanted, self.live, open_, adopted=own.adopts, partly=partly)
        self.marker = read_marker(after.document())
        return plan

    def _sides(self, desired: Rows) -> tuple[Any, Live]:
        recreate = dict.fromkeys(refs(desired), OnChangeRule.RECREATE)
        return desired_of(desired, on_change=recreate), Live(self.live, version="3.10.8")


@settings(max_examples=150)
@given(live=states, story=turns)
def test_only_what_git_declared_once_is_ever_deleted(live: Rows, story: list[Turn]) -> None:
    cluster = Cluster(live)
    declared: set[Ref] = set()
    for number, turn in enumerate(story):
        if turn.hand is not None:
            cluster.live = turn.hand
        plan = cluster.run(number, turn.desired, killed=turn.killed, adopts=True, heals=turn.heals)
        for change in plan.applicable:
            gone = {change.ref} if change.action is Action.DELETE else set()
            assert gone <= declared, change.ref
        declared |= set(refs(turn.desired))


@settings(max_examples=150)
@given(live=states, story=turns)
def test_a_run_that_heals_and_adopts_leaves_what_git_says(live: Rows, story: list[Turn]) -> None:
    cluster = Cluster(live)
    for number, turn in enumerate(story):
        if turn.hand is not None:
            cluster.live = turn.hand
        cluster.run(number, turn.desired, killed=turn.killed, adopts=True, heals=turn.heals)
    last = story[-1].desired

    cluster.run(len(story), last, killed=False, adopts=True, is_attended=True)
    again, own = cluster.plan(len(story), last, adopts=True, is_attended=True)

    assert again.applicable == ()
    assert {change.hold.code for change in again.held if change.hold} <= {
        HoldCode.ALTERED,
        HoldCode.TAKES_FOREIGN,
    }
    there = present(cluster.live)
    assert all(there.get(ref) == row for ref, row in present(last).items())
    assert again.held or own.marker is None or own.marker.running is None


@settings(max_examples=150)
@given(live=states, first=states, second=states, hand=states)
def test_without_healing_what_hands_did_stays(
    live: Rows, first: Rows, second: Rows, hand: Rows
) -> None:
    cluster = Cluster(live)
    cluster.run(0, first, killed=False, adopts=True, is_attended=True)
    settled = present(cluster.live)
    cluster.live = hand
    before = present(hand)

    plan = cluster.run(1, second, killed=False)

    after = present(cluster.live)
    for ref, row in before.items():
        touched = settled.get(ref) != row and ref in present(first) and ref in present(second)
        if touched and present(first)[ref] == present(second)[ref]:
            # Nobody committed anything about it: it stays as the hand left it.
            implied = {one for change in plan.applicable for one in change.impact.implied}
            assert after.get(ref) == row or ref in implied


@given(live=states, desired=states)
def test_before_adoption_only_creations_run(live: Rows, desired: Rows) -> None:
    plan, _ = Cluster(live).plan(0, desired)

    assert {change.action for change in plan.applicable} <= {Action.CREATE}


@given(live=states, desired=states)
def test_a_commit_that_is_applied_already_has_no_change_of_git(live: Rows, desired: Rows) -> None:
    cluster = Cluster(live)
    cluster.run(0, desired, killed=False, adopts=True, is_attended=True)
    cluster.live = live

    plan, _ = cluster.plan(0, desired)

    if cluster.marker is not None:
        assert Cause.GIT not in {change.cause for change in plan.changes}
