"""Clusters as the daemon keeps them: their connections, and how much of them stays in memory."""

from __future__ import annotations

import threading
from dataclasses import replace

from rmqsync.app.memory import Memory
from rmqsync.app.plan import Target
from rmqsync.app.ports import ApprovalStore
from rmqsync.broker.cluster import ManagementApi
from rmqsync.daemon.sources import Sources
from rmqsync.model.definitions import Live
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session

MOST_OBJECTS = 250_000
"""So many live objects of all clusters stay in memory between cycles; about 800 MB."""


class Targets:
    """One target for each cluster, made when it is first asked for. Thread-safe."""

    def __init__(
        self, session: Session, sources: Sources, memory: Memory, approvals: ApprovalStore
    ) -> None:
        self._session = session
        self._sources = sources
        self._memory = memory
        self._options = RunOptions(approvals=approvals)
        self._known: dict[str, tuple[str | None, Target]] = {}
        self._objects: dict[str, int] = {}
        self._lock = threading.Lock()

    def get(self, name: str) -> Target:
        """
        Return a cluster with what is in force for it now.

        A password that was rotated makes a new connection. Raises `SourceError`.
        """
        checkout = self._sources.checkout(name)
        cluster = self._session.settings.clusters[name]
        password = None
        if cluster.password is not None:
            what = f"cluster '{name}': password"
            password = self._session.secrets.read_ref(cluster.password, what)
        with self._lock:
            known = self._known.get(name)
            if known is not None and known[0] == password:
                return replace(known[1], checkout=checkout)
            if known is not None:
                self._session.drop(known[1].reader)
            target = self._session.target(name, self._options, checkout=checkout)
            self._known[name] = (password, target)
            return target

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
