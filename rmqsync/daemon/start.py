"""Puts a daemon together from a session, and takes it down in time."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from rmqsync.app.ports import RunStore
from rmqsync.config.secrets import SecretRef
from rmqsync.config.settings import Settings
from rmqsync.daemon.board import Board
from rmqsync.daemon.cancels import Cancels
from rmqsync.daemon.cycle import Cycles, Request
from rmqsync.daemon.drifts import DriftLog
from rmqsync.daemon.lanes import LONG_S, Lanes
from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.notify import Notifier
from rmqsync.daemon.obstacles import over_at
from rmqsync.daemon.past_runs import PastRuns
from rmqsync.daemon.ports import SHORT
from rmqsync.daemon.reports import Reports
from rmqsync.daemon.scheduler import Scheduler
from rmqsync.daemon.service import Daemon
from rmqsync.daemon.sources import Sources, name_of
from rmqsync.daemon.standing import Standing
from rmqsync.daemon.tales import SourceTales
from rmqsync.daemon.targets import Targets
from rmqsync.daemon.unusable import refuse_unusable
from rmqsync.daemon.watch import Watch
from rmqsync.model.changes import ClusterResult
from rmqsync.model.errors import HistoryError, SourceError
from rmqsync.repo.mirror import Mirror
from rmqsync.wiring import Session
from rmqsync.wiring_history import Approvals, open_cancels, open_drifts, open_history

LOG = logging.getLogger("rmqsync.daemon")
_FETCHES = 16
"""Sources that are fetched at once."""
_FIRST_FETCH_S = 10.0
"""So long the first cycles wait for the first fetch."""


def secrets_of(session: Session) -> dict[str, str]:
    """
    Return every secret of the settings by what it is for, as far as it can be read now.

    Raises `SourceError` for a token, webhook secret or notification address that cannot be.
    """
    settings, read = session.settings, session.secrets.read_ref
    found = {
        f"daemon.tokens.{k}": read(v, f"token '{k}'") for k, v in settings.daemon.tokens.items()
    }
    for forge, ref in settings.daemon.webhooks.items():
        found[f"daemon.webhooks.{forge}"] = read(ref, f"webhook secret of {forge}")
    for number, one in enumerate(settings.notify):
        found[f"notify[{number}]"] = read(one.url, f"notify[{number}].url")
    for name in settings.secrets:
        value = session.secrets.value(name)
        if value:
            found[f"secrets.{name}"] = value
    for what, ref in _told_later(settings):
        with suppress(SourceError):  # whoever needs it says so
            found[what] = read(ref, what)
    return found


def weak_tokens(session: Session) -> list[str]:
    """Return the names of tokens that are short enough to be guessed. Raises `SourceError`."""
    tokens, read = session.settings.daemon.tokens, session.secrets.read_ref
    return [name for name, ref in tokens.items() if len(read(ref, f"token '{name}'")) < SHORT]


def _told_later(settings: Settings) -> Iterator[tuple[str, SecretRef]]:
    """Give the references whose failing is told where they are used."""
    if isinstance(settings.daemon.history, SecretRef):
        yield "daemon.history", settings.daemon.history
    if settings.source.token is not None:
        yield "source.token", settings.source.token
    for name, cluster in settings.clusters.items():
        if cluster.password is not None:
            yield f"clusters.{name}.password", cluster.password
        if cluster.source.token is not None:
            yield f"clusters.{name}.source.token", cluster.source.token
        for number, one in enumerate(cluster.amqp):
            if isinstance(one, SecretRef):
                yield f"clusters.{name}.amqp[{number}]", one


class Running:
    """A daemon and all its parts."""

    def __init__(
        self, session: Session, metrics: Callable[[Board], Metrics], exit_code: ExitCode
    ) -> None:
        """Raises `SourceError` or `Refused` for settings that it cannot run with."""
        settings = session.settings
        if not settings.clusters:
            raise SourceError(f"{settings.file} has no clusters")
        refuse_unusable(session)
        self.session = session
        names = {name: name_of(one.source) for name, one in settings.clusters.items()}
        self.board = Board(settings, names)
        self.metrics = metrics(self.board)
        self.sources = Sources(session, self.board, session.memory, self.metrics.fetched)
        approvals = Approvals(session)
        targets = Targets(session, self.sources, session.memory, approvals)
        self.history = PastRuns(*_history(session))
        secrets = session.secrets
        notify = [
            (one, secrets.read_ref(one.url, f"notify[{number}].url"))
            for number, one in enumerate(settings.notify)
        ]
        self.notifier = Notifier(notify, self.metrics.notified)
        self.reports = Reports(
            settings,
            lambda source: Mirror(source, session.data_dir, secrets.read_ref, copies_paths=True),
        )
        watch = Watch(DriftLog(open_drifts(session)), self.notifier, self.reports)
        name = f"rmqsync@{socket.gethostname()}"
        standing = Standing(self.board, watch, Cancels(open_cancels(session)))
        self.cycles = Cycles(
            session, settings, standing, targets, session.memory, self.metrics,
            exit_code, self._catch_up, name=name,
        )  # fmt: skip
        self._took: dict[str, float] = {}
        self.lanes = Lanes(self._cycle, self._is_slow)
        polls = {one: self.sources.poll_s(one) for one in self.sources.names}
        most = max(4, min(_FETCHES, len(polls)))
        self._fetchers = ThreadPoolExecutor(most, thread_name_prefix="rmqsync-fetch")
        self._fetching: set[str] = set()
        self._fetch_again: dict[str, str] = {}
        self._fetch_lock = threading.Lock()
        self._tell = SourceTales(self.sources.clusters, self.notifier.tell)
        self._begun = False
        self.scheduler = Scheduler(
            settings,
            polls,
            lambda source: self.poll_one(source, "commit"),
            self._due,
        )
        self.service = Daemon(
            self.cycles, self.lanes, self.scheduler, self.history, approvals, self.poll
        )

    def start(self, stopped: threading.Event) -> None:
        """Fetch every source once, then begin; one that does not answer keeps back no other."""
        self.scheduler.tick()
        until = time.monotonic() + _FIRST_FETCH_S
        self.poll("commit")
        while self._fetching and time.monotonic() < until:
            if stopped.wait(0.05):
                return
        self._begun = True
        self.scheduler.start()

    def stop(self, grace_s: float) -> bool:
        """Finish the requests in flight, record, release; return whether all ended in time."""
        until = time.monotonic() + grace_s
        self.cycles.stop.set()
        self.scheduler.stop()
        ended = self.lanes.close(
            grace_s, lambda name: self.board.cluster(name)["running"] == "applying"
        )
        self._fetchers.shutdown(wait=False, cancel_futures=True)
        self.reports.close(max(0.5, min(5.0, until - time.monotonic())))
        self.notifier.close(max(0.5, min(5.0, until - time.monotonic())))
        return ended

    def poll(self, trigger: str) -> None:
        """Look for new commits of all sources; returns at once."""
        for source in self.sources.names:
            self.poll_one(source, trigger)

    def poll_one(self, source: str, trigger: str) -> None:
        """Look for new commits of one source; one that is being fetched is fetched once more."""
        with self._fetch_lock:
            if source in self._fetching:
                self._fetch_again[source] = trigger
                return
            self._fetching.add(source)
        try:
            self._fetchers.submit(self._fetch, source, trigger)
        except RuntimeError:  # it stops
            self._fetching.discard(source)

    def _fetch(self, source: str, trigger: str) -> None:
        try:
            self._update(source, trigger)
            self.history.problem()  # asked for as often, so that the log tells though nobody looks
        except Exception:  # a bug of ours must not end the daemon
            LOG.exception("source %s: unexpected error", source)
        finally:
            with self._fetch_lock:
                self._fetching.discard(source)
                again = self._fetch_again.pop(source, None)
            if again is not None:
                self.poll_one(source, again)

    def _update(self, source: str, trigger: str, *without: str) -> None:
        """Fetch a source; have its clusters but some looked at where another commit is in force."""
        is_new = self.sources.update(source)
        self.session.memory.keep()
        self._tell.told(self.board.source(source))
        if not is_new:
            return
        LOG.info("source %s: commit %s is in force", source, self.board.source(source)["commit"])
        for cluster in self.sources.clusters(source):
            if self._begun and cluster not in without:
                self.lanes.submit(cluster, Request(trigger))

    def _catch_up(self, cluster: str) -> None:
        self._update(self.board.cluster(cluster)["source"], "commit", cluster)

    def _due(self, cluster: str) -> None:
        if self.sources.is_tried(cluster):
            self.lanes.submit(cluster, Request("schedule"))

    def _cycle(self, cluster: str, request: Request) -> float:
        took = self._took[cluster] = self.cycles.run(cluster, request)
        over = over_at(self.board.cluster(cluster), self.cycles.now())
        self.scheduler.wake(cluster, over)
        return took

    def _is_slow(self, cluster: str) -> bool:
        is_dead = self.board.cluster(cluster)["sync"] == "unreachable"
        return is_dead or self._took.get(cluster, 0.0) > LONG_S


ExitCode = Callable[[ClusterResult], int]


def _history(session: Session) -> tuple[RunStore | None, str | None]:
    try:
        return open_history(session), None
    except (HistoryError, SourceError) as error:
        return None, f"there is no history: {error}"
