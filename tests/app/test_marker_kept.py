"""What a marker goes on to say, whatever runs come: cases in which it forgot, or said too much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from rmqsync.app.claim import Claim
from rmqsync.app.ownership import ownership_of
from rmqsync.app.plan import Planned
from rmqsync.config.cluster import MaxDeletes
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Cause, HoldCode
from rmqsync.model.definitions import Rows
from rmqsync.model.marker import Entry, Marker, Outstanding, Stop
from rmqsync.model.marker_reading import read_marker
from rmqsync.planning.marking import begun
from rmqsync.planning.ownership import Past
from rmqsync.planning.rules import Rules
from tests.app.runs import OWNER, Repository, applied, state_of
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import PLACE, desired_of, exchange, queue, rows, said, vhost

FREE = MaxDeletes(share=1.0, objects=99, bindings=99)
BINDING = "binding:v/e/queue/q/k"


def policy(name: str, length: int) -> tuple[str, dict[str, Any]]:
    definition = {"max-length": length}
    return "policy", {"vhost": "v", "name": name, "pattern": "^zz", "definition": definition}


@dataclass
class Story:
    """A repository and a cluster that was in line with its first commit."""

    first: Rows
    repository: Repository = field(default_factory=Repository)
    cluster: MemoryCluster = field(init=False)

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster(state_of(self.first))
        self.repository.mark(self.cluster, self.repository.commit(self.first))

    def by_hand(self, *found: tuple[str, dict[str, Any]]) -> None:
        self.cluster.state.update(state_of(rows(*found)))

    def plan(self, wanted: Rows, *, target: str | None = None, **stance: Any) -> Planned:
        """Plan the newest commit, which is `wanted`."""
        if wanted not in self.repository.commits:
            self.repository.commit(wanted)
        number = f"{self.repository.commits.index(wanted):040x}"
        current = Entry(number, number, ".", ("base",))
        targets = () if target is None else (Pattern(target),)
        rules = Rules(targets=targets, max_deletes=FREE)
        return self.repository.plan(self.cluster, desired_of(wanted), current, rules, **stance)

    def apply(self, wanted: Rows, **options: Any) -> Marker:
        applied(self.plan(wanted, **options))
        return self.marker

    @property
    def marker(self) -> Marker:
        return read_marker(self.cluster.markers[OWNER])

    def changes(self, wanted: Rows, **options: Any) -> list[tuple[str, str, str | None]]:
        return said(self.plan(wanted, **options).plan)


def test_a_target_that_is_in_line_says_nothing_of_the_rest() -> None:
    story = Story(rows(vhost(), queue(), exchange("old"), policy("p", 5)))
    wanted = rows(vhost(), queue(), policy("p", 9))
    before = story.changes(wanted)

    story.apply(wanted, target="queue:v/q")

    assert story.changes(wanted) == before
    assert before == [
        ("update", "policy:v/p", None),
        ("delete", "exchange:v/old", None),
    ]


def test_a_yes_to_one_target_adopts_no_other() -> None:
    story = Story(rows(vhost(), policy("p", 5), policy("s", 5)))
    del story.cluster.markers[OWNER]
    wanted = rows(vhost(), policy("p", 9), policy("s", 9))

    story.apply(wanted, target="policy:v/s", adopts=True, is_attended=True)

    assert not story.marker.adopted
    assert story.changes(wanted, heals=True) == [("update", "policy:v/p", "adoption")]


def unread_story() -> tuple[Story, Rows]:
    """A policy was changed by hand and left alone; an exchange was kept, since it is refused."""
    story = Story(rows(vhost(), policy("p", 5), exchange("x", type="topic")))
    story.by_hand(policy("p", 7))
    refused = rows(vhost(), policy("p", 9), exchange("x", type="direct"), exchange("k"))
    story.apply(refused)
    assert [one.addresses for one in story.marker.outstanding] == [("exchange:v/x", "policy:v/p")]
    return story, rows(vhost(), policy("p", 9), exchange("new"))


def test_what_waited_is_not_overwritten_while_its_commit_cannot_be_read() -> None:
    story, wanted = unread_story()
    story.repository.unread.add(0)

    held = ("update", "policy:v/p", "drift")
    assert held in story.changes(wanted)
    assert held not in story.changes(wanted, heals=True)
    assert held not in story.changes(wanted, is_attended=True)


def test_what_waited_is_not_forgotten_while_its_commit_cannot_be_read() -> None:
    story, wanted = unread_story()
    story.repository.unread.add(0)
    story.apply(wanted)
    story.repository.unread.clear()

    assert ("delete", "exchange:v/x", None) in story.changes(wanted)
    assert ("update", "policy:v/p", "drift") in story.changes(wanted)


def test_people_are_told_what_of_the_waiting_cannot_be_read() -> None:
    gone, here = (Entry(letter * 40, letter * 40, ".", ("base",)) for letter in "ab")
    waiting = (Outstanding(gone, ("queue:v/q",)),)
    marker = Marker("1", "one", adopted=True, applied=here, outstanding=waiting)
    live = MemoryCluster({}, markers={OWNER: marker.document()}).read()
    checkout: Any = type("Folder", (), {"past": None})

    def findings(**claim: Any) -> tuple[Marker | None, list[str]]:
        scope = (("*",), ("*",))
        own, found = ownership_of(
            "one", Claim(**claim), checkout, here, live, scope, lambda _: None
        )
        return own.marker, [f"{one.code} {one.message}" for one in found]

    _, told = findings()
    assert len(told) == 1
    assert told[0].startswith(f"RMQ100 one: what was applied last (commit {'a' * 12})")
    forgotten, told = findings(forget_revision=True)
    assert told[0].startswith("RMQ102")
    assert forgotten is not None
    assert not forgotten.mentioned


def test_a_verdict_does_not_outlive_what_it_was_judged_by() -> None:
    """Comparisons are kept by this key: a commit that can be read again judges anew."""
    story = Story(rows(vhost(), policy("p", 5)))
    wanted = rows(vhost(), policy("p", 9))
    story.repository.unread.add(0)
    then = story.plan(wanted).own.key
    story.repository.unread.clear()

    assert story.plan(wanted).own.key != then


def killed_story() -> Story:
    """A run was killed before it had put back a binding that nobody declares."""
    story = Story(rows(vhost(), queue(), exchange("e")))
    entry = story.marker.applied
    assert entry is not None
    running = Entry(entry.commit, entry.tree, ".", ("base",), run="run-1", taken=(BINDING,))
    marker = Marker("1", "one", adopted=True, applied=entry, running=running)
    story.cluster.markers[OWNER] = marker.document()
    return story


def test_what_a_killed_run_took_is_told_until_somebody_was_told() -> None:
    story = killed_story()

    for _ in range(2):
        marker = story.apply(story.first)
        assert [(one.run, one.addresses) for one in marker.taken] == [("run-1", (BINDING,))]
        assert marker.running is None
    assert story.apply(rows(vhost(), queue(), exchange("e"), exchange("more"))).taken
    wanted = rows(vhost(), queue(), exchange("e"), exchange("yet more"))
    assert not story.apply(wanted, is_attended=True).taken


def test_what_a_killed_run_took_is_told_until_it_is_there() -> None:
    story = killed_story()
    story.apply(story.first)
    entry = {"vhost": "v", "source": "e", "destination": "q", "routing_key": "k"}

    story.by_hand(("binding", entry))

    assert not story.apply(story.first).taken


def test_two_killed_runs_of_one_commit_are_both_remembered() -> None:
    story = killed_story()
    marker = story.marker
    assert marker.running is not None
    again = Entry(marker.running.commit, marker.running.tree, ".", ("base",), run="run-2")
    story.cluster.markers[OWNER] = Marker(
        "1", "one", adopted=True, applied=marker.applied, runs=(marker.running,), running=again
    ).document()

    once_more = begun(story.plan(rows(vhost(), exchange("more"))).own, PLACE)

    assert any(BINDING in one.addresses for one in once_more.taken)


def test_a_pause_during_a_run_stands_when_it_is_over() -> None:
    story = Story(rows(vhost()))
    stop = Stop("incident", "ann")

    class Pausing(MemoryCluster):
        def upload(self, document: Mapping[str, Any]) -> None:
            super().upload(document)
            if "exchanges" in document:
                marker = {**self.markers[OWNER], "paused": {"reason": "incident", "by": "ann"}}
                self.markers[OWNER] = marker

    story.cluster = Pausing(story.cluster.state, markers=story.cluster.markers)
    story.apply(rows(vhost(), exchange("e")), is_attended=True)

    assert story.marker.paused == stop


def test_a_pause_during_the_first_run_stands_when_it_is_over() -> None:
    story = unadopted()
    stop = Stop("incident", "ann")

    class Pausing(MemoryCluster):
        def upload(self, document: Mapping[str, Any]) -> None:
            super().upload(document)
            if "exchanges" in document:
                marker = read_marker(self.markers[OWNER])
                self.markers[OWNER] = replace(marker, paused=stop).document()

    story.cluster = Pausing(story.cluster.state)
    story.apply(rows(vhost(), exchange("e")))

    assert story.marker.paused == stop
    assert story.marker.adopted


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of so many objects that a marker does not list them."""
    monkeypatch.setattr("rmqsync.planning.marking.MOST_ADDRESSES", 3)
    return [f"p{number}" for number in range(4)]


