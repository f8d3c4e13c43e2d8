"""The drift log in the database of the history: every daemon that shares it sees the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Table, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from rmqsync.history.database import WAIT_S, Database
from rmqsync.history.schema import DRIFTS
from rmqsync.model.drifts import DriftRow, Told, looked

_D = DRIFTS.c


class DriftHistory:
    """Fits `app.ports.DriftStore`. Thread-safe; raises `HistoryError` and no other."""

    def __init__(self, url: str, keep_s: float, wait_s: float = WAIT_S) -> None:
        """What has been gone for `keep_s` is forgotten."""
        self._database = Database(url, wait_s)
        self._keep_s = keep_s

    def look(self, cluster: str, causes: Mapping[str, str], at: str) -> Told:
        """Write down what is drifted now (address to cause); of two that see it, one is told."""
        with self._database.writing() as connection:
            known = [
                _row(one)
                for one in connection.execute(
                    select(DRIFTS).where(_D.cluster == cluster).with_for_update()
                ).mappings()
            ]
            told = looked(known, cluster, causes, at)
            mine = tuple(one for one in told.new if _write_new(connection, one))
            gone = tuple(one for one in told.gone if _write_gone(connection, one))
            oldest = datetime.now(UTC) - timedelta(seconds=self._keep_s)
            connection.execute(delete(DRIFTS).where(_D.gone_at < oldest.isoformat()))
            return told._replace(new=mine, gone=gone)


def _write_new(connection: Connection, row: DriftRow) -> bool:
    """Write a drift that is new; return whether nobody else did so just now."""
    values = {
        "cluster": row.cluster,
        "address": row.address,
        "cause": row.cause,
        "since": row.since,
        "times": row.times,
        "gone_at": None,
    }
    insert = _insert(connection, DRIFTS).values(**values).on_conflict_do_nothing()
    if connection.execute(insert.returning(_D.address)).first() is not None:
        return True
    again = update(DRIFTS).where(_is(row), _D.gone_at.is_not(None)).values(**values)
    return bool(connection.execute(again).rowcount == 1)


def _write_gone(connection: Connection, row: DriftRow) -> bool:
    done = update(DRIFTS).where(_is(row), _D.gone_at.is_(None)).values(gone_at=row.gone_at)
    return bool(connection.execute(done).rowcount == 1)


def _is(row: DriftRow) -> Any:
    return (_D.cluster == row.cluster) & (_D.address == row.address)


def _insert(connection: Connection, table: Table) -> Any:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _row(found: Mapping[Any, Any]) -> DriftRow:
    return DriftRow(
        cluster=found["cluster"],
        address=found["address"],
        cause=found["cause"],
        since=found["since"],
        times=found["times"],
        gone_at=found["gone_at"],
    )
