"""
The database of the history: SQLite in a file, or PostgreSQL. Opened anew for each use.

Several processes share it, and it may vanish at any time. Waiting is bounded: a run must not stand
still for its history. What goes wrong is a `HistoryError` that names the database, without
password.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from rmqsync.history.schema import VERSION, VERSION_TABLE, migrate, version_in
from rmqsync.model.errors import HistoryError

logger = logging.getLogger(__name__)
_SQLITE = "sqlite:///"
_CANNOT_OPEN = "unable to open database file"
_POSTGRESQL = ("postgresql", "postgres")
WAIT_S = 5.0
"""How long to wait for a connection, and for other processes."""
_AGAIN_S = 0.02
MIGRATING = 0x726D7173
"""Of PostgreSQL's advisory locks, the one for migrations."""


_SEEN: set[str] = set()
"""Files that this process has found, whichever part of it asked."""


class Database:
    """Thread-safe. `url` is `sqlite:///PATH` or `postgresql://…`; nothing is opened by itself."""

    def __init__(self, url: str, wait_s: float = WAIT_S) -> None:
        self._path: str | None = None
        self._secret: str | None = None
        if url.startswith(_SQLITE):
            self._path = url.removeprefix(_SQLITE)
            self._name = f"history '{self._path}'"
            self._writer = _sqlite(self._path, wait_s, writing=True)
            self._reader = _sqlite(self._path, wait_s, writing=False)
            return
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise HistoryError("daemon.history is no URL of a database") from error
        place = (parsed.username, None, parsed.host, parsed.port, parsed.database)
        self._name = f"history {URL.create(parsed.drivername, *place)}"
        if parsed.drivername not in _POSTGRESQL:
            raise HistoryError(f"{self._name}: neither sqlite:///PATH nor postgresql://…")
        self._secret = str(parsed.password) if parsed.password else None
        self._writer = self._reader = _postgresql(parsed, self._name, wait_s)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a transaction that may write, on tables as this version knows them."""
        with self._errors():
            if self._path is not None:
                _is_there(self._path)
                _create(self._path)
                _SEEN.add(self._path)
            with self._writer.begin() as connection:
                self._bring_up(connection)
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Yield a transaction that only reads; `None` where there is no history yet."""
        with self._errors():
            if self._path is not None and not _is_there(self._path):
                yield None
                return
            with self._reader.begin() as connection:
                if not inspect(connection).has_table(VERSION_TABLE):
                    yield None
                    return
                self._check(version_in(connection))
                yield connection

    def _bring_up(self, connection: Connection) -> None:
        known = inspect(connection).has_table(VERSION_TABLE)
        version = version_in(connection) if known else 0
        self._check(version)
        if version < VERSION:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
            migrate(connection)

    def _check(self, version: int) -> None:
        if version > VERSION:
            raise HistoryError(
                f"{self._name}: made by a newer rmqsync: its version is {version}, this one knows "
                f"up to {VERSION}; use that one"
            )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise HistoryError(f"{self._name}: {(error.strerror or str(error)).lower()}") from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise HistoryError(f"{self._name}: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0][:256]
        if self._secret:
            reason = reason.replace(self._secret, "…")
        if reason == _CANNOT_OPEN and os.path.isfile(self._path or ""):
            return f"{reason}; SQLite keeps files beside it, so its folder must be writable"
        return reason


def _is_there(path: str) -> bool:
    """Tell whether there is a file. That one is gone is logged once: nothing fails for it."""
    try:
        os.stat(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and _forgotten(path):
            logger.warning(
                "history '%s' was removed while it was in use: its runs, approvals, cancellations "
                "and drift are not known any more; a new one is begun", path,
            )  # fmt: skip
        return False
    _SEEN.add(path)
    return True


def _forgotten(path: str) -> bool:
    """Forget a file; return whether it was known. Of several threads only one is told so."""
    try:
        _SEEN.remove(path)
    except KeyError:
        return False
    return True


def _create(path: str) -> None:
    """Make the file, for its owner only; what SQLite puts beside it gets the same rights."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), 0o700, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _sqlite(path: str, wait_s: float, *, writing: bool) -> Engine:
    mode = "rw" if writing else "ro"
    address = f"file:{quote(os.path.abspath(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        # Transactions are begun below; the driver would begin them late, with a lock to share.
        connection = sqlite3.connect(address, uri=True, timeout=wait_s, isolation_level=None)
        if writing:
            try:
                _write_ahead(connection, wait_s)
            except sqlite3.Error:
                connection.close()
                raise
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "begin", begin)
    return engine


def _write_ahead(connection: sqlite3.Connection, wait_s: float) -> None:
    """Turn the log on. SQLite does not wait for others who do so on a new file, unlike else."""
    until = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_AGAIN_S)


def _postgresql(url: URL, name: str, wait_s: float) -> Engine:
    arguments: dict[str, Any] = {
        "connect_timeout": max(2, round(wait_s)),
        "application_name": "rmqsync",
        "prepare_threshold": None,  # a pooler in between may give each transaction another server
    }
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"), poolclass=NullPool, connect_args=arguments
        )
    except ModuleNotFoundError as error:
        raise HistoryError(
            f"{name}: the driver for PostgreSQL is missing; install it with: "
            "pip install 'rmqsync[postgresql]'"
        ) from error

    def begin(connection: Connection) -> None:
        wait_ms = round(wait_s * 1000)
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {wait_ms}")
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {wait_ms * 3}")

    event.listen(engine, "begin", begin)
    return engine
