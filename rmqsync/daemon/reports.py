"""Keeps the drift of each cluster as a Markdown file: in a folder, in a branch, or in both."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from rmqsync.config.settings import DriftReports, Settings
from rmqsync.config.source import Source
from rmqsync.daemon.documents import ClusterDetailDocument
from rmqsync.daemon.drift_report import markdown
from rmqsync.model.errors import SourceError
from rmqsync.repo.local import write_atomic
from rmqsync.repo.mirror import Mirror
from rmqsync.repo.publish import publish

LOG = logging.getLogger("rmqsync.daemon")
GATHER_S = 2.0
"""What changes within this time is one commit."""
AGAIN_S = 60.0
"""After what could not be written."""
_AUTHOR = ("rmqsync", "rmqsync@localhost")


def file_name(cluster: str) -> str:
    """Return what the report of a cluster is called; a name may hold anything."""
    return f"{quote(cluster, safe='')}.md"


@dataclass(slots=True)
class _Place:
    """A file or a branch: each has its own time, so that one that fails holds up no other."""

    where: str
    clusters: Collection[str]
    write: Callable[[Mapping[str, str]], None]
    waiting: set[str] = field(default_factory=set)
    due: float = 0.0
    """When what waits is written, by the monotonic clock."""


class Reports:
    """Thread-safe; `changed` returns at once, and what goes wrong is only logged."""

    def __init__(
        self, settings: Settings, mirror: Callable[[Source], Mirror], gather_s: float = GATHER_S
    ) -> None:
        """Raises `SourceError` for a branch that cannot be meant."""
        self._wanted: DriftReports = settings.daemon.drift_reports
        self._sources = {name: one.source for name, one in settings.clusters.items()}
        self._mirror = mirror
        self._gather_s = gather_s
        self._check()
        self._texts: dict[str, str] = {}
        self._lock = threading.Condition()
        self._is_closing = False
        self._told: dict[str, str] = {}
        """What each place failed with last."""
        files, branches = self._files(), self._branches()
        self._places = [*files, *branches]
        self._threads = [  # a push may take long, and no file waits for it
            threading.Thread(target=self._work, args=[places], name=name, daemon=True)
            for name, places in (("rmqsync-drift", files), ("rmqsync-drift-push", branches))
            if places
        ]
        for thread in self._threads:
            thread.start()

    def changed(self, after: ClusterDetailDocument) -> None:
        """Have the drift of a cluster written, where it is another one."""
        if not self._places or after["checked_at"] is None:
            return
        name, text = after["name"], markdown(after)
        with self._lock:
            if self._texts.get(name) == text:
                return
            self._texts[name] = text
            due = time.monotonic() + self._gather_s
            for place in self._places:
                if name in place.clusters:
                    if not place.waiting:
                        place.due = due
                    place.waiting.add(name)
            self._lock.notify_all()

    def close(self, timeout_s: float) -> None:
        """Write what waits, as far as that takes no longer."""
        until = time.monotonic() + timeout_s
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _check(self) -> None:
        branch = self._wanted.branch
        if branch is None:
            return
        for name, source in self._sources.items():
            if source.git is None:
                raise SourceError(
                    f"daemon.drift_reports.branch: cluster '{name}' has no source.git to push to; "
                    "use daemon.drift_reports.folder"
                )
            if source.branch == branch:
                raise SourceError(
                    f"daemon.drift_reports.branch: the definitions of cluster '{name}' come from "
                    f"branch '{branch}'; name another"
                )

    def _files(self) -> list[_Place]:
        if self._wanted.folder is None:
            return []
        return [_Place(f"file {name}", [name], self._to_folder) for name in self._sources]

    def _branches(self) -> list[_Place]:
        if self._wanted.branch is None:
            return []
        groups: dict[str | None, list[str]] = {}
        for name, source in self._sources.items():
            groups.setdefault(source.git, []).append(name)
        return [_Place(f"branch of {git}", names, self._to_branch) for git, names in groups.items()]

    def _work(self, places: Sequence[_Place]) -> None:
        while (place := self._next(places)) is not None:
            self._write(place)
        # What waits is written once more: after a failure it is due late, so that comes last.
        for place in sorted(places, key=lambda one: one.due):
            self._write(place)

    def _next(self, places: Sequence[_Place]) -> _Place | None:
        """Return the place to write once it is time; `None` when closing."""
        with self._lock:
            while not self._is_closing:
                waiting = [one for one in places if one.waiting]
                first = min(waiting, key=lambda one: one.due, default=None)
                rest_s = None if first is None else first.due - time.monotonic()
                if rest_s is not None and rest_s <= 0:
                    return first
                self._lock.wait(rest_s)
        return None

    def _write(self, place: _Place) -> None:
        with self._lock:
            found = {name: self._texts[name] for name in sorted(place.waiting)}
            place.waiting.clear()
        if not found or self._done(place, found):
            return
        with self._lock:
            place.waiting |= found.keys()
            place.due = time.monotonic() + AGAIN_S

    def _to_folder(self, texts: Mapping[str, str]) -> None:
        folder = self._wanted.folder
        assert folder is not None
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as problem:
            raise SourceError(f"folder '{folder}' cannot be made: {problem.strerror}") from problem
        for name, text in texts.items():
            write_atomic(os.path.join(folder, file_name(name)), text.encode())

    def _to_branch(self, texts: Mapping[str, str]) -> None:
        assert self._wanted.branch is not None
        files = {file_name(name): text.encode() for name, text in texts.items()}
        names = {file_name(name): name for name in texts}

        def message(changed: Sequence[str]) -> str:
            return f"Drift of {', '.join(names[file] for file in changed)}\n"

        mirror = self._mirror(self._sources[next(iter(texts))])
        done = publish(mirror, self._wanted.branch, files, message, _AUTHOR)
        if done is not None:
            LOG.info("drift of %s: commit %s", ", ".join(names[n] for n in done[1]), done[0])

    def _done(self, place: _Place, texts: Mapping[str, str]) -> bool:
        try:
            place.write(texts)
        except SourceError as error:
            with self._lock:
                is_news = str(error) not in self._told.values()
                self._told[place.where] = str(error)
            if is_news:
                LOG.warning("drift report: %s", error)
            return False
        except Exception:  # a bug of ours must not end the daemon
            LOG.exception("drift report: unexpected error")
            return False
        with self._lock:
            self._told.pop(place.where, None)
        return True
