"""
The tables of the history, and how older ones become what they are now.

A migration is never changed once it was released: a newer one is put behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, Table, Text, inspect, text

VERSION_TABLE: Final = "rmqsync_history"
_ALL = MetaData()

RUNS: Final = Table(
    "rmqsync_runs",
    _ALL,
    Column("run", Text, primary_key=True),
    Column("cluster", Text, primary_key=True),
    Column("started_at", Text, nullable=False),
    Column("ended_at", Text),
    Column("started_by", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("exit_code", Integer),
    Column("commit_id", Text),
    Column("tree", Text),
    Column("dirty", Boolean, nullable=False),
    Column("summary", Text, nullable=False),
    Column("verified", Boolean),
    Column("error", Text),
    Column("backup", Text),
    Column("rmqsync_version", Text, nullable=False),
    Column("document", Text),
)
"""One row for each run and cluster: `RunRecord`, with `trigger` as `started_by`."""

APPROVALS: Final = Table(
    "rmqsync_approvals",
    _ALL,
    Column("id", Text, primary_key=True),
    Column("cluster", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("addresses", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("reason", Text),
    Column("approved_at", Text, nullable=False),
    Column("until", Text, nullable=False),
    Column("spent_at", Text),
)
"""One row for each approval: `Approval`; `spent_at` once it was used or revoked."""

DRIFTS: Final = Table(
    "rmqsync_drifts",
    _ALL,
    Column("cluster", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("cause", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("times", Integer, nullable=False),
    Column("gone_at", Text),
)
"""One row for each object that ever drifted: `DriftRow`."""

CANCELS: Final = Table(
    "rmqsync_cancels",
    _ALL,
    Column("cluster", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("cancelled_at", Text, nullable=False),
)
"""One row for each cluster of which a plan was called off: `Cancel`."""


def _first(connection: Connection) -> None:
    connection.execute(
        text(
            """
            CREATE TABLE rmqsync_runs (
                run TEXT NOT NULL, cluster TEXT NOT NULL,
                started_at TEXT NOT NULL, ended_at TEXT,
                started_by TEXT NOT NULL, who TEXT NOT NULL, host TEXT NOT NULL,
                process TEXT NOT NULL, action TEXT NOT NULL,
                status TEXT NOT NULL, exit_code INTEGER,
                commit_id TEXT, tree TEXT, dirty BOOLEAN NOT NULL,
                summary TEXT NOT NULL, verified BOOLEAN, error TEXT, backup TEXT,
                rmqsync_version TEXT NOT NULL, document TEXT,
                PRIMARY KEY (run, cluster)
            )
            """
        )
    )
    connection.execute(
        text("CREATE INDEX rmqsync_runs_by_time ON rmqsync_runs (cluster, started_at)")
    )


def _approvals(connection: Connection) -> None:
    connection.execute(
        text(
            """
            CREATE TABLE rmqsync_approvals (
                id TEXT NOT NULL PRIMARY KEY, cluster TEXT NOT NULL, fingerprint TEXT NOT NULL,
                addresses TEXT NOT NULL, who TEXT NOT NULL, reason TEXT,
                approved_at TEXT NOT NULL, until TEXT NOT NULL, spent_at TEXT
            )
            """
        )
    )
    connection.execute(
        text("CREATE INDEX rmqsync_approvals_by_plan ON rmqsync_approvals (cluster, fingerprint)")
    )


def _drifts(connection: Connection) -> None:
    connection.execute(
        text(
            """
            CREATE TABLE rmqsync_drifts (
                cluster TEXT NOT NULL, address TEXT NOT NULL, cause TEXT NOT NULL,
                since TEXT NOT NULL, times INTEGER NOT NULL, gone_at TEXT,
                PRIMARY KEY (cluster, address)
            )
            """
        )
    )


def _cancels(connection: Connection) -> None:
    connection.execute(
        text(
            """
            CREATE TABLE rmqsync_cancels (
                cluster TEXT NOT NULL PRIMARY KEY, fingerprint TEXT NOT NULL,
                who TEXT NOT NULL, cancelled_at TEXT NOT NULL
            )
            """
        )
    )


_MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (
    _first,
    _approvals,
    _drifts,
    _cancels,
)
VERSION: Final = len(_MIGRATIONS)
"""Of the tables; a history of a newer version is left alone."""


def version_in(connection: Connection) -> int:
    """Return the version of tables that are there."""
    found: int | None = connection.scalar(text(f"SELECT version FROM {VERSION_TABLE}"))
    return found or 0


def migrate(connection: Connection) -> None:
    """Bring the tables to `VERSION`. Nobody else may do so meanwhile; who was first did it all."""
    if not inspect(connection).has_table(VERSION_TABLE):
        connection.execute(text(f"CREATE TABLE {VERSION_TABLE} (version INTEGER NOT NULL)"))
        connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (0)"))
    for step in _MIGRATIONS[version_in(connection) :]:
        step(connection)
    connection.execute(text(f"UPDATE {VERSION_TABLE} SET version = :v"), {"v": VERSION})
