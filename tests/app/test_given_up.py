"""What a rollback to a backup leaves of what git had given up, and a hold had kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.model.address import Pattern
from rmqsync.model.definitions import Removed, Rows
from rmqsync.model.marker import Entry, Marker, Outstanding
from rmqsync.model.marker_reading import read_marker
from rmqsync.planning.rules import Rules
from tests.app.runs import OWNER, Repository, applied, state_of
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import desired_of, exchange, queue, rows, said, vhost

RULES = Rules(max_deletes=MaxDeletes(share=1.0, objects=99, bindings=99))
HELD = exchange("held", type="topic")
"""As git had it before it gave it up."""


@dataclass
class Story:
    """Git gave an exchange up, which was held and is there; then people roll back to a backup."""

    repository: Repository = field(default_factory=Repository)
    cluster: MemoryCluster = field(init=False)
    first: Entry = field(init=False)
    """Declares the exchange."""
    second: Entry = field(init=False)
    """Does not."""

    def __post_init__(self) -> None:
        self.cluster = MemoryCluster(state_of(rows(vhost(), queue(), HELD)))
        self.first = self.repository.commit(rows(vhost(), queue(), HELD))
        self.second = self.repository.commit(rows(vhost(), queue()))
        waits = Outstanding(self.first, ("exchange:v/held",))
        marker = Marker("1", "one", adopted=True, applied=self.second, outstanding=(waits,))
        self.cluster.markers[OWNER] = marker.document()

    def back(self, wanted: Rows) -> None:
        """Apply what no commit has, as a rollback to a backup does."""
        number = int(self.repository.commit(wanted).tree, 16)
        self.repository.unread.add(number)
        entry = Entry(None, f"{number:040x}", ".", ("backup",))
        applied(self.repository.plan(self.cluster, desired_of(wanted), entry, RULES))

    def on(self, **rules: Any) -> None:
        """Apply a commit that says no more of it, with other rules."""
        wanted = rows(vhost(), queue(), exchange("more"))
        entry = self.repository.commit(wanted)
        found = replace(RULES, **rules)
        applied(self.repository.plan(self.cluster, desired_of(wanted), entry, found))

    def forth(self, entry: Entry) -> list[tuple[str, str, str | None]]:
        """Plan a commit."""
        wanted = desired_of(self.repository.commits[int(entry.tree, 16)])
        return said(self.repository.plan(self.cluster, wanted, entry, RULES).plan)

    @property
    def outstanding(self) -> tuple[Outstanding, ...]:
        return read_marker(self.cluster.markers[OWNER]).outstanding


@pytest.mark.parametrize(
    ("there", "code"),
    [
        pytest.param(HELD, None, id="as git had it"),
        pytest.param(exchange("held", type="direct"), "altered", id="as it was before that"),
    ],
)
def test_it_is_still_to_go(there: tuple[str, dict[str, Any]], code: str | None) -> None:
    story = Story()
    story.cluster.state.update(state_of(rows(there)))

    story.back(rows(vhost(), queue(), there, exchange("more")))

    assert [one.addresses for one in story.outstanding] == [("exchange:v/held",)]
    assert story.forth(story.second) == [("delete", "exchange:v/held", code)]


def test_it_is_still_to_go_after_one_backup_more() -> None:
    """Then nobody knows what is in force, but that it is as git had it."""
    story = Story()
    for name in ("one", "two"):
        story.back(rows(vhost(), queue(), HELD, exchange(name)))

    assert story.forth(story.second) == [("delete", "exchange:v/held", None)]


def test_it_waits_while_nobody_can_read_what_git_had() -> None:
    story = Story()
    story.repository.unread.add(int(story.first.tree, 16))

    story.back(rows(vhost(), queue(), HELD, exchange("more")))

    assert story.forth(story.second) == []
    story.repository.unread.remove(int(story.first.tree, 16))
    assert story.forth(story.second) == [("delete", "exchange:v/held", None)]


def test_what_else_a_backup_has_is_not_taken_for_ours() -> None:
    story = Story()

    story.back(rows(vhost(), queue(), HELD, exchange("theirs")))

    assert ("delete", "exchange:v/theirs", None) not in story.forth(story.second)


def test_it_is_over_once_it_is_gone_or_declared_again() -> None:
    gone, declared = Story(), Story()
    gone.back(rows(vhost(), queue()))
    declared.back(rows(vhost(), queue(), HELD, exchange("more")))

    assert gone.outstanding == ()
    assert declared.forth(declared.first) == []


def test_a_commit_that_declares_it_again_ends_the_wait() -> None:
    """Else a third one, which gives up what the second had by then, would judge by the first."""
    story = Story()
    wanted = rows(vhost(), queue(), HELD)
    entry = story.repository.commit(wanted)

    applied(story.repository.plan(story.cluster, desired_of(wanted), entry, RULES))

    assert story.outstanding == ()


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param({"ignore": (Pattern("exchange:v/held"),)}, id="ignored"),
        pytest.param({"prune": Prune.NEVER}, id="never"),
    ],
)
def test_what_is_let_be_for_a_while_is_still_to_go(rules: dict[str, Any]) -> None:
    story = Story()

    story.on(**rules)

    assert ("delete", "exchange:v/held", None) in story.forth(story.second)


def test_what_is_kept_by_name_is_over() -> None:
    story = Story()
    wanted = rows(vhost(), queue(), exchange("more"))
    entry = story.repository.commit(wanted)
    keep = Removed("exchange:v/held", keep=True)

    desired = desired_of(wanted, removed=(keep,))
    applied(story.repository.plan(story.cluster, desired, entry, RULES))

    assert story.outstanding == ()
