"""Past runs as the daemon asks for them: that they cannot be read is logged once, and its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from rmqsync.app.ports import RunStore
from rmqsync.model.errors import HistoryError

LOG = logging.getLogger("rmqsync.daemon")
_Found = TypeVar("_Found")


class PastRuns:
    """Thread-safe."""

    def __init__(self, store: RunStore | None, problem: str | None = None) -> None:
        """`store` is `None` where there can be none; `problem` says why."""
        self._store = store
        self._problem = problem or "there is no history"
        self._is_told = False
        self._lock = threading.Lock()

    def ask(self, question: Callable[[RunStore], _Found]) -> _Found:
        """Raises `HistoryError` where it cannot be read, and what the question raises."""
        try:
            if self._store is None:
                raise HistoryError(self._problem)
            found = question(self._store)
        except HistoryError as error:
            self._tell(str(error))
            raise
        self._tell(None)
        return found

    def problem(self) -> str | None:
        """Return why it cannot be read now; `None` where it can."""
        try:
            self.ask(lambda store: store.runs(limit=1))
        except HistoryError as error:
            return str(error)
        return None

    def _tell(self, problem: str | None) -> None:
        with self._lock:
            is_news = self._is_told != (problem is not None)
            self._is_told = problem is not None
        if is_news and problem is not None:
            LOG.error("the history cannot be read: %s", problem)
        elif is_news:
            LOG.info("the history can be read again")
