"""What the log tells of sources: each problem once, and that it is over."""

from __future__ import annotations

import logging
import threading

from rmqsync.daemon.documents import SourceStatusDocument

LOG = logging.getLogger("rmqsync.daemon")
_MOST_FINDINGS = 50


class SourceTales:
    """Thread-safe."""

    def __init__(self) -> None:
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
        if error is not None and error != known_error:
            LOG.error("source %s: %s", name, error)
        if error is None and known_error is not None:
            LOG.info("source %s: it is fetched again", name)


def _tell_broken(source: SourceStatusDocument) -> None:
    LOG.error("source %s: commit %s cannot be used", source["name"], source["broken_commit"])
    for one in source["findings"][:_MOST_FINDINGS]:
        place = one["source"]
        where = f"{place['file']}:{place['line']}:{place['column']}: " if place else ""
        LOG.error("%s%s", where, one["message"])
