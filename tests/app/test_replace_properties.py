"""
A replacement loses nothing of what hung on the object, whatever becomes of any of its writes.

Judged by what a cluster in memory has before and after. What no one declares is put back in the
same run or told as lost: no later run knows of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes
from rmqsync.kinds import KINDS
from rmqsync.model.changes import ClusterResult, Loss, Outcome, Ref
from rmqsync.model.definitions import OnChangeRule, Rows, refs
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost

ALLOWED = Rules(
    allow_loss=Loss.MESSAGES, max_deletes=MaxDeletes(share=1.0, objects=99, bindings=99)
)
USERS = ("a", "b")
HANGING = ("binding", "topic_permission")
Entry = tuple[str, dict[str, Any]]


def _topic(user: str, source: str, right: str) -> Entry:
    entry = {"vhost": "v", "user": user, "exchange": source, "write": right, "read": ""}
    return "topic_permission", entry


exchanges = st.sampled_from(["x", "y"])
keys = st.sampled_from(["", "k.#"])  # few: what differs in arguments only is easily mixed up
arguments = st.sampled_from([{}, {"n": 1}, {"n": 1.5, "m": "s"}])
bindings = st.one_of(
    st.builds(binding, exchanges, st.sampled_from("qr"), keys, arguments=arguments),
    st.builds(
        binding,
        exchanges,
        exchanges,
        keys,
        arguments=arguments,
        destination_type=st.just("exchange"),
    ),
)
topics = st.builds(_topic, st.sampled_from(USERS), exchanges, st.sampled_from([".*", "^k"]))
hanging = st.lists(st.one_of(bindings, bindings, topics), max_size=5)
SHAPES: dict[str, tuple[Entry, ...]] = {
    "x": tuple(exchange("x", type=sort) for sort in ("topic", "direct")),
    "y": (exchange("y"), exchange("y", arguments={"alternate-exchange": "x"})),
    "q": tuple(queue("q", arguments=one) for one in ({}, {"x-max-length": 5})),
    "r": (queue("r"), queue("r", durable=False)),
}


def _rows(changed: frozenset[str], *found: Entry) -> Rows:
    shapes = [one[name in changed] for name, one in SHAPES.items()]
    users = [("user", {"name": name, "tags": []}) for name in USERS]
    return rows(vhost("v"), *users, *shapes, *found)


@dataclass(frozen=True)
class Story:
    """Objects to be replaced, and what hangs on them."""

    changed: frozenset[str]
    declared: list[Entry]
    """By the last commit and by this one."""
    dropped: list[Entry]
    """By the last commit only: they go."""
    added: list[Entry]
    foreign: list[Entry]
    """Nobody declares them."""
    version: str
    busy: bool

    @property
    def last(self) -> Rows:
        return _rows(frozenset(), *self.dropped, *self.declared)

    @property
    def desired(self) -> Rows:
        return _rows(self.changed, *self.declared, *self.added)

    def cluster(self) -> MemoryCluster:
        live = state_of(_rows(frozenset(), *self.foreign)) | state_of(self.last)
        return MemoryCluster(live, self.version, busy={("v", "q")} if self.busy else set())


stories = st.builds(
    Story,
    st.frozensets(st.sampled_from(list(SHAPES)), min_size=1, max_size=2),
    hanging,
    st.lists(bindings, max_size=2),
    st.lists(bindings, max_size=2),
    hanging,
    st.sampled_from(["4.1.0", "3.10.8"]),
    st.booleans(),
)


class Cluster:
    """A cluster on which the last commit was applied, and runs of the present one."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.cluster = story.cluster()
        self.before = dict(self.cluster.state)
        self.repository = Repository()
        self.repository.mark(self.cluster, self.repository.commit(story.last))
        self.current = self.repository.commit(story.desired)

    def run(self) -> ClusterResult:
        rule = dict.fromkeys(refs(self.story.desired), OnChangeRule.RECREATE)
        desired = desired_of(self.story.desired, on_change=rule)
        planned = self.repository.plan(self.cluster, desired, self.current, ALLOWED)
        return applied(planned, bulk=False)

    @property
    def kept(self) -> set[Ref]:
        """What is to be there after any run: all that hung on anything, but for what git drops."""
        gone = set(refs(self.story.last)) - set(refs(self.story.desired))
        return {ref for ref in self.before if ref not in gone}

    @property
    def missing(self) -> set[Ref]:
        return self.kept - self.cluster.state.keys()


@settings(max_examples=100, deadline=None)
@given(story=stories)
def test_a_replacement_puts_back_all_that_hung_on_the_object(story: Story) -> None:
    one = Cluster(story)

    result = one.run()

    assert {found.outcome for found in result.results} == {Outcome.APPLIED}, result
    assert result.verified
    assert one.missing == set()
    going = {change.ref for change in result.plan.changes if change.before is not None}
    assert {ref for write in one.cluster.writes for ref in write.deleted} <= going
    wanted = state_of(story.desired)
    assert one.cluster.state == {ref: one.before.get(ref) for ref in one.kept} | wanted


faults = st.sampled_from(
    [
        (Fault.ANSWER_LOST, 1),
        (Fault.REFUSED, 1),
        (Fault.UNSENT, 1),
        (Fault.ANSWER_LOST, 2),
        (Fault.REFUSED, 99),
        (Fault.UNSENT, 99),
    ]
)
"""What becomes of writes, and of how many in a row."""


@settings(max_examples=40, deadline=None)
@given(story=stories, fault=faults)
def test_whatever_write_fails_nothing_is_lost_that_is_not_told(
    story: Story, fault: tuple[Fault, int]
) -> None:
    kind, lasts = fault
    clean = Cluster(story)
    clean.run()
    for number in range(len(clean.cluster.writes)):
        one = Cluster(story)
        one.cluster.faults = dict.fromkeys(range(number, number + lasts), kind)

        result = one.run()

        check_told(one, result)
        lost = one.missing - state_of(story.desired).keys()
        assert lasts > 1 or not lost
        one.cluster.faults = {}
        check_whole(one, lost)


def check_told(one: Cluster, result: ClusterResult) -> None:
    """All that is missing is told as lost, or as not done; and nothing is that is there."""
    said = " ".join(found.error or "" for found in result.results)
    for ref in one.before:
        name = KINDS[ref.kind].sentence(ref.key)
        # What waits for it names it as well: that says nothing of whether it is there.
        told = said.replace(f"{name} was to go first, which was not done", "")
        if ref.kind in HANGING and ref in one.kept:
            assert (name in told) == (ref in one.missing), (name, told)
        elif ref.kind in HANGING and name in told:  # it was to go, then to stay, and is gone
            assert ref not in one.cluster.state, (name, told)
    if one.missing:
        assert any(found.outcome is Outcome.FAILED for found in result.results)
    for change, found in zip(result.plan.changes, result.results, strict=True):
        if found.outcome is Outcome.APPLIED:
            assert one.cluster.state.get(change.ref) == change.after
        elif one.cluster.state.get(change.ref) == change.after and change.ref not in one.before:
            assert found.outcome is not Outcome.SKIPPED


def check_whole(one: Cluster, lost: set[Ref]) -> None:
    """A second run brings back all but what nobody declares."""
    result = one.run()

    assert all(found.outcome is Outcome.APPLIED for found in result.results), result
    assert one.missing == lost
    assert {**one.cluster.state, **state_of(one.story.desired)} == one.cluster.state
