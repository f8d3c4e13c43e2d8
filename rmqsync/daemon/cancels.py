"""
Plans that somebody called off: in the history, or in memory while that is away.

One stays while its plan comes and goes, as where a node was down in between: that it is not
applied is told, and what was called off must not be applied since something else happened.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from rmqsync.app.marking import now
from rmqsync.app.ports import CancelStore
from rmqsync.model.cancels import Cancel
from rmqsync.model.errors import HistoryError

LOG = logging.getLogger("rmqsync.daemon")


class Cancels:
    """Thread-safe; never raises."""

    def __init__(self, store: CancelStore | None) -> None:
        self._store = store
        self._known: dict[str, Cancel | None] = {}
        """By cluster, as far as it was asked for."""
        self._unwritten: set[str] = set()
        """Clusters of which memory knows what the store does not."""
        self._warned = False
        self._lock = threading.Lock()

    def add(self, cluster: str, fingerprint: str, who: str) -> None:
        """Write down that somebody called a plan off."""
        cancel = Cancel(cluster=cluster, fingerprint=fingerprint, who=who, at=now())
        with self._lock:
            self._known[cluster] = cancel
            self._unwritten.add(cluster)
            self._write(cluster)

    def by(self, cluster: str, fingerprint: str) -> str | None:
        """Return who called just this plan off; `None` where nobody did."""
        with self._lock:
            found = self._find(cluster)
        return found.who if found is not None and found.fingerprint == fingerprint else None

    def take_back(self, cluster: str, fingerprint: str | None) -> bool:
        """
        Drop what was called off, where it is this plan or none is known; tell whether that is so.

        While the store cannot be written it stays called off: other daemons would see it still.
        """
        with self._lock:
            found = self._find(cluster)
            if found is None or fingerprint not in (None, found.fingerprint):
                return True
            if self._store is not None and not self._try(lambda store: store.forget(found)):
                return False
            self._known[cluster] = None
            self._unwritten.discard(cluster)
        return True

    def over(self, cluster: str) -> None:
        """Say that a cluster is as it should be, so that nothing called off is left to do."""
        with self._lock:
            is_asked = cluster in self._known
            found = self._known[cluster] if is_asked else self._find(cluster)
            if found is None:
                return
            self._known[cluster] = None
            self._unwritten.discard(cluster)
            self._try(lambda store: store.forget(found))

    def _find(self, cluster: str) -> Cancel | None:
        if cluster in self._unwritten:
            self._write(cluster)
            return self._known[cluster]
        self._known.setdefault(cluster, None)

        def read(store: CancelStore) -> None:
            self._known[cluster] = store.find(cluster)

        self._try(read)
        return self._known[cluster]

    def _write(self, cluster: str) -> None:
        cancel = self._known[cluster]
        if cancel is not None and self._try(lambda store: store.put(cancel)):
            self._unwritten.discard(cluster)

    def _try(self, use: Callable[[CancelStore], None]) -> bool:
        if self._store is None:
            return False
        try:
            use(self._store)
        except HistoryError as error:
            if not self._warned:
                self._warned = True
                LOG.warning("what is cancelled is known from memory only: %s", error)
            return False
        self._warned = False
        return True
