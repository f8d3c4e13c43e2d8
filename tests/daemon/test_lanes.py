"""Never two cycles of one cluster at once; what waits is one; a dead cluster delays no other."""

from __future__ import annotations

import threading
from collections import defaultdict

from rmqsync.daemon.cycle import Request
from rmqsync.daemon.lanes import QUICK, Lanes

BOUND_S = 10.0


class Work:
    """Cycles that wait until they are told to go on."""

    def __init__(self, *slow: str) -> None:
        self.gates: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))
        self.begun: dict[str, threading.Semaphore] = defaultdict(lambda: threading.Semaphore(0))
        self.done: list[tuple[str, Request]] = []
        self.at_once: dict[str, int] = defaultdict(int)
        self.most: dict[str, int] = defaultdict(int)
        self.slow = set(slow)
        self._lock = threading.Lock()

    def run(self, name: str, request: Request) -> float:
        with self._lock:
            self.at_once[name] += 1
            self.most[name] = max(self.most[name], self.at_once[name])
        self.begun[name].release()
        assert self.gates[name].acquire(timeout=BOUND_S)
        with self._lock:
            self.at_once[name] -= 1
            self.done.append((name, request))
        return 0.0

    def is_slow(self, name: str) -> bool:
        return name in self.slow


def test_requests_that_wait_are_one_and_the_strongest() -> None:
    work = Work()
    lanes = Lanes(work.run, work.is_slow)
    lanes.submit("one", Request("schedule"))
    assert work.begun["one"].acquire(timeout=BOUND_S)
    for request in (
        Request("schedule"),
        Request("operator", "eve"),
        Request("commit"),
        Request("operator", "eve", writes=False),
    ):
        lanes.submit("one", request)
    work.gates["one"].release()
    assert work.begun["one"].acquire(timeout=BOUND_S)
    work.gates["one"].release()

    assert lanes.close(BOUND_S)
    assert work.done == [("one", Request("schedule")), ("one", Request("operator", "eve"))]
    assert work.most["one"] == 1


def test_clusters_that_hang_do_not_keep_others_from_running() -> None:
    dead = [f"dead.{number}" for number in range(2 * QUICK)]
    work = Work(*dead)
    lanes = Lanes(work.run, work.is_slow)
    for name in dead:
        lanes.submit(name, Request("schedule"))
        assert work.begun[name].acquire(timeout=BOUND_S)
    work.gates["alive"].release()

    lanes.submit("alive", Request("schedule"))

    assert work.begun["alive"].acquire(timeout=BOUND_S)
    for name in dead:
        work.gates[name].release()
    assert lanes.close(BOUND_S)
    assert len(work.done) == len(dead) + 1


def test_nothing_begins_once_it_is_closed() -> None:
    work = Work()
    lanes = Lanes(work.run, work.is_slow)
    lanes.submit("one", Request("schedule"))
    assert work.begun["one"].acquire(timeout=BOUND_S)
    lanes.submit("one", Request("commit"))

    assert lanes.close(0.01) is False
    work.gates["one"].release()
    assert lanes.close(BOUND_S)
    lanes.submit("two", Request("commit"))
    assert [name for name, _ in work.done] == ["one"]
