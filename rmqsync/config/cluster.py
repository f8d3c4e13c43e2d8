"""
One cluster's settings, each key with its default and its meaning.

The fields are the table that the parser and the JSON Schema are made from: a new key is one line.
A field that is no `option` is filled in by the parser. Paths are absolute, or relative to the
working folder where the settings file was named so; durations are seconds.
"""

# ruff: noqa: RUF009 (`option` returns a dataclass field, made anew for each class)

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from rmqsync.config.nodes import MISSING_KEY, Node
from rmqsync.config.secrets import Ref, SecretRef
from rmqsync.config.shapes import Choice, Either, Flag, ListOf, MapOf, Number, enumeration, words
from rmqsync.config.source import SOURCE, Source
from rmqsync.config.tables import Table, option
from rmqsync.config.texts import (
    AnyText,
    Cron,
    Duration,
    Folder,
    Glob,
    KindGlob,
    Path,
    Text,
    TimeZone,
)
from rmqsync.config.urls import AMQP, ENDPOINT
from rmqsync.model.changes import Loss


class Mode(Enum):
    APPLY = "apply"
    REPORT = "report"


class OnDrift(Enum):
    REPORT = "report"
    HEAL = "heal"


class Prune(Enum):
    NEVER = "never"
    OWNED = "owned"
    ALL = "all"


