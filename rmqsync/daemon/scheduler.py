"""
What is due when: a job for each source and each cluster, one more for what a cluster waits for,
and a tick that sees clocks jump.

The scheduler goes by the clock on the wall. Where that jumps, all jobs are set anew, so that none
waits for an hour that was there already.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from rmqsync.config.settings import Settings
from rmqsync.daemon.timing import cron, spread_s
from rmqsync.model.times import stamp

LOG = logging.getLogger("rmqsync.daemon")
TICK_S = 5.0
_JUMP_S = 30.0
_DEAD_S = 60.0
_LATE_S = 1.0
JITTER = 0.1
"""Of the interval: clusters and daemons do not keep step."""


class Clocks(NamedTuple):
    """What the tick compares."""

    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    tick_s: float = TICK_S


class Scheduler:
    """Calls `poll` with the name of a source and `check` with that of a cluster."""

    def __init__(
        self,
        settings: Settings,
        sources: dict[str, int],
        poll: Callable[[str], None],
        check: Callable[[str], None],
        clocks: Clocks | None = None,
    ) -> None:
        """`sources`: how often each is polled, in seconds."""
        self._clocks = clocks or Clocks()
        self._poll = poll
        self._check = check
        self._triggers: dict[str, tuple[BaseTrigger, Callable[[], None]]] = {}
        for name, every_s in sources.items():
            self._triggers[f"source {name}"] = _every(every_s), self._call(poll, name)
        for name, cluster in settings.clusters.items():
            every_s = cluster.every_s or 0
            trigger = cron(cluster.cron) if cluster.cron is not None else _every(every_s)
            self._triggers[f"cluster {name}"] = trigger, self._call(check, name)
        self._first = {f"source {name}": float(every_s) for name, every_s in sources.items()}
        for name, after_s in spread_s(list(settings.clusters), 300.0).items():
            self._first[f"cluster {name}"] = after_s
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(max(4, min(16, len(sources) + 2)))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._stop = threading.Event()
        self._ticked = self._clocks.steady()
        self._ticker = threading.Thread(target=self._tick, name="rmqsync-tick", daemon=True)

    def tick(self) -> None:
        """Begin to watch the clocks, so that it is alive; nothing is due until `start`."""
        self._ticker.start()

    def start(self) -> None:
        """Begin. Sources are not polled at once: whoever starts it has done so."""
        self._set()
        self._scheduler.start()

    def stop(self) -> None:
        self._stop.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def is_alive(self) -> bool:
        """Tell whether it ticks."""
        return self._ticker.is_alive() and self._clocks.steady() - self._ticked < _DEAD_S

    def next_at(self, cluster: str) -> str | None:
        """Return when a cluster is due next."""
        jobs = map(self._scheduler.get_job, (f"cluster {cluster}", f"wake {cluster}"))
        due = [at for job in jobs if (at := getattr(job, "next_run_time", None)) is not None]
        return stamp(min(due)) if due else None

    def wake(self, cluster: str, at: datetime | None) -> None:
        """Have a cluster looked at once more, just after a time; in place of the one before."""
        name = f"wake {cluster}"
        if at is None:
            with suppress(JobLookupError):
                self._scheduler.remove_job(name)
            return
        # Several clusters may wait for one time, and what is told of it is cut to the second.
        due = at + timedelta(seconds=_LATE_S + self._first[f"cluster {cluster}"])
        call = self._call(self._check, cluster)
        self._scheduler.add_job(
            call, DateTrigger(due), id=name, replace_existing=True, next_run_time=due
        )

    @staticmethod
    def _call(function: Callable[[str], None], name: str) -> Callable[[], None]:
        return lambda: function(name)

    def _set(self) -> None:
        """Begin anew from now: an interval counts from when it was made, which may be to come."""
        now = datetime.fromtimestamp(self._clocks.wall(), UTC)
        for name, (trigger, call) in self._triggers.items():
            first_at = now + timedelta(seconds=self._first[name])
            self._scheduler.add_job(
                call, trigger, id=name, replace_existing=True, next_run_time=first_at
            )

    def _tick(self) -> None:
        clocks = self._clocks
        wall, steady = clocks.wall(), clocks.steady()
        while not self._stop.wait(clocks.tick_s):
            jump_s = (clocks.wall() - wall) - (clocks.steady() - steady)
            wall, steady = clocks.wall(), clocks.steady()
            self._ticked = steady
            if abs(jump_s) > _JUMP_S:
                LOG.warning("the clock jumped by %.0f s: what is due is set anew", jump_s)
                self._set()


def _every(seconds: int) -> IntervalTrigger:
    return IntervalTrigger(seconds=max(1, seconds), jitter=max(1, int(seconds * JITTER)))
