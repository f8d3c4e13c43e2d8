"""Keeps the drift of each cluster as a Markdown file: in a folder, in a branch, or in both."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
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
        self._waiting: set[str] = set()
        self._lock = threading.Condition()
        self._stop = threading.Event()
        self._told: dict[str, str] = {}
        """What each place failed with last."""
        self._thread: threading.Thread | None = None
        if self._wanted.folder is not None or self._wanted.branch is not None:
            self._thread = threading.Thread(target=self._work, name="rmqsync-drift", daemon=True)
            self._thread.start()

    def changed(self, after: ClusterDetailDocument) -> None:
        """Have the drift of a cluster written, where it is another one."""
        if self._thread is None or after["checked_at"] is None:
            return
        name, text = after["name"], markdown(after)
        with self._lock:
            if self._texts.get(name) != text:
                self._texts[name] = text
                self._waiting.add(name)
                self._lock.notify_all()

    def close(self, timeout_s: float) -> None:
        """Write what waits, as far as that takes no longer."""
        if self._thread is None:
            return
        self._stop.set()
        with self._lock:
            self._lock.notify_all()
        self._thread.join(timeout_s)

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

    def _work(self) -> None:
        pause_s = self._gather_s
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._waiting or self._stop.is_set())
            self._stop.wait(pause_s)
            is_last = self._stop.is_set()  # what comes or fails from here on is written once more
            with self._lock:
                found = {name: self._texts[name] for name in sorted(self._waiting)}
                self._waiting.clear()
            failed = self._write(found)
            with self._lock:
                self._waiting |= failed
            if is_last:
                return
            pause_s = AGAIN_S if failed else self._gather_s

    def _write(self, found: Mapping[str, str]) -> set[str]:
        """Return the clusters whose report is not everywhere it should be."""
        failed = set()
        if self._wanted.folder is not None:
            for name, text in found.items():
                if not self._done(f"file {name}", partial(self._to_folder, name, text)):
                    failed.add(name)
        if self._wanted.branch is not None:
            for names in self._by_repository(found):
                texts = {name: found[name] for name in names}
                where = f"branch of {self._sources[names[0]].git}"
                if not self._done(where, partial(self._to_branch, texts)):
                    failed |= set(names)
        return failed

    def _by_repository(self, found: Mapping[str, str]) -> list[list[str]]:
        groups: dict[str | None, list[str]] = {}
        for name in found:
            groups.setdefault(self._sources[name].git, []).append(name)
        return list(groups.values())

    def _to_folder(self, name: str, text: str) -> None:
        folder = self._wanted.folder
        assert folder is not None
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as problem:
            raise SourceError(f"folder '{folder}' cannot be made: {problem.strerror}") from problem
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

    def _done(self, where: str, write: Callable[[], None]) -> bool:
        try:
            write()
        except SourceError as error:
            is_news = str(error) not in self._told.values()
            self._told[where] = str(error)
            if is_news:
                LOG.warning("drift report: %s", error)
            return False
        except Exception:  # a bug of ours must not end the daemon
            LOG.exception("drift report: unexpected error")
            return False
        self._told.pop(where, None)
        return True
