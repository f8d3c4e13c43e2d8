"""What is told of sources: each problem once, and that it is over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from rmqsync.config.settings import Event
from rmqsync.daemon.documents import SourceStatusDocument
from rmqsync.daemon.happenings import Happening
from rmqsync.report.document import RemarkDocument

LOG = logging.getLogger("rmqsync.daemon")
_MOST_FINDINGS = 50
_MOST_LINES = 20


class SourceTales:
    """Thread-safe."""

    def __init__(
        self,
        clusters: Callable[[str], Sequence[str]] = lambda _source: (),
        notify: Callable[[Happening], None] = lambda _one: None,
    ) -> None:
        """`clusters` names those of a source; `notify` is told of commits that cannot be used."""
        self._clusters = clusters
        self._notify = notify
        self._lock = threading.Lock()
        self._errors: dict[str, str] = {}
        self._broken: dict[str, str] = {}

    def told(self, source: SourceStatusDocument) -> None:
        """Log what is another way with a source than when it was last told of."""
        name, error = source["name"], source["error"]
        broken = source["broken_commit"]
        with self._lock:
            known_error, known_broken = self._errors.pop(name, None), self._broken.pop(name, None)
            if error is not None:
                self._errors[name] = error
            if broken is not None:
                self._broken[name] = broken
        if broken is not None and broken != known_broken:
            _tell_broken(source)
            title = f"commit {broken[:12]} cannot be used"
            self._happened(name, title, reasons(source))
        if broken is None and known_broken is not None:
            self._happened(name, "its newest commit can be used again", [])
        if error is not None and error != known_error:
            LOG.error("source %s: %s", name, error)
        if error is None and known_error is not None:
            LOG.info("source %s: it is fetched again", name)

    def _happened(self, source: str, title: str, lines: Sequence[str]) -> None:
        """Notify all who follow a cluster of this source."""
        clusters = self._clusters(source)
        if not clusters:
            return
        shown = tuple(lines[:_MOST_LINES])
        if len(lines) > _MOST_LINES:
            shown += (f"and {len(lines) - _MOST_LINES} more",)
        first, *others = clusters
        title = f"source {source}: {title}"
        self._notify(Happening(Event.FAILED, first, title, shown, tuple(others)))


def _tell_broken(source: SourceStatusDocument) -> None:
    LOG.error("source %s: commit %s cannot be used", source["name"], source["broken_commit"])
    for one in source["findings"][:_MOST_FINDINGS]:
        LOG.error("%s", _line(one))


def reasons(source: SourceStatusDocument) -> list[str]:
    """Return what keeps the newest commit of a source from being used, each with what to do."""
    found = [_line(one) for one in source["findings"]]
    return found or ([source["error"]] if source["error"] is not None else [])


def _line(one: RemarkDocument) -> str:
    place, hint = one["source"], one["hint"]
    where = f"{place['file']}:{place['line']}:{place['column']}: " if place else ""
    return f"{where}{one['message']}{f'; {hint}' if hint else ''}"
