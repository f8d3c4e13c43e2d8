"""What the board says of stops that end by themselves."""

from __future__ import annotations

import pytest

from rmqsync.config.read import read_settings
from rmqsync.daemon.board import Board
from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.obstacles import obstacle

TEXT = b"clusters: {mq: {endpoints: ['file:mq.json'], layers: [base]}}"
STOP = {"reason": "upgrade", "by": "ann", "since": None, "until": "2026-01-01T12:00:00Z"}


@pytest.mark.parametrize(
    ("at", "lasts"), [("2026-01-01T11:59:59Z", True), ("2026-01-01T12:00:00Z", False)]
)
@pytest.mark.parametrize("word", ["paused", "pinned"])
def test_a_stop_keeps_nothing_off_once_its_time_is_over(word: str, at: str, lasts: bool) -> None:
    settings = read_settings("rmqsync.yaml", lambda _file: TEXT, "/etc/mq")
    board = Board(settings, {"mq": "repo"}, lambda: at)
    board.set_cluster("mq", mode="apply", **{word: STOP})

    (listed,), (status,), one = board.clusters(), board.statuses(), board.cluster("mq")

    expected = STOP if lasts else None
    assert [found[word] for found in (listed, status, one)] == [expected] * 3  # type: ignore[literal-required]
    assert (obstacle(one, None) is not None) is lasts
    if word == "paused":
        told = Metrics(board).text(ready=True)[0].decode()
        assert f'rmqsync_cluster_paused{{cluster="mq"}} {float(lasts)}' in told