def test_what_came_in_line_is_outstanding_no_longer_however_much_waits(names: list[str]) -> None:
    """Else a change by hand, to what it was once, would count as a change of git."""

    def world(x: int, others: int, *more: tuple[str, dict[str, Any]]) -> Rows:
        return rows(vhost(), policy("x", x), *(policy(one, others) for one in names), *more)

    story = Story(world(1, 1))
    story.by_hand(policy("x", 9))
    story.apply(world(2, 1, exchange("n1")))
    assert [one.addresses for one in story.marker.outstanding] == [("policy:v/x",)]
    story.by_hand(policy("x", 2), *(policy(one, 9) for one in names))
    wanted = world(2, 2, exchange("n2"))
    assert story.apply(wanted).runs

    story.by_hand(policy("x", 1))

    assert ("update", "policy:v/x", "drift") in story.changes(wanted)


def test_a_long_list_of_runs_ends(names: list[str]) -> None:
    story = Story(rows(vhost(), *(policy(one, 1) for one in names)))
    story.by_hand(*(policy(one, 999) for one in names))
    lengths = []

    for number in range(2, 30):
        wanted = rows(vhost(), *(policy(one, number) for one in names), exchange(f"n{number}"))
        lengths.append(len(story.apply(wanted).runs))

    assert max(lengths) <= 20
    assert 0 in lengths
    assert ("update", "policy:v/p0", "drift") in story.changes(wanted)


