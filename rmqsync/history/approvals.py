"""Approvals in the database of the history, so that every daemon that shares it sees them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, select, update

from rmqsync.history.database import WAIT_S, Database
from rmqsync.history.schema import APPROVALS
from rmqsync.model.approvals import Approval
from rmqsync.model.errors import HistoryError
from rmqsync.model.times import stamp

_A = APPROVALS.c


class ApprovalHistory:
    """Fits `app.ports.ApprovalStore`. Thread-safe; raises `HistoryError` and no other."""

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        self._database = Database(url, wait_s)

    def add(self, approval: Approval) -> None:
        """Write an approval down."""
        with self._database.writing() as connection:
            connection.execute(
                insert(APPROVALS).values(
                    id=approval.id,
                    cluster=approval.cluster,
                    fingerprint=approval.fingerprint,
                    addresses=json.dumps(list(approval.addresses)),
                    who=approval.who,
                    reason=approval.reason,
                    approved_at=approval.at,
                    until=approval.until,
                )
            )

    def open(self, cluster: str, fingerprint: str | None = None) -> tuple[Approval, ...]:
        """Return those of a cluster, or of one plan, that nobody used and no time has ended."""
        conditions = [_A.cluster == cluster, *_is_open()]
        if fingerprint is not None:
            conditions.append(_A.fingerprint == fingerprint)
        with self._database.reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute(
                select(APPROVALS).where(*conditions).order_by(_A.approved_at, _A.id)
            ).mappings()
            return tuple(_approval(row) for row in rows.all())

    def spend(self, ids: Iterable[str]) -> bool:
        """Use approvals up: all of them, or none where one is not open any more."""
        wanted = sorted(set(ids))
        with self._database.writing() as connection:
            here = and_(_A.id.in_(wanted), *_is_open())
            found = connection.scalars(select(_A.id).where(here)).all()
            if len(found) != len(wanted):
                return False
            done = connection.execute(update(APPROVALS).where(here).values(spent_at=_now()))
            return int(done.rowcount) == len(wanted)

    def revoke(self, cluster: str) -> int:
        """Take back all approvals of a cluster that are open; return how many there were."""
        with self._database.writing() as connection:
            here = and_(_A.cluster == cluster, *_is_open())
            return int(
                connection.execute(update(APPROVALS).where(here).values(spent_at=_now())).rowcount
            )


def _is_open() -> tuple[ColumnElement[bool], ...]:
    return (_A.spent_at.is_(None), _A.until > _now())


def _approval(row: Mapping[Any, Any]) -> Approval:
    try:
        return Approval(
            id=row[_A.id],
            cluster=row[_A.cluster],
            fingerprint=row[_A.fingerprint],
            addresses=tuple(map(str, json.loads(row[_A.addresses]))),
            who=row[_A.who],
            reason=row[_A.reason],
            at=row[_A.approved_at],
            until=row[_A.until],
        )
    except (TypeError, ValueError) as error:
        raise HistoryError(f"the history holds an approval that is none: {error}") from error


def _now() -> str:
    return stamp(datetime.now(UTC))
