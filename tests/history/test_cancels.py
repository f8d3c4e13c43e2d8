"""What was called off, the same on both databases."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import create_engine, text

from rmqsync.history.cancels import CancelHistory
from rmqsync.history.runs import RunHistory
from rmqsync.model.cancels import Cancel
from tests.history.records import run

ONE = Cancel(cluster="one", fingerprint="f" * 64, who="ann", at="2026-01-01T00:00:00Z")


def test_the_last_one_of_a_cluster_counts(history_url: str) -> None:
    store = CancelHistory(history_url)
    assert store.find("one") is None
    store.put(ONE)
    store.put(replace(ONE, cluster="two"))
    last = replace(ONE, fingerprint="0" * 64, who="bob", at="2026-01-02T00:00:00Z")
    store.put(last)

    store.forget(ONE)

    assert store.find("one") == last
    store.forget(last)
    assert store.find("one") is None
    assert store.find("two") == replace(ONE, cluster="two")


def test_a_history_of_an_older_version_holds_none_and_takes_the_first(history_url: str) -> None:
    RunHistory(history_url).begin(run())
    engine = create_engine(history_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE rmqsync_cancels"))
        connection.execute(text("UPDATE rmqsync_history SET version = 3"))
    engine.dispose()
    store = CancelHistory(history_url)
    assert store.find("one") is None

    store.put(ONE)

    assert store.find("one") == ONE
    assert len(RunHistory(history_url).runs()) == 1