def test_what_was_there_first_waits_for_adoption_however_many_runs_there_were() -> None:
    story = Story(rows(vhost(), policy("p", 5)))
    del story.cluster.markers[OWNER]
    for number in range(3):
        wanted = rows(vhost(), policy("p", 9), exchange(f"n{number}"))
        planned = story.plan(wanted)
        change = next(one for one in planned.plan.changes if one.ref.kind == "policy")
        assert change.hold is not None
        assert (change.hold.code, change.cause) == (HoldCode.ADOPTION, Cause.UNKNOWN)
        applied(planned)
        assert not story.marker.adopted


def test_what_somebody_changed_after_a_run_was_killed_is_not_forgotten() -> None:
    """Which run made it is not known any more: that one did is."""
    story = Story(rows(vhost()))
    second = rows(vhost(), policy("p", 1), exchange("n"))
    number = story.repository.commit(second)
    marker = story.marker
    story.cluster.markers[OWNER] = Marker(
        "1", "one", adopted=True, applied=marker.applied, running=number
    ).document()
    story.by_hand(policy("p", 2))
    story.apply(second)

    assert ("delete", "policy:v/p", "altered") in story.changes(rows(vhost()))


def unadopted(*live: tuple[str, dict[str, Any]]) -> Story:
    """A cluster that was there before rmqsync."""
    story = Story(rows(vhost(), *live))
    del story.cluster.markers[OWNER]
    return story


@pytest.mark.parametrize("stance", [{}, {"adopts": True, "is_attended": True}])
def test_what_waits_for_another_reason_first_is_not_adopted(stance: dict[str, Any]) -> None:
    """The hold that goes in time hides the one that takes a yes, and nobody gave that."""
    story = unadopted(exchange("x", type="direct"))
    wanted = rows(vhost(), exchange("x", type="topic"))
    assert story.changes(wanted, **stance) == [("replace", "exchange:v/x", "on-change")]

    assert not story.apply(wanted, **stance).adopted


def test_what_a_creation_goes_along_with_is_not_adopted_by_it() -> None:
    story = unadopted(exchange("x", type="direct"))
    wanted = rows(vhost(), exchange("x", type="topic"), exchange("new"))

    assert not story.apply(wanted).adopted


def test_a_yes_adopts_and_so_does_a_run_that_has_nothing_to_wait_for() -> None:
    attended = {"adopts": True, "is_attended": True}
    wanted = rows(vhost(), exchange("x", type="topic"), exchange("new"))

    assert unadopted(exchange("x", type="direct")).apply(wanted, **attended).adopted
    assert unadopted(exchange("x", type="direct")).apply(wanted, adopts=True).adopted
    assert unadopted().apply(wanted).adopted
    assert unadopted(exchange("new")).apply(rows(vhost(), exchange("new")), **attended).adopted


def test_what_a_killed_run_did_is_known_though_the_broker_adds_to_it() -> None:
    """Else the next change of git to it counts as one of git and of somebody else."""

    def described(text: str, **fields: Any) -> Rows:
        return rows(vhost(description=text, **fields))

    story = Story(described("one"))
    running = story.repository.commit(described("two"))
    story.cluster.markers[OWNER] = replace(story.marker, running=running).document()
    story.cluster.state = state_of(described("two", default_queue_type="quorum", tags=["x"]))
    refused = described("three")
    story.cluster.faults = {1: Fault.REFUSED}

    story.apply(refused)

    assert [(one.entry, one.addresses) for one in story.marker.outstanding] == [
        (running, ("vhost:v",))
    ]
    assert story.changes(refused) == [("update", "vhost:v", None)]


