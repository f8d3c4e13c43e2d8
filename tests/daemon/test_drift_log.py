"""What drifted, as daemons see it that share a history."""

from __future__ import annotations

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