_TEXT = Text()
_REF = Ref(SecretRef)
_DURATION = Duration()
_PATTERNS = ListOf(Glob())
_LOSS = Choice(words(Loss, lambda loss: loss.word))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How the broker's certificate is checked, and ours shown."""

    ca: str | None = option(
        Path(), "File of certificates to trust; left out: those of the system.", None
    )
    cert: str | None = option(Path(), "Our certificate, where the broker wants one.", None)
    key: str | None = option(Path(), "Private key of cert; left out: it is in the same file.", None)
    verify: bool = option(
        Flag(), "Whether the broker's certificate and host name are checked.", True
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The queue that keeps two runs off one cluster; it needs amqp."""

    vhost: str = option(_TEXT, "Vhost in which the lock's queue is declared.", "/")
    required: bool = option(Flag(), "Whether nothing is applied when no lock can be had.", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A time in which unattended runs may apply."""

    cron: str = option(Cron(), "When it opens: minute, hour, day, month, day of week (0 = Sunday).")
    for_s: int = option(_DURATION, "How long it stays open.")
    timezone: str = option(
        TimeZone(),
        "Time zone of cron, by its name in the tz database.",
        "UTC",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxDeletes:
    """How much one run may delete before all its deletions are held."""

    share: float = option(
        Number(float, 0.0, 1.0),
        "Share, 0 to 1, of what this repository owns; not judged below 10 objects.",
        0.3,
    )
    objects: int = option(Number(int, 0), "Objects other than bindings.", 20)
    bindings: int = option(Number(int, 0), "Bindings.", 500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What this repository manages at all; declaring anything else is an error."""

    vhosts: tuple[str, ...] = option(
        ListOf(_TEXT, least=1),
        "Vhosts, as globs. Narrowed, it leaves out cluster-wide kinds unless kinds names them.",
        ("*",),
    )
    kinds: tuple[str, ...] = option(
        ListOf(KindGlob(), least=1),
        "Kinds of objects, as globs.",
        ("*",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """One cluster: how to reach it, what it should be like, and what a run may do to it."""

    name: str
    source: Source = option(
        SOURCE,
        "A source of its own. Without git: the common one with these keys changed.",
        Source(),
    )
    endpoints: tuple[str, ...] = option(
        ListOf(ENDPOINT, least=1),
        "Management API of each node, tried in turn; or one 'file:PATH', an export to plan against "
        "without a broker.",
    )
    """Without trailing slash; `file:` is followed by an absolute path."""
    username: str | None = option(_TEXT, "User that rmqsync logs in as.", None)
    password: SecretRef | None = option(_REF, "Where that user's password is read from.", None)
    tls: Tls = option(Table(Tls), "Certificates, for https and amqps.", Tls())
    amqp: tuple[str | SecretRef, ...] = option(
        ListOf(Either(AMQP, _REF)),
        "AMQP addresses of the nodes, for the lock, exact counts and safe deletion. Username and "
        "password are those above, unless the whole URL is a reference and brings its own.",
        (),
    )
    lock: Lock = option(Table(Lock), "The lock that keeps two runs apart.", Lock())
    layers: tuple[str, ...] = option(
        ListOf(Folder(), least=1), "Folders under source.path; later ones override earlier ones."
    )
    vars: Mapping[str, str] = option(
        MapOf(AnyText(), gaps=True),
        "Values for ${name} in definitions. Not secret: they appear in plans and in the marker.",
        {},
    )
    nodes: tuple[str, ...] = option(
        ListOf(Text(r"[^@\s]+@[^@\s]+", "a node name such as rabbit@mq1")),
        "Expected members, for the health gate; left out: not checked.",
        (),
    )
    mode: Mode = option(enumeration(Mode), "Whether runs may write: report never does.", Mode.APPLY)
    on_drift: OnDrift = option(
        enumeration(OnDrift),
        "What unattended runs do with changes that nobody committed.",
        OnDrift.REPORT,
    )
    every_s: int | None = option(
        _DURATION, "How often the daemon compares; left out: 5m, or as cron says.", None
    )
    """`None` exactly where `cron` is set."""
    cron: str | None = option(
        Cron(), "When the daemon compares, instead of every; in UTC, 0 = Sunday.", None
    )
    windows: tuple[Window, ...] = option(
        ListOf(Table(Window)),
        "Unattended runs (daemon, --auto-approve) apply only inside these; none: always.",
        (),
    )
    prune: Prune = option(
        enumeration(Prune),
        "What is deleted when it is not declared: nothing, what this repository made, everything.",
        Prune.OWNED,
    )
    prune_kinds: tuple[str, ...] = option(
        ListOf(KindGlob(plain=True)),
        "Kinds that prune: all deletes too, though it spares them otherwise: user, "
        "global_parameter.",
        (),
    )
    allow_loss: Loss = option(
        _LOSS, "The worst that a run may cause without a named override.", Loss.ACCESS
    )
    git_may_allow: Loss = option(
        _LOSS, "The worst that removed: and on_change: in definitions may allow.", Loss.MESSAGES
    )
    max_deletes: MaxDeletes = option(
        Table(MaxDeletes),
        "How much one run may delete before all its deletions are held.",
        MaxDeletes(),
    )
    owner: str = option(
        Text("[a-z0-9-]+", "an owner: lower-case letters, digits and -"),
        "Names the marker, so that two repositories can share a cluster.",
        "main",
    )
    scope: Scope = option(Table(Scope), "What this repository manages at all.", Scope())
    ignore: tuple[str, ...] = option(
        _PATTERNS, "Addresses, as patterns, that are never reported and never touched.", ()
    )
    protect: tuple[str, ...] = option(
        _PATTERNS, "Addresses, as patterns, that are never deleted or replaced.", ()
    )

    @property
    def snapshot(self) -> str | None:
        """The path of the export that stands for this cluster; `None` for a real one."""
        first = self.endpoints[0]
        return first.removeprefix("file:") if first.startswith("file:") else None


def _check(node: Node) -> None:
    """Record what keys of a cluster say together."""
    endpoints = found.value if (found := node.get("endpoints")) else None
    urls = [url for url in endpoints if isinstance(url, str)] if isinstance(endpoints, list) else []
    files = [url for url in urls if url.startswith("file:")]
    if files and len(urls) > 1:
        node["endpoints"].bad(
            f"'{files[0]}' stands beside other endpoints",
            "a cluster is either nodes, or one file",
        )
    if urls and not files:
        for key in ("username", "password"):
            if key not in node:
                node.bad(f"key '{key}' is missing", code=MISSING_KEY, key=True)
    if "every" in node and "cron" in node:
        node["cron"].bad("cannot be set together with every", "remove one", key=True)


def _finish(_: Node, value: ClusterSettings) -> ClusterSettings:
    if value.every_s is None and value.cron is None:
        return replace(value, every_s=EVERY_S)
    return value


EVERY_S = 300
"""How often the daemon compares a cluster that does not say."""

CLUSTER = Table(ClusterSettings, check=_check, finish=_finish)
