"""Clusters as the daemon keeps them: their connections, and how much of them stays in memory."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import replace
from pathlib import Path

from rmqsync.app.memory import Memory
from rmqsync.app.plan import Target
from rmqsync.app.ports import ApprovalStore
from rmqsync.broker.cluster import ManagementApi
from rmqsync.config.cluster import ClusterSettings
from rmqsync.config.secrets import SecretRef
from rmqsync.daemon.sources import Sources
from rmqsync.model.definitions import Live
from rmqsync.model.errors import SourceError
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session

MOST_OBJECTS = 250_000
"""So many live objects of all clusters stay in memory between cycles; about 800 MB."""
_Access = tuple[str | None, ...]


class Targets:
    """One target for each cluster, made when it is first asked for. Thread-safe."""

    def __init__(
        self, session: Session, sources: Sources, memory: Memory, approvals: ApprovalStore
    ) -> None:
        self._session = session
        self._sources = sources
        self._memory = memory
        self._options = RunOptions(approvals=approvals)
        self._known: dict[str, tuple[_Access, Target]] = {}
        self._objects: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Target:
        """
        Return a cluster with what is in force for it now.

        What was rotated makes new connections. Raises `SourceError`.
        """
        checkout = self._sources.checkout(name)
        access = self._access(self._session.settings.clusters[name])
        with self._lock:
            known = self._known.get(name)
            if known is not None and known[0] == access:
                return replace(known[1], checkout=checkout)
            target = self._session.target(name, self._options, checkout=checkout)
            if known is not None:
                self._session.drop(known[1].reader)
            self._known[name] = (access, target)
            return target

    def _access(self, cluster: ClusterSettings) -> _Access:
        """Return all that a cluster is reached with and that may be rotated."""
        read, what = self._session.secrets.read_ref, f"cluster '{cluster.name}'"
        found: list[str | None] = []
        if cluster.password is not None:
            found.append(read(cluster.password, f"{what}: password"))
        for one in cluster.amqp:
            if isinstance(one, SecretRef):
                try:
                    found.append(read(one, f"{what}: amqp"))
                except SourceError:  # whoever needs it says so: comparing does not
                    found.append(None)
        tls = cluster.tls
        found += [None if file is None else _digest(file) for file in (tls.ca, tls.cert, tls.key)]
        return tuple(found)

    def rest(self, name: str, live: Live | None) -> None:
        """Say that a cycle is over: what does not fit into memory for the next one is dropped."""
        with self._lock:
            if live is not None:
                self._objects[name] = sum(map(len, live.rows.values()))
            if sum(self._objects.values()) <= MOST_OBJECTS:
                return
            self._objects.pop(name, None)
            known = self._known.get(name)
        self._memory.forget(name)
        if known is not None and isinstance(known[1].reader, ManagementApi):
            known[1].reader.forget()


def _digest(file: str) -> str | None:
    """Return what tells one content from another; `None` for a file that cannot be read."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return None
