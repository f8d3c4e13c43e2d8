"""The drift log, the same on both databases."""

from __future__ import annotations

from rmqsync.history.drifts import DriftHistory

KEEP_S = 86400.0 * 365 * 1000


def at(minute: int) -> str:
    return f"2026-01-01T00:{minute:02}:00Z"


def test_it_is_counted_how_often_a_drift_came(history_url: str) -> None:
    log = DriftHistory(history_url, KEEP_S)
    first = log.look("one", {"queue:a/b": "drift"}, at(1))
    same = log.look("one", {"queue:a/b": "drift"}, at(2))
    gone = log.look("one", {}, at(3))
    again = log.look("one", {"queue:a/b": "both", "queue:a/c": "drift"}, at(4))

    assert [(row.times, row.since) for row in first.new] == [(1, at(1))]
    assert (same.new, same.gone) == ((), ())
    assert [(row.times, row.since) for row in same.open] == [(1, at(1))]
    assert [(row.address, row.gone_at) for row in gone.gone] == [("queue:a/b", at(3))]
    assert [(row.address, row.times, row.since) for row in again.new] == [
        ("queue:a/b", 2, at(4)),
        ("queue:a/c", 1, at(4)),
    ]
    assert again.open[0].cause == "both"


def test_of_two_that_see_a_drift_one_is_told(history_url: str) -> None:
    one, other = DriftHistory(history_url, KEEP_S), DriftHistory(history_url, KEEP_S)

    first = one.look("one", {"queue:a/b": "drift"}, at(1))
    second = other.look("one", {"queue:a/b": "drift"}, at(1))
    over = one.look("one", {}, at(2)), other.look("one", {}, at(2))

    assert (len(first.new), len(second.new), len(second.open)) == (1, 0, 1)
    assert [len(found.gone) for found in over] == [1, 0]


def test_clusters_are_apart_and_old_ones_forgotten(history_url: str) -> None:
    log = DriftHistory(history_url, KEEP_S)
    log.look("one", {"queue:a/b": "drift"}, at(1))
    assert log.look("two", {}, at(2)).gone == ()
    log.look("one", {}, at(3))

    DriftHistory(history_url, 1.0).look("two", {}, at(4))

    (row,) = log.look("one", {"queue:a/b": "drift"}, at(5)).new
    assert row.times == 1
