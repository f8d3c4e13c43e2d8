"""What was called off while the history is away."""

from __future__ import annotations

import pytest

from rmqsync.daemon.cancels import Cancels
from rmqsync.model.cancels import Cancel
from rmqsync.model.errors import HistoryError


class Store:
    """Fits `CancelStore`; away when told."""

    def __init__(self) -> None:
        self.is_away = False
        self.rows: dict[str, Cancel] = {}

    def put(self, cancel: Cancel) -> None:
        self.check()
        self.rows[cancel.cluster] = cancel

    def find(self, cluster: str) -> Cancel | None:
        self.check()
        return self.rows.get(cluster)

    def forget(self, cancel: Cancel) -> None:
        self.check()
        del self.rows[cancel.cluster]

    def check(self) -> None:
        if self.is_away:
            raise HistoryError("the history is away")


def test_while_the_history_is_away_memory_counts_and_it_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = Store()
    cancels = Cancels(store)
    cancels.add("one", "f", "ann")
    store.is_away = True

    assert cancels.by("one", "f") == "ann"
    cancels.add("one", "g", "bob")
    assert (cancels.by("one", "f"), cancels.by("one", "g")) == (None, "bob")
    assert cancels.by("two", "f") is None
    assert caplog.messages == ["what is cancelled is known from memory only: the history is away"]
    store.is_away = False
    assert cancels.by("one", "g") == "bob"
    assert store.rows["one"].who == "bob"


def test_without_a_history_memory_counts(caplog: pytest.LogCaptureFixture) -> None:
    cancels = Cancels(None)
    cancels.add("one", "f", "ann")
    assert cancels.by("one", "f") == "ann"
    cancels.over("one")

    assert cancels.by("one", "f") is None
    assert caplog.messages == []


def test_what_another_called_off_counts_until_the_cluster_is_as_it_should_be() -> None:
    store = Store()
    one, other = Cancels(store), Cancels(store)
    assert other.by("one", "f") is None
    one.add("one", "f", "ann")

    assert other.by("one", "f") == "ann"
    assert other.by("one", "g") is None
    assert other.by("one", "f") == "ann"
    other.over("one")
    assert (one.by("one", "f"), store.rows) == (None, {})


def test_what_is_taken_back_is_so_for_all_and_no_other_plan() -> None:
    store = Store()
    one, other = Cancels(store), Cancels(store)
    assert other.by("one", "f") is None
    one.add("one", "f", "ann")

    assert other.take_back("one", "g")
    assert one.by("one", "f") == "ann"
    store.is_away = True
    assert not other.take_back("one", "f")
    assert other.by("one", "f") == "ann"
    store.is_away = False
    assert other.take_back("one", "f")
    assert (one.by("one", "f"), other.by("one", "f"), store.rows) == (None, None, {})


def test_without_a_history_it_is_taken_back_in_memory_whatever_the_plan_is() -> None:
    cancels = Cancels(None)
    cancels.add("one", "f", "ann")

    assert cancels.take_back("one", None)
    assert cancels.by("one", "f") is None