def test_a_run_that_holds_all_its_changes_says_so_in_the_marker() -> None:
    """Else `--take-over` would have to come with `--adopt`, and each name the other."""
    story = Story(rows(vhost(), policy("p", 5)))
    del story.cluster.markers[OWNER]
    wanted = rows(vhost(), policy("p", 9))

    marker = story.apply(wanted)

    assert not marker.adopted
    assert [(one.entry, one.addresses) for one in marker.outstanding] == [(None, ("policy:v/p",))]
    writes = len(story.cluster.writes)
    story.apply(wanted)
    assert len(story.cluster.writes) == writes


def test_what_somebody_made_as_declared_is_owned_though_another_change_is_held() -> None:
    first = rows(vhost(), exchange("x", type="topic"))
    story = Story(first)
    refused = exchange("x", type="direct")
    story.by_hand(exchange("n"))
    story.apply(rows(vhost(), refused, exchange("n")))

    assert ("delete", "exchange:v/n", None) in story.changes(rows(vhost(), refused))


def test_a_pause_that_came_after_the_plan_keeps_a_run_without_a_lock_from_beginning() -> None:
    story = Story(rows(vhost()))
    planned = story.plan(rows(vhost(), exchange("e")), is_attended=True)
    paused = {**story.cluster.markers[OWNER], "paused": {"reason": "incident", "by": "ann"}}
    story.cluster.markers[OWNER] = paused

    result = applied(planned)

    assert "paused by ann: incident" in str(result.error)
    assert story.cluster.writes == []
    assert story.cluster.markers[OWNER] == paused


def test_a_pause_that_came_after_the_plan_stands_where_only_the_marker_is_to_be_written() -> None:
    story = Story(rows(vhost()))
    story.by_hand(exchange("e"))
    planned = story.plan(rows(vhost(), exchange("e")))
    assert planned.plan.changes == ()
    stop = Stop("incident", "ann")
    paused = replace(story.marker, paused=stop).document()
    story.cluster.markers[OWNER] = paused

    result = applied(planned)

    assert "paused by ann: incident" in str(result.error)
    assert story.cluster.markers[OWNER] == paused


def findings_of(value: object, current: Entry) -> list[str]:
    """Return the codes of what is said of a marker with this value."""
    live = MemoryCluster({}, markers={OWNER: value}).read()
    checkout: Any = type("Folder", (), {"past": None})
    scope = (("*",), ("*",))
    _, found = ownership_of("one", Claim(), checkout, current, live, scope, lambda _: None)
    return [one.code for one in found]


def test_people_are_told_why_nothing_is_known_of_what_was_declared() -> None:
    """Also where nothing differs, and so nothing is held."""
    entry = Entry("a" * 40, "a" * 40, ".", ("base",))
    folder = Entry(None, "a" * 40, ".", ("base",))
    marker = Marker("1", "one", adopted=True, applied=entry)

    assert findings_of("spoilt", entry) == ["RMQ108"]
    assert findings_of(Marker("1", "other", applied=entry).document(), entry) == ["RMQ108"]
    assert findings_of(marker.document(), entry) == []
    assert findings_of(Marker("1", "one", applied=folder).document(), folder) == ["RMQ109"]
    assert findings_of(Marker("1", "one", applied=folder).document(), entry) == ["RMQ110"]


@pytest.mark.parametrize(
    ("is_read", "code"),
    [
        pytest.param(True, HoldCode.NOT_AHEAD, id="it can be read"),
        pytest.param(False, None, id="it cannot"),
    ],
)
def test_only_a_revision_that_cannot_be_read_is_given_up(
    is_read: bool, code: HoldCode | None
) -> None:
    """Who gives up what is lost did not say that this one may be older than what is not."""
    here, there = (Entry(letter * 40, letter * 40, ".", ("base",)) for letter in "ab")
    value = Marker("1", "one", adopted=True, applied=there).document()
    live = MemoryCluster({}, markers={OWNER: value}).read()
    git = {"root_commit": None, "descends_from": lambda *_: False, "with_tree": lambda *_: None}
    checkout: Any = SimpleNamespace(past=SimpleNamespace(**git))
    claim, scope = Claim(forget_revision=True), (("*",), ("*",))
    past = Past({}) if is_read else None

    own, _ = ownership_of("one", claim, checkout, here, live, scope, lambda _: past)

    assert (own.refusal and own.refusal.code) == code
