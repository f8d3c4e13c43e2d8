"""What was applied last cannot be read for a moment: nothing is judged, and it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from rmqsync.app.claim import Claim
from rmqsync.app.memory import Memory
from rmqsync.app.past import current_entry, keep_compiled
from rmqsync.app.plan import Planned, Target, plan_cluster
from rmqsync.config.source import Source
from rmqsync.loading.compile import Options
from rmqsync.model.changes import Action, Cause, HoldCode, Status
from rmqsync.model.definitions import Desired
from rmqsync.model.marker import Entry, Marker, Outstanding
from rmqsync.planning.rules import Rules
from rmqsync.repo.mirror import Mirror
from tests.app.runs import OWNER, state_of
from tests.daemon.daemons import Home
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import rows, vhost

LAYERS = ("base",)


@dataclass
class Store:
    """Fits `app.ports.CompiledStore`."""

    kept: dict[str, str] = field(default_factory=dict)
    build: str = "1"

    def load(self, key: str) -> str | None:
        return self.kept.get(key)

    def save(self, key: str, text: str) -> None:
        self.kept[key] = text


@dataclass
class Fleet:
    """A daemon's view of one cluster, on which somebody changed the policy that was applied."""

    home: Home
    copy: Mirror
    applied: Entry
    desired: Desired
    """What `applied` compiles to."""
    outstanding: tuple[Outstanding, ...] = ()
    memory: Memory = field(default_factory=Memory)

    def plan(self, claim: Claim | None = None) -> Planned:
        policy = {"vhost": "v", "name": "p", "pattern": "x", "definition": {"max-length": 7}}
        cluster = MemoryCluster(state_of(rows(vhost(), ("policy", policy))))
        checkout = self.copy.checkout()
        root = checkout.past.root_commit
        marker = Marker("1", "one", ("rabbit@a",), root, adopted=True, applied=self.applied)
        marker = replace(marker, outstanding=self.outstanding)
        cluster.markers[OWNER] = marker.document()
        claim = claim or Claim(ignore_health=True)
        target = Target("one", cluster, checkout, LAYERS, Options(), Rules(), claim=claim)
        return plan_cluster(target, self.memory)

    def away(self, away: bool = True) -> None:
        """Let the git server be gone, or back."""
        elsewhere = self.home.folder / "away.git"
        if away:
            self.home.remote.rename(elsewhere)
        else:
            elsewhere.rename(self.home.remote)


def document(length: int, *queues: str) -> dict[str, object]:
    policy = {"vhost": "v", "name": "p", "pattern": "x", "definition": {"max-length": length}}
    names = [{"vhost": "v", "name": name} for name in queues]
    return {"vhosts": [{"name": "v"}], "policies": [policy], "queues": names}


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Two commits; the copy has the files of the second one, and the first was applied."""
    home = Home(tmp_path / "home")
    source = Source(git=home.remote.as_uri())
    home.push(document(5))
    other = Mirror(source, str(tmp_path / "other"), lambda _ref, _what: "")
    other.fetch()
    then = other.checkout()
    applied = current_entry(then, LAYERS, Options())
    desired = Memory().compiled("one", [("base", then.files("base"))], Options())
    home.push(document(5, "new"))
    copy = Mirror(source, str(tmp_path / "data"), lambda _ref, _what: "")
    copy.fetch()
    copy.checkout().files("base")
    return Fleet(home, copy, applied, desired)


def judged(planned: Planned) -> dict[str, tuple[Cause | None, HoldCode | None]]:
    return {
        change.ref.kind: (change.cause, change.hold.code if change.hold is not None else None)
        for change in planned.plan.changes
        if change.action is Action.UPDATE
    }


def test_a_plan_fails_while_nobody_can_tell_drift_from_change(fleet: Fleet) -> None:
    fleet.away()

    plan = fleet.plan().plan

    assert plan.status is Status.ERROR
    assert plan.changes == ()
    assert (plan.error or "").startswith(
        f"commit {(fleet.applied.commit or '')[:12]}, which was applied last, cannot be read now, "
        f"so nothing is compared: source.git: '{fleet.home.remote.as_uri()}' is no repository"
    )


def test_the_next_plan_finds_drift_again(fleet: Fleet) -> None:
    fleet.away()
    fleet.plan()
    fleet.away(False)

    assert judged(fleet.plan()) == {"policy": (Cause.DRIFT, HoldCode.DRIFT)}


def test_what_was_compiled_before_stands_in(fleet: Fleet) -> None:
    claim = Claim(ignore_health=True, store=Store())
    keep_compiled(claim, fleet.applied, fleet.desired)
    fleet.away()

    assert judged(fleet.plan(claim)) == {"policy": (Cause.DRIFT, HoldCode.DRIFT)}


def test_a_person_can_give_up_what_cannot_be_read(fleet: Fleet) -> None:
    fleet.away()

    planned = fleet.plan(Claim(ignore_health=True, forget_revision=True))

    assert planned.plan.status is Status.OK
    assert "RMQ102" in {finding.code for finding in planned.plan.findings}


def test_a_commit_that_the_server_has_no_more_is_not_waited_for(fleet: Fleet) -> None:
    fleet.applied = Entry("ab" * 20, "cd" * 20, ".", LAYERS)

    planned = fleet.plan()

    assert planned.plan.status is Status.OK
    assert "RMQ100" in {finding.code for finding in planned.plan.findings}
    assert {cause for cause, _ in judged(planned).values()} == {Cause.UNKNOWN}


def test_a_commit_that_cannot_be_asked_for_now_is_waited_for(fleet: Fleet) -> None:
    fleet.applied = Entry("ab" * 20, "cd" * 20, ".", LAYERS)
    fleet.away()

    assert fleet.plan().plan.status is Status.ERROR


def test_so_is_what_an_object_that_waits_was_last_in_line_with(fleet: Fleet) -> None:
    fleet.outstanding = (Outstanding(fleet.applied, ("queue:v/waits",)),)
    fleet.applied = current_entry(fleet.copy.checkout(), LAYERS, Options())
    fleet.away()

    assert fleet.plan().plan.status is Status.ERROR
