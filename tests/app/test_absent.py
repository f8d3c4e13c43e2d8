"""`state: absent` of what was there before, and is held: whose doing it is, run after run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rmqsync.app.plan import Planned
from rmqsync.config.cluster import MaxDeletes
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Loss
from rmqsync.model.findings import Origin
from rmqsync.model.marker import Marker
from rmqsync.model.marker_reading import read_marker
from rmqsync.planning.rules import Rules
from tests.app.runs import OWNER, Repository, applied, state_of
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import desired_of, queue, rows, vhost

OLD = "queue:v/old"
FREE = MaxDeletes(share=1.0, objects=99, bindings=99)
ALLOWED = {"overrides": {OLD: Loss.MESSAGES}, "max_deletes": FREE}
PROTECTED = {"protect": (Pattern(OLD),), "max_deletes": FREE}
Said = list[tuple[str, str | None, str | None]]


@dataclass
class Story:
    """A queue that somebody made, and messages in it, before rmqsync knew the cluster."""

    repository: Repository = field(default_factory=Repository)
    cluster: MemoryCluster = field(init=False)
    names: list[str] = field(default_factory=list)
    """Of queues that git declares beside it, one more with each commit."""

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster(state_of(rows(vhost())))
        self.make()

    def make(self) -> None:
        self.cluster.state.update(
            state_of(rows(queue("old", arguments={"x-queue-type": "stream"})))
        )

    def plan(
        self,
        absent: Iterable[str] = ("old",),
        rules: Mapping[str, Any] | None = None,
        **stance: Any,
    ) -> Planned:
        """Plan a new commit that declares one queue more."""
        self.names.append(f"n{len(self.names)}")
        wanted = rows(vhost(), *(queue(name) for name in self.names))
        keys = {("v", name): Origin("base/a.yaml", 1) for name in absent}
        entry = self.repository.commit(wanted, {"queue": keys.keys()})
        desired = desired_of(wanted, absent={"queue": keys})
        found = Rules(**(rules or {"max_deletes": FREE}))
        return self.repository.plan(self.cluster, desired, entry, found, **stance)

    def run(self, *args: Any, **stance: Any) -> Said:
        """Apply such a commit, and return cause, hold and override of what deletes the queue."""
        planned = self.plan(*args, **stance)
        applied(planned)
        return [
            (one.cause.value, one.hold and one.hold.code.value, one.hold and one.hold.override)
            for one in planned.plan.changes
            if one.ref.key == ("v", "old")
        ]

    @property
    def marker(self) -> Marker:
        return read_marker(self.cluster.markers[OWNER])

    @property
    def is_there(self) -> bool:
        return any(ref.key == ("v", "old") for ref in self.cluster.state)


HELD = ("git", "loss", f"--allow-loss messages:{OLD} --adopt")


def test_what_is_held_stays_so_until_it_is_allowed() -> None:
    story = Story()

    assert [story.run() for _ in range(3)] == [[HELD]] * 3
    assert [one.addresses for one in story.marker.outstanding] == [(OLD,)]
    assert story.run(("old",), ALLOWED, adopts=True) == [("git", None, None)]
    assert (story.is_there, story.marker.outstanding) == (False, ())


def test_so_it_does_where_the_repository_came_first() -> None:
    story = Story()
    story.run((), adopts=True)

    assert story.run() == story.run() == [("git", "loss", f"--allow-loss messages:{OLD}")]
    assert story.run(("old",), ALLOWED) == [("git", None, None)]
    assert not story.is_there


def test_what_was_protected_goes_once_it_is_not() -> None:
    story = Story()
    protected = {**PROTECTED, "overrides": ALLOWED["overrides"]}

    assert [one[1] for one in story.run(("old",), protected, adopts=True)] == ["protected"]
    assert story.run(("old",), ALLOWED) == [("git", None, None)]
    assert not story.is_there


def test_what_somebody_makes_anew_is_drift_and_stays_drift() -> None:
    story = Story()
    story.run()
    story.run(("old",), ALLOWED, adopts=True)
    story.make()

    found = [story.run() for _ in range(3)]

    assert [[one[:2] for one in some] for some in found] == [[("drift", "drift")]] * 3
    assert story.marker.outstanding == ()


def test_it_waits_no_longer_once_the_definition_is_gone() -> None:
    story = Story()
    story.run()
    story.run()

    assert story.run(()) == []
    assert (story.is_there, story.marker.outstanding) == (True, ())


def test_nor_does_it_where_it_waited_since_an_earlier_commit() -> None:
    story = Story()
    story.run((), adopts=True)
    story.run()

    assert story.run(()) == []
    assert story.marker.outstanding == ()
    assert story.run()[0][:2] == ("git", "loss")
