"""What was called off, in the database of the history: every daemon that shares it sees it."""

from __future__ import annotations

from sqlalchemy import delete, insert, inspect, select

from rmqsync.history.database import WAIT_S, Database
from rmqsync.history.schema import CANCELS
from rmqsync.model.cancels import Cancel

_C = CANCELS.c


class CancelHistory:
    """Fits `app.ports.CancelStore`. Thread-safe; raises `HistoryError` and no other."""

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        self._database = Database(url, wait_s)

    def put(self, cancel: Cancel) -> None:
        """Write a cancellation down, in place of the one before."""
        with self._database.writing() as connection:
            connection.execute(delete(CANCELS).where(_C.cluster == cancel.cluster))
            connection.execute(
                insert(CANCELS).values(
                    cluster=cancel.cluster,
                    fingerprint=cancel.fingerprint,
                    who=cancel.who,
                    cancelled_at=cancel.at,
                )
            )

    def find(self, cluster: str) -> Cancel | None:
        """Return the cancellation of a cluster."""
        with self._database.reading() as connection:
            # One that was only read since it was made by an older version lacks the table.
            if connection is None or not inspect(connection).has_table(CANCELS.name):
                return None
            row = connection.execute(select(CANCELS).where(_C.cluster == cluster)).first()
        if row is None:
            return None
        return Cancel(
            cluster=row.cluster, fingerprint=row.fingerprint, who=row.who, at=row.cancelled_at
        )

    def forget(self, cancel: Cancel) -> None:
        """Drop a cancellation, but no other that took its place."""
        with self._database.writing() as connection:
            connection.execute(
                delete(CANCELS).where(
                    _C.cluster == cancel.cluster,
                    _C.fingerprint == cancel.fingerprint,
                    _C.cancelled_at == cancel.at,
                )
            )
