"""What comes before the first change: what ends it leaves nothing behind, and no approval used."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rmqsync.app.apply import ApplyOptions, apply_cluster
from rmqsync.app.plan import Planned
from rmqsync.model.changes import ClusterResult, Outcome, Result
from rmqsync.model.errors import HistoryError
from rmqsync.planning.rules import Rules
from tests.app.runs import OWNER, Repository, state_of
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import desired_of, exchange, rows, vhost

BEFORE, AFTER = rows(vhost()), rows(vhost(), exchange())


@dataclass
class Approvals:
    """As much of `ApprovalStore` as a run asks for."""

    cluster: MemoryCluster
    is_open: bool = True
    error: HistoryError | None = None
    spent: list[str] = field(default_factory=list)
    written_before: int = 0

    def spend(self, ids: Iterable[str]) -> bool:
        if self.error is not None:
            raise self.error
        self.written_before = len(self.cluster.writes)
        if self.is_open:
            self.spent += ids
        return self.is_open


def approved(
    *faults: int, is_marked: bool = True, **store: Any
) -> tuple[MemoryCluster, Approvals, Planned]:
    """Plan what a person approved; these writes do not get through."""
    cluster = MemoryCluster(state_of(BEFORE), faults=dict.fromkeys(faults, Fault.UNSENT))
    repository = Repository()
    last = repository.commit(BEFORE)
    if is_marked:
        repository.mark(cluster, last)
    planned = repository.plan(cluster, desired_of(AFTER), repository.commit(AFTER), Rules())
    approvals = Approvals(cluster, **store)
    target: Any = replace(planned.target, approvals=approvals)
    plan = replace(planned.plan, approvals=("id",))
    return cluster, approvals, replace(planned, plan=plan, target=target)


def run(planned: Planned, stop: threading.Event | None = None) -> ClusterResult:
    return apply_cluster(planned, ApplyOptions(stop=stop or threading.Event()))


def test_an_approval_is_used_up_before_the_first_change() -> None:
    cluster, approvals, planned = approved()

    result = run(planned)

    assert result.verified
    assert approvals.spent == ["id"]
    assert approvals.written_before == 1, "the marker"
    assert len(cluster.writes) == 3


def test_an_approval_still_counts_where_the_marker_could_not_be_written() -> None:
    cluster, approvals, planned = approved(0)

    result = run(planned)

    assert "the marker could not be written" in (result.error or "")
    assert approvals.spent == []
    assert cluster.state == state_of(BEFORE)


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "unmarked"])
@pytest.mark.parametrize(
    "store",
    [{"is_open": False}, {"error": HistoryError("it is locked")}],
    ids=["used", "unwritten"],
)
def test_a_run_whose_approval_does_not_count_leaves_the_marker_as_it_was(
    store: dict[str, Any], is_marked: bool
) -> None:
    cluster, _, planned = approved(is_marked=is_marked, **store)
    before = dict(cluster.markers)

    result = run(planned)

    assert "nothing was done: " in (result.error or "")
    assert "approval" in (result.error or "")
    assert cluster.markers == before
    assert cluster.state == state_of(BEFORE)


def test_a_marker_that_cannot_be_put_back_is_told() -> None:
    cluster, _, planned = approved(1, is_open=False)

    result = run(planned)

    assert "used, revoked, or ended meanwhile; the marker says that a run is" in (
        result.error or ""
    )
    assert cluster.markers[OWNER]["running"] is not None


class Stopping:
    """Fits `Journal`: the signal comes while a backup is made."""

    run = None

    def __init__(self, stop: threading.Event) -> None:
        self.stop = stop

    def before_first_write(self, planned: Planned, *, fresh: bool) -> None:
        self.stop.set()

    def finished(self, planned: Planned, result: ClusterResult) -> ClusterResult:
        return result


@pytest.mark.parametrize("is_late", [False, True], ids=["before", "during the backup"])
def test_a_run_that_is_stopped_before_it_writes_writes_nothing(is_late: bool) -> None:
    cluster, approvals, planned = approved()
    stop = threading.Event()
    options = ApplyOptions(stop=stop, journal=Stopping(stop))
    if not is_late:
        stop.set()

    result = apply_cluster(planned, options)

    assert result.results == (Result(Outcome.SKIPPED, "interrupted before it was sent"),)
    assert result.interrupted
    assert (cluster.writes, approvals.spent) == ([], [])


def test_a_stop_keeps_a_run_from_saying_that_all_is_applied() -> None:
    cluster, _, planned = approved()
    planned = replace(planned, plan=replace(planned.plan, changes=(), approvals=()))
    stop = threading.Event()
    stop.set()

    result = run(planned, stop)

    assert result.interrupted
    assert cluster.writes == []
