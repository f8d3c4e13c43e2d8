"""An error that nobody expected ends one change or one cluster, and no value of it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rmqsync.app.apply import ApplyOptions, apply_clusters
from rmqsync.app.plan import Planned
from rmqsync.kinds.base import Request
from rmqsync.model.changes import ClusterResult, Outcome, Ref
from rmqsync.model.definitions import Live
from rmqsync.model.errors import SourceError
from rmqsync.planning.rules import Rules
from tests.app.runs import OWNER, Repository, state_of
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import desired_of, exchange, rows, vhost

DEFECT = "this is a defect in rmqsync: KeyError in app/test_defects.py:"


def fail(*_: object) -> Any:
    raise KeyError("pl4nted")


class Broken(MemoryCluster):
    """Fails where a test says so, as no cluster does."""

    bad_name: str | None = None
    bad_read = False

    def send(self, request: Request) -> None:
        if request.path[-1] == self.bad_name:
            fail()
        super().send(request)

    def upload(self, document: Mapping[str, Any]) -> None:
        if self.bad_name in (one.get("name") for items in document.values() for one in items):
            fail()
        super().upload(document)

    def read(self) -> Live:
        return fail() if self.bad_read else super().read()


@dataclass
class Journal:
    """Fits `Journal`, and can fail at either end."""

    run: str | None = None
    finish: Callable[[Planned, ClusterResult], ClusterResult] = lambda _, result: result
    begin: Callable[[Planned], None] = lambda _: None
    ended: list[str] = field(default_factory=list)

    def before_first_write(self, planned: Planned, *, fresh: bool) -> None:
        self.begin(planned)

    def finished(self, planned: Planned, result: ClusterResult) -> ClusterResult:
        self.ended.append(planned.plan.name)
        return self.finish(planned, result)


def planned(name: str) -> tuple[Broken, Planned]:
    """Plan three exchanges for a cluster that has none of them."""
    before = rows(vhost())
    after = rows(vhost(), exchange("a"), exchange("b"), exchange("c"))
    cluster = Broken(state_of(before), name=name)
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    current = repository.commit(after)
    return cluster, repository.plan(cluster, desired_of(after), current, Rules())


def both(one: Planned, journal: Journal) -> tuple[ClusterResult, ClusterResult]:
    """Apply the plan of a cluster and that of another, which is sound; return both results."""
    other, its = planned("two")
    results = apply_clusters([one, its], ApplyOptions(parallelism=1, journal=journal))
    assert sorted(journal.ended) == ["one", "two"]
    assert results[1].verified
    assert Ref("exchange", ("v", "c")) in other.state
    assert "pl4nted" not in str(results[0].results) + str(results[0].error)
    return results[0], results[1]


def test_a_defect_in_one_change_fails_that_change() -> None:
    cluster, plan = planned("one")
    cluster.bad_name = "b"

    result, _ = both(plan, Journal())

    outcomes = [one.outcome for one in result.results]
    assert outcomes == [Outcome.APPLIED, Outcome.FAILED, Outcome.APPLIED]
    assert (result.results[1].error or "").startswith(DEFECT)
    assert result.verified


def test_what_was_done_is_told_where_reading_it_again_is_a_defect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster, plan = planned("one")
    cluster.bad_read = True

    result, _ = both(plan, Journal())

    assert {one.outcome for one in result.results} == {Outcome.APPLIED}
    assert result.verified is False
    assert (result.error or "").startswith(f"the result could not be verified: {DEFECT}")
    assert "KeyError" in caplog.text
    assert "pl4nted" not in caplog.text


def test_a_defect_before_the_first_change_ends_that_cluster() -> None:
    cluster, plan = planned("one")

    def begin(found: Planned) -> None:
        if found is plan:
            fail()

    result, _ = both(plan, Journal(begin=begin))

    assert {one.outcome for one in result.results} == {Outcome.SKIPPED}
    assert result.verified is False
    assert (result.error or "").startswith(f"cluster 'one': {DEFECT}")
    assert cluster.writes == []


def test_a_result_that_cannot_be_written_down_is_a_result() -> None:
    _, plan = planned("one")

    def finish(found: Planned, result: ClusterResult) -> ClusterResult:
        return fail() if found is plan else result

    result, _ = both(plan, Journal(finish=finish))

    assert result.verified
    assert (result.error or "").startswith(f"how it ended could not be written down: {DEFECT}")


class _Away:
    """A repository that is away once a run has begun."""

    class Past:
        @property
        def root_commit(self) -> str:
            raise SourceError("git failed")

    past = Past()


def test_git_is_not_needed_once_something_is_written() -> None:
    cluster, plan = planned("one")
    checkout: Any = _Away()
    plan = replace(plan, target=replace(plan.target, checkout=checkout), root_commit="f" * 40)

    result, _ = both(plan, Journal())

    assert (result.verified, result.error) == (True, None)
    marker = cluster.markers[OWNER]
    assert (marker["repository"], marker["running"]) == ("f" * 40, None)


def test_a_source_that_fails_before_the_first_write_refuses_the_run() -> None:
    cluster, plan = planned("one")

    def begin(found: Planned) -> None:
        if found is plan:
            raise SourceError("git failed")

    result, _ = both(plan, Journal(begin=begin))

    assert result.error == "cluster 'one': nothing was done: git failed"
    assert cluster.writes == []
