"""
Settings as a whole: the keys of `rmqsync.yaml`, each with its default and its meaning.

See `cluster.py` for how to read the tables; `read.py` reads files to a `Settings`.
"""

# ruff: noqa: RUF009 (`option` returns a dataclass field, made anew for each class)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from rmqsync.config.cluster import CLUSTER, ClusterSettings
from rmqsync.config.secrets import Ref, SecretRef, SecretSource
from rmqsync.config.shapes import Either, Flag, ListOf, MapOf, Number, enumeration
from rmqsync.config.source import SOURCE, Source
from rmqsync.config.tables import Partly, Table, option
from rmqsync.config.texts import Duration, Path, Text
from rmqsync.config.urls import HISTORY


class Event(Enum):
    """What a notification may be about."""

    DRIFT = "drift"
    FAILED = "failed"
    HELD = "held"
    UNREACHABLE = "unreachable"
    APPLIED = "applied"


class Right(Enum):
    """What the holder of a token may do through the API of the daemon."""

    PLAN = "plan"
    SYNC = "sync"
    PAUSE = "pause"
    APPROVE = "approve"


_TEXT = Text()
_REF = Ref(SecretRef)
_DURATION = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Token(SecretRef):
    """A bearer token for the API of the daemon."""

    can: tuple[Right, ...] = option(
        ListOf(enumeration(Right), least=1), "What its holder may do.", (Right.PLAN, Right.SYNC)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReports:
    """Where the drift of each cluster is written to, as CLUSTER.md, whenever it has changed."""

    folder: str | None = option(Path(), "Folder for them; left out: none are written.", None)
    branch: str | None = option(
        Text(r"[A-Za-z0-9_][A-Za-z0-9._/-]*", "the name of a branch"),
        "Branch of the cluster's own source that they are committed and pushed to, with the "
        "credentials of the source; never one that definitions come from. Left out: none.",
        None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The process that `rmqsync run` starts."""

    bind: str = option(
        Text(r"([A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}", "HOST:PORT"),
        "Address of pages, API and metrics.",
        "127.0.0.1:8080",
    )
    allow_anonymous: bool = option(
        Flag(), "Whether bind may be more than loopback though there is no token.", False
    )
    data_dir: str | None = option(
        Path(), "Folder for history, backups and caches; left out: as --data-dir says.", None
    )
    history: str | SecretRef | None = option(
        Either(HISTORY, _REF),
        "URL of the history of runs: postgresql://USER@HOST/DATABASE for several daemons, or "
        "sqlite:///PATH; left out: SQLite in the data folder. With a password in it, the whole URL "
        "is a reference.",
        None,
    )
    keep_runs_s: int = option(
        _DURATION,
        "How long runs are kept in the history, of each cluster the last one always.",
        90 * 86400,
    )
    backups: int = option(
        Number(int, 0),
        "Exports from before a run that are kept for each cluster; 0: none is made, unless "
        "--backup names a folder.",
        10,
    )
    tokens: Mapping[str, Token] = option(
        MapOf(Ref(Token)),
        "Bearer tokens, by the name that appears in the history.",
        {},
    )
    webhooks: Mapping[str, SecretRef] = option(
        MapOf(
            _REF,
            keys="github|gitlab|gitea|bitbucket|generic",
            what="github, gitlab, gitea, bitbucket or generic",
        ),
        "Secrets that sign webhooks, by forge; a forge without one is not listened to.",
        {},
    )
    drift_reports: DriftReports = option(
        Table(DriftReports), "Drift as Markdown files.", DriftReports()
    )
    grace_s: int = option(_DURATION, "How long a run may take to end when told to stop.", 25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Somebody to tell."""

    url: SecretRef = option(_REF, "Where the apprise URL is read from; it holds credentials.")
    on: tuple[Event, ...] = option(
        ListOf(enumeration(Event), least=1),
        "What about.",
        (Event.DRIFT, Event.FAILED, Event.HELD, Event.UNREACHABLE),
    )
    clusters: tuple[str, ...] = option(ListOf(_TEXT, least=1), "Clusters, as globs.", ("*",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of `rmqsync.yaml` with what it includes."""

    file: str
    """As the user named it."""
    source: Source = option(
        SOURCE,
        "Where definitions come from; left out: the folder this file is in, as it stands.",
        Source(),
    )
    secrets: Mapping[str, SecretSource] = option(
        MapOf(Ref(SecretSource)),
        "Secrets that definitions may use, as {secret: NAME}.",
        {},
    )
    include: tuple[str, ...] = option(
        ListOf(Path()),
        "Further files of this form, relative to this one; what they hold is added to this.",
        (),
    )
    defaults: Mapping[str, object] = option(
        Partly(CLUSTER),
        "Any key of a cluster, for all of them.",
        {},
    )
    clusters: Mapping[str, ClusterSettings] = option(
        MapOf(CLUSTER, named=lambda name, node: CLUSTER.parse(node, name=name)),
        "The clusters, by name.",
        {},
    )
    daemon: Daemon = option(Table(Daemon), "The process that rmqsync run starts.", Daemon())
    notify: tuple[Notify, ...] = option(ListOf(Table(Notify)), "Whom to tell what.", ())


SETTINGS = Table(Settings)
