"""What drifted, as daemons see it that share a history, or lose it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from rmqsync.daemon.drifts import DriftLog
from rmqsync.history.drifts import DriftHistory
from rmqsync.report.document import ChangeDocument

KEEP_S = 86400.0 * 365 * 1000


def drift(name: str) -> ChangeDocument:
    address = f"queue:shop/{name}"
    return cast(ChangeDocument, {"address": address, "kind": "queue", "cause": "drift"})


def on(day: int) -> str:
    return f"2026-01-{day:02}T00:00:00Z"


def test_drift_that_another_daemon_saw_end_is_new_when_it_comes_again(history_url: str) -> None:
    one, other = (DriftLog(DriftHistory(history_url, KEEP_S)) for _ in range(2))
    for log in (one, other):
        log.note("mq", [drift("a")], on(1))
    ends = [len(log.note("mq", [], on(2)).gone) for log in (one, other)]

    again = other.note("mq", [drift("a")], on(3))

    assert ends == [1, 0]
    assert [(found["since"], found["times"]) for found in again.new] == [(on(3), 2)]
    assert [row.address for row in other.note("mq", [], on(4)).gone] == ["queue:shop/a"]


def test_when_the_history_is_deleted_no_drift_is_told_again_and_each_end_is(tmp_path: Path) -> None:
    log = DriftLog(DriftHistory(f"sqlite:///{tmp_path}/history.sqlite", KEEP_S))

    def lose() -> None:
        for file in tmp_path.glob("history.sqlite*"):
            file.unlink()

    log.note("mq", [drift("a")], on(1))
    lose()
    more = log.note("mq", [drift("a"), drift("b")], on(2))
    lose()
    gone = log.note("mq", [], on(3))

    assert [found["address"] for found in more.new] == ["queue:shop/b"]
    assert [row.address for row in gone.gone] == ["queue:shop/a", "queue:shop/b"]
    assert log.note("mq", [], on(4)).gone == []
