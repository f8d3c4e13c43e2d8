"""
Where cycles run: never two of one cluster at once, and dead clusters in a lane of their own.

A cluster that is asked for while it runs is run once more, from what is in force then: the newest
commit wins, and requests that wait are one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rmqsync.daemon.cycle import Request

QUICK = 8
"""Cycles at once of clusters that answer."""
SLOW = 32
"""Cycles at once of those that did not, or took long: they mostly wait."""
LONG_S = 10.0
_LOOK_S = 0.1

_RANK = {"schedule": 0, "webhook": 1, "commit": 1, "operator": 2}


class Lanes:
    """Thread-safe."""

    def __init__(
        self, run: Callable[[str, Request], float], is_slow: Callable[[str], bool]
    ) -> None:
        """`run` is a cycle, and never raises; `is_slow` tells what the last one was like."""
        self._run = run
        self._is_slow = is_slow
        self._quick = ThreadPoolExecutor(QUICK, thread_name_prefix="rmqsync-cycle")
        self._slow = ThreadPoolExecutor(SLOW, thread_name_prefix="rmqsync-slow")
        self._lock = threading.Condition()
        self._waiting: dict[str, Request] = {}
        self._running: set[str] = set()
        self._is_closed = False

    def submit(self, cluster: str, request: Request) -> None:
        """Have a cluster looked at soon; returns at once."""
        with self._lock:
            if self._is_closed:
                return
            known = self._waiting.get(cluster)
            self._waiting[cluster] = request if known is None else _stronger(known, request)
            if known is None and cluster not in self._running:
                self._start(cluster)

    def close(
        self, timeout_s: float, is_writing: Callable[[str], bool] = lambda _cluster: True
    ) -> bool:
        """
        Take nothing more, wait for the cycles that write; return whether they ended in time.

        What only reads may be left: ending in the midst of that harms nothing.
        """
        until = time.monotonic() + timeout_s
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            while any(map(is_writing, self._running)) and time.monotonic() < until:
                self._lock.wait(min(_LOOK_S, timeout_s))
            ended = not any(map(is_writing, self._running))
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)
        return ended

    def _start(self, cluster: str) -> None:
        pool = self._slow if self._is_slow(cluster) else self._quick
        pool.submit(self._work, cluster)

    def _work(self, cluster: str) -> None:
        with self._lock:
            request = self._waiting.pop(cluster, None)
            if request is None or self._is_closed:
                return
            self._running.add(cluster)
        try:
            self._run(cluster, request)
        finally:
            with self._lock:
                self._running.discard(cluster)
                if cluster in self._waiting:
                    self._start(cluster)
                self._lock.notify_all()


def _stronger(one: Request, other: Request) -> Request:
    """Return what both ask for: an operator's wish counts most, and to write more than to look."""
    first, second = (
        (one.writes, _RANK.get(one.trigger, 0)),
        (
            other.writes,
            _RANK.get(other.trigger, 0),
        ),
    )
    return one if first >= second else other
