"""What has drifted, since when and how often: in the history, or in memory while that is away."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from rmqsync.app.ports import DriftStore
from rmqsync.daemon.documents import DriftDocument
from rmqsync.model.drifts import DriftRow, Told, looked
from rmqsync.model.errors import HistoryError
from rmqsync.report.document import ChangeDocument

LOG = logging.getLogger("rmqsync.daemon")


class Noted(NamedTuple):
    """What came of one comparison."""

    open: list[DriftDocument]
    new: list[DriftDocument]
    gone: list[DriftRow]


class DriftLog:
    """Thread-safe; never raises."""

    def __init__(self, store: DriftStore | None) -> None:
        self._store = store
        self._known: dict[str, dict[str, DriftRow]] = {}
        self._warned = False
        self._unwritten: set[str] = set()
        """Clusters of which memory knows what the store does not."""
        self._lock = threading.Lock()

    def note(self, cluster: str, changes: Sequence[ChangeDocument], at: str) -> Noted:
        """Write down that just these objects of a cluster are drifted now."""
        causes = {one["address"]: one["cause"] for one in changes}
        with self._lock:
            known = self._known.get(cluster)
        is_same = (
            known is not None
            and cluster not in self._unwritten
            and causes == {row.address: row.cause for row in known.values() if row.gone_at is None}
        )
        told = (
            self._from_memory(cluster, causes, at) if is_same else self._look(cluster, causes, at)
        )
        with self._lock:
            # What was open and is not told of any more, another daemon saw end.
            rows = self._known.get(cluster, {}).values()
            kept = {row.address: row for row in rows if row.gone_at is not None}
            told_rows = {row.address: row for row in (*told.open, *told.gone)}
            self._known[cluster] = {**kept, **told_rows}
        by_address = {one["address"]: one for one in changes}
        found = [_document(row, by_address[row.address]) for row in told.open]
        fresh = {row.address for row in told.new}
        return Noted(found, [one for one in found if one["address"] in fresh], list(told.gone))

    def _look(self, cluster: str, causes: dict[str, str], at: str) -> Told:
        if self._store is None:
            return self._from_memory(cluster, causes, at)
        try:
            told = self._store.look(cluster, causes, at)
        except HistoryError as error:
            if not self._warned:
                self._warned = True
                LOG.warning("drift is kept in memory only: %s", error)
            self._unwritten.add(cluster)
            return self._from_memory(cluster, causes, at)
        self._warned = False
        return self._once(cluster, told, causes, at)

    def _once(self, cluster: str, told: Told, causes: dict[str, str], at: str) -> Told:
        """
        Leave out what was told while the store was away, or before it lost what it knew.

        And put in the ends that it knows nothing of.
        """
        was_away = cluster in self._unwritten
        self._unwritten.discard(cluster)
        with self._lock:
            known = self._known.get(cluster, {})
        open_here = {row.address for row in known.values() if row.gone_at is None}
        gone_here = known.keys() - open_here
        ours = {one for one in open_here if was_away or one not in told.known}
        gone = [one for one in told.gone if not (was_away and one.address in gone_here)]
        named = {one.address for one in gone}
        gone += [replace(known[one], gone_at=at) for one in sorted(ours - causes.keys() - named)]
        new = tuple(one for one in told.new if one.address not in ours)
        return told._replace(new=new, gone=tuple(gone))

    def _from_memory(self, cluster: str, causes: dict[str, str], at: str) -> Told:
        with self._lock:
            known = list(self._known.get(cluster, {}).values())
        return looked(known, cluster, causes, at)


def _document(row: DriftRow, change: ChangeDocument) -> DriftDocument:
    return {
        "address": row.address,
        "kind": change["kind"],
        "cause": row.cause,
        "since": row.since,
        "times": row.times,
        "change": change,
    }
