"""What is due when the clock jumps; and that missed runs are one."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rmqsync.config.read import read_settings
from rmqsync.config.settings import Settings
from rmqsync.daemon.scheduler import Clocks, Scheduler
from rmqsync.model.times import stamp

BOUND_S = 10.0
HOUR_S = 3600.0


@dataclass
class Jumping:
    """A clock on the wall that is moved, beside one that is not."""

    moved_s: float = 0.0
    looks: int = 0
    looked: threading.Condition = field(default_factory=threading.Condition)

    def wall(self) -> float:
        return time.time() + self.moved_s

    def steady(self) -> float:
        with self.looked:
            self.looks += 1
            self.looked.notify_all()
        return time.monotonic()

    def move(self, by_s: float) -> None:
        """Move it, and return when the tick has seen it and done what it does."""
        with self.looked:
            self.moved_s += by_s
            seen = self.looks + 6  # two ticks of three looks at most
            assert self.looked.wait_for(lambda: self.looks >= seen, BOUND_S)


def settings(every: str) -> Settings:
    text = (
        "clusters:\n"
        f"  a: {{endpoints: ['file:a.json'], layers: [base], every: {every}}}\n"
        "  b: {endpoints: ['file:b.json'], layers: [base], cron: '0 3 * * *'}\n"
    )
    return read_settings("rmqsync.yaml", lambda _file: text.encode(), "/etc/mq")


@contextmanager
def scheduled(clock: Jumping) -> Iterator[Scheduler]:
    clocks = Clocks(clock.wall, clock.steady, 0.01)
    made = Scheduler(settings("1h"), {"repo": 600}, ignore, ignore, clocks)
    made.tick()
    made.start()
    made._scheduler.pause()  # it goes by the real clock, and would run what is due by that
    try:
        yield made
    finally:
        made.stop()


def ignore(_name: str) -> None:
    pass


def due_s(scheduler: Scheduler, job: str, clock: Jumping) -> float:
    """In how many seconds a job is due, by the clock on the wall."""
    return float(at_of(scheduler, job).timestamp() - clock.wall())


def at_of(scheduler: Scheduler, job: str) -> Any:
    return scheduler._scheduler.get_job(job).next_run_time


@pytest.mark.parametrize("jump_s", [-10 * HOUR_S, 10 * HOUR_S])
def test_after_a_jump_all_is_due_as_soon_as_after_a_start(
    jump_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Jumping()
    with scheduled(clock) as scheduler:
        clock.move(jump_s)

        assert due_s(scheduler, "source repo", clock) <= 600
        assert caplog.text.count("the clock jumped") == 1
        if jump_s < 0:
            assert due_s(scheduler, "cluster b", clock) <= 30


def test_a_clock_that_is_put_right_by_little_sets_nothing_anew(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Jumping()
    with scheduled(clock) as scheduler:
        before = at_of(scheduler, "source repo")
        clock.move(-5)

        assert at_of(scheduler, "source repo") == before
        assert "the clock jumped" not in caplog.text


def test_it_is_alive_while_it_ticks() -> None:
    clock = Jumping()
    with scheduled(clock) as scheduler:
        assert scheduler.is_alive()
    scheduler._ticker.join(BOUND_S)
    assert not scheduler.is_alive()


def test_what_was_missed_is_run_once() -> None:
    gate, begun = threading.Semaphore(0), threading.Semaphore(0)
    calls: list[str] = []

    def check(name: str) -> None:
        if name != "a":
            return
        calls.append(name)
        begun.release()
        gate.acquire(timeout=BOUND_S)

    made = Scheduler(settings("1s"), {}, ignore, check)
    made.tick()
    made.start()
    try:
        assert begun.acquire(timeout=BOUND_S)
        assert not begun.acquire(timeout=3.5)  # more than three are missed: it still runs
        gate.release()
        assert begun.acquire(timeout=BOUND_S)
        assert len(calls) == 2
    finally:
        gate.release()
        made.stop()


def test_a_cluster_is_woken_once_and_for_the_last_time_that_was_said() -> None:
    woken = threading.Semaphore(0)
    made = Scheduler(settings("1h"), {}, ignore, lambda _name: woken.release())
    made.tick()
    made.start()
    try:
        for _ in range(2):
            assert woken.acquire(timeout=BOUND_S)  # both clusters are looked at after a start
        regular = made.next_at("a")
        now = datetime.now(UTC)
        made.wake("a", now + timedelta(minutes=2))
        made.wake("a", now + timedelta(minutes=1))
        soon = made.next_at("a")
        made.wake("a", None)
        made.wake("a", None)
        never = made.next_at("a")
        made.wake("a", now)

        assert regular is not None
        assert soon is not None
        assert soon < regular
        assert soon < stamp(now + timedelta(minutes=2))
        assert never == regular
        assert woken.acquire(timeout=BOUND_S)
        assert not woken.acquire(timeout=2)
    finally:
        made.stop()
