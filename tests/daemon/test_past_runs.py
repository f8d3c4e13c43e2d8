"""That the history cannot be read is logged once, and so is its end."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from rmqsync.app.ports import RunStore
from rmqsync.daemon.past_runs import PastRuns
from rmqsync.model.errors import HistoryError


class Flapping:
    """A history that is away while it is told to be."""

    is_away = False

    def runs(self, **_: Any) -> tuple[()]:
        if self.is_away:
            raise HistoryError("it is locked")
        return ()


def test_a_broken_history_is_logged_once_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="rmqsync.daemon")
    store = Flapping()
    past = PastRuns(cast(RunStore, store))
    found = []
    for store.is_away in (False, True, True, False, False):
        found.append(past.problem())

    assert found == [None, "it is locked", "it is locked", None, None]
    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("ERROR", "the history cannot be read: it is locked"),
        ("INFO", "the history can be read again"),
    ]


def test_that_there_is_none_is_told_with_the_reason() -> None:
    past = PastRuns(None, "there is no history: no data folder")

    with pytest.raises(HistoryError, match="no data folder"):
        past.ask(lambda store: store.runs())
