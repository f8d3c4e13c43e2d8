"""The history of runs in a database: one row for each run and cluster, written twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, insert, select, update

from rmqsync.history.database import WAIT_S, Database
from rmqsync.history.processes import is_gone
from rmqsync.history.schema import RUNS
from rmqsync.model.errors import HistoryError
from rmqsync.model.runs import RunRecord, RunStatus

_R = RUNS.c
_LISTED = [column for column in RUNS.columns if column is not _R.document]
_COLUMNS = {"trigger": "started_by", "commit": "commit_id"}
"""Where a field's name is a word of SQL."""
_RUNNING = RunStatus.RUNNING.value


class RunHistory:
    """Fits `app.ports.RunStore`. Thread-safe; every method raises `HistoryError` and no other."""

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        self._database = Database(url, wait_s)

    def begin(self, record: RunRecord) -> None:
        """
        Write the row of a run that begins, and close those of this host that never ended.

        Their process is gone, or it is this one, which runs once at a time on a cluster.
        """
        with self._database.writing() as connection:
            rows = connection.execute(
                select(_R.run, _R.cluster, _R.process).where(
                    _R.status == _RUNNING, _R.host == record.host
                )
            ).all()
            for run, cluster, process in rows:
                again = (process, cluster) == (record.process, record.cluster)
                if again or is_gone(process):
                    connection.execute(
                        update(RUNS)
                        .where(_R.run == run, _R.cluster == cluster)
                        .values(status=RunStatus.INTERRUPTED.value)
                    )
            _put(connection, record)

    def end(self, record: RunRecord, keep_s: float) -> None:
        """Write how a run ended, whether or not `begin` worked, and drop what is older."""
        oldest = datetime.now(UTC) - timedelta(seconds=keep_s)
        later = RUNS.alias()
        newer = exists().where(
            and_(later.c.cluster == _R.cluster, later.c.started_at > _R.started_at)
        )
        with self._database.writing() as connection:
            _put(connection, record)
            connection.execute(delete(RUNS).where(_R.started_at < oldest.isoformat(), newer))

    def clusters(self) -> tuple[str, ...]:
        """Return the names of all clusters there are runs of."""
        with self._database.reading() as connection:
            if connection is None:
                return ()
            found = connection.scalars(select(_R.cluster).distinct().order_by(_R.cluster))
            return tuple(found)

    def runs(
        self,
        *,
        clusters: Iterable[str] | None = None,
        since: str | None = None,
        limit: int | None = None,
    ) -> tuple[RunRecord, ...]:
        """Return runs without their documents, newest first. `since` is a time, inclusive."""
        conditions: list[ColumnElement[bool]] = []
        if clusters is not None:
            conditions.append(_R.cluster.in_(list(clusters)))
        if since is not None:
            conditions.append(_R.started_at >= since)
        return self._select(_LISTED, conditions, limit)

    def find(self, beginning: str) -> tuple[RunRecord, ...]:
        """Return the runs whose id begins so, with their documents, newest first."""
        return self._select(list(RUNS.columns), [_R.run.startswith(beginning, autoescape=True)])

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""
        return tuple(dict.fromkeys(record.run for record in self.runs()))

    def _select(
        self,
        columns: Sequence[ColumnElement[Any]],
        conditions: Iterable[ColumnElement[bool]],
        limit: int | None = None,
    ) -> tuple[RunRecord, ...]:
        wanted = select(*columns).where(*conditions)
        newest = wanted.order_by(_R.started_at.desc(), _R.run, _R.cluster).limit(limit)
        with self._database.reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute(newest).mappings()
            return tuple(_judged(connection, _record(row)) for row in rows.all())


def _judged(connection: Connection, record: RunRecord) -> RunRecord:
    """Return a run that died without a word as interrupted."""
    if record.status is not RunStatus.RUNNING:
        return record
    gone = is_gone(record.process)
    if gone is None:  # elsewhere: all that is known is that others came after it
        newer = select(exists().where(_later(record)))
        gone = bool(connection.scalar(newer))
    return replace(record, status=RunStatus.INTERRUPTED) if gone else record


def _later(record: RunRecord) -> ColumnElement[bool]:
    return and_(
        _R.cluster == record.cluster,
        _R.started_at > record.started_at,
        _R.ended_at.is_not(None),
    )


def _put(connection: Connection, record: RunRecord) -> None:
    values = _values(record)
    here = and_(_R.run == values["run"], _R.cluster == values["cluster"])
    if not connection.execute(update(RUNS).where(here).values(values)).rowcount:
        connection.execute(insert(RUNS).values(values))


def _values(record: RunRecord) -> dict[str, Any]:
    found = {
        _COLUMNS.get(one.name, one.name): getattr(record, one.name) for one in fields(RunRecord)
    }
    found["status"] = record.status.value
    found["summary"] = json.dumps(dict(record.summary))
    return {name: _storable(value) for name, value in found.items()}


def _storable(value: Any) -> Any:
    """Databases take neither NUL nor halves of characters in a text."""
    if not isinstance(value, str):
        return value
    return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def _record(row: Mapping[Any, Any]) -> RunRecord:
    found: dict[str, Any] = {
        one.name: row.get(_COLUMNS.get(one.name, one.name)) for one in fields(RunRecord)
    }
    try:
        found["status"] = RunStatus(found["status"])
        found["summary"] = {
            str(name): int(number) for name, number in json.loads(found["summary"]).items()
        }
        return RunRecord(**found)
    except (AttributeError, TypeError, ValueError) as error:
        raise HistoryError(f"the history holds a row that is none of ours: {error}") from error
