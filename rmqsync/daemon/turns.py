"""Turns at what only a few may do at once: who comes when many wait already is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rmqsync.daemon.ports import Busy

AT_ONCE = 4
MOST_WAITING = 8
"""Who waits has a thread of the web server, and pages that read no broker need some of these."""
WAIT_S = 30.0


class Turns:
    """Thread-safe."""

    def __init__(
        self, at_once: int = AT_ONCE, most_waiting: int = MOST_WAITING, wait_s: float = WAIT_S
    ) -> None:
        self._free = threading.Semaphore(at_once)
        self._places = threading.Semaphore(at_once + most_waiting)
        self._wait_s = wait_s

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn and have it. Raises `Busy`."""
        if not self._places.acquire(blocking=False):
            raise Busy(_SAID)
        try:
            if not self._free.acquire(timeout=self._wait_s):
                raise Busy(_SAID)
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._places.release()


_SAID = "too many look at clusters now, or one of these does not answer; ask again in a minute"
