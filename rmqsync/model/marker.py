"""
The marker: what a repository says, on the cluster itself, of what it applied there last.

One global parameter for each owner, `rmqsync.<owner>`. Anybody who may write parameters may have
written it, so it is untrusted input: `model.marker_reading` believes nothing that does not fit.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from rmqsync.model.values import JsonValue, canonical

FORMAT: Final = 1
PREFIX: Final = "rmqsync."
"""Of the names of the global parameters that hold markers; the owner follows."""
LONGEST_TEXT: Final = 500
"""Of what people say in a marker: far below what is read, where a longer one would spoil it."""
MOST_ADDRESSES: Final = 1_000
"""With more outstanding ones the marker lists runs instead of addresses."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one run applied, or was to apply: enough to compile it again."""

    commit: str | None
    """40 or 64 hex digits; `None` for a folder that is in no repository."""
    tree: str
    """Id of all that the layers hold, as `Checkout.tree` gives it."""
    path: str
    """Folder of the layers, from the root of the repository."""
    layers: tuple[str, ...]
    vars: Mapping[str, str] = field(default_factory=dict)
    at: str | None = None
    """When it was applied, UTC, ISO 8601; says nothing of what was applied."""
    run: str | None = None
    """Id of the run in the history."""
    taken: tuple[str, ...] = ()
    """Addresses of what nobody declares and the run takes down with what it replaces. It puts that
    back; where it is killed meanwhile, nothing else knows of it. Untrusted: good for telling only.
    """

    @property
    def content(self) -> tuple[object, ...]:
        """What it compiles to is the same for equal ones."""
        return (self.tree, self.path, self.layers, tuple(sorted(self.vars.items())))


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Objects that are not in line with `applied`, and what they were last in line with."""

    entry: Entry | None
    """`None` for objects that were in line with nothing yet."""
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unrestored:
    """What a run that was killed amid a replacement took, and nobody declares or made again."""

    run: str | None
    addresses: tuple[str, ...]
    """Untrusted, as all of a marker: good for telling only."""


@dataclass(frozen=True, slots=True)
class Stop:
    """A pause, or a pin: unattended runs leave the cluster alone."""

    reason: str
    by: str | None = None
    at: str | None = None
    until: str | None = None
    """UTC, ISO 8601; `None` for no end."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Ownership of one cluster by one repository."""

    version: str
    """Of rmqsync, which wrote it."""
    cluster: str
    members: tuple[str, ...] = ()
    repository: str | None = None
    """Root commit; `None` where none is known: no repository, or a shallow clone."""
    scope_vhosts: tuple[str, ...] = ("*",)
    scope_kinds: tuple[str, ...] = ("*",)
    rabbitmq_version: str | None = None
    adopted: bool = False
    applied: Entry | None = None
    running: Entry | None = None
    runs: tuple[Entry, ...] = ()
    """Runs since `applied` of which it is not known, object by object, how far they got."""
    outstanding: tuple[Outstanding, ...] = ()
    unrestored: tuple[Unrestored, ...] = ()
    """Of runs that are settled otherwise; it stands until it is there, or a person was told."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """By address, `digest_of` the live values of its secrets as the last run left them."""
    paused: Stop | None = None
    pinned: Stop | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that may be in force for an object that is not outstanding, the oldest first."""
        found = (self.applied, *self.runs, self.running)
        return tuple(entry for entry in found if entry is not None)

    @property
    def mentioned(self) -> tuple[Entry, ...]:
        """All entries: those that may be in force, and those of what is outstanding."""
        waiting = (one.entry for one in self.outstanding)
        return (*self.entries, *(entry for entry in waiting if entry is not None))

    @property
    def taken(self) -> tuple[Unrestored, ...]:
        """What killed runs took, or one takes that is under way: settled ones and others."""
        found = (*self.runs, *((self.running,) if self.running is not None else ()))
        return (*self.unrestored, *(Unrestored(one.run, one.taken) for one in found if one.taken))

    def document(self) -> dict[str, JsonValue]:
        """Return it as the value of the global parameter."""
        return {
            "format": FORMAT,
            "version": self.version,
            "cluster": self.cluster,
            "members": list(self.members),
            "repository": self.repository,
            "scope": {"vhosts": list(self.scope_vhosts), "kinds": list(self.scope_kinds)},
            "rabbitmq_version": self.rabbitmq_version,
            "adopted": self.adopted,
            "applied": _entry_document(self.applied),
            "running": _entry_document(self.running),
            "runs": [_entry_document(one) for one in self.runs],
            "outstanding": {
                _key(one.entry, number): {
                    "entry": _entry_document(one.entry),
                    "addresses": list(one.addresses),
                }
                for number, one in enumerate(self.outstanding)
            },
            **(
                {"unrestored": [_unrestored_document(one) for one in self.unrestored]}
                if self.unrestored
                else {}
            ),
            "secrets": dict(self.secrets),
            "paused": _stop_document(self.paused),
            "pinned": _stop_document(self.pinned),
        }


def _key(entry: Entry | None, number: int) -> str:
    """Name an entry in `outstanding`; the number keeps two of one commit apart."""
    if entry is None:
        return "absent"
    return f"{entry.commit or entry.tree}/{number}"


def _entry_document(entry: Entry | None) -> JsonValue:
    if entry is None:
        return None
    return {
        "commit": entry.commit,
        "tree": entry.tree,
        "path": entry.path,
        "layers": list(entry.layers),
        "vars": dict(entry.vars),
        "at": entry.at,
        "run": entry.run,
        **({"taken": list(entry.taken)} if entry.taken else {}),
    }


def _unrestored_document(found: Unrestored) -> JsonValue:
    return {"run": found.run, "addresses": list(found.addresses)}


def _stop_document(stop: Stop | None) -> JsonValue:
    if stop is None:
        return None
    return {"reason": stop.reason, "by": stop.by, "at": stop.at, "until": stop.until}


def digest_of(value: JsonValue, salt: str) -> str:
    """
    Return what tells later whether a live secret is still this value, without telling the value.

    `salt` is 16 hex digits. The broker itself shows hashes, and URIs with their passwords, to
    whoever may read parameters; this shows less.
    """
    text = canonical(value).encode("utf-8", "surrogatepass")
    return f"{salt}:{hmac.new(bytes.fromhex(salt), text, hashlib.sha256).hexdigest()}"


def is_digest_of(digest: str, value: JsonValue) -> bool:
    """Tell whether a digest in a marker is that of a value."""
    salt = digest.partition(":")[0]
    return hmac.compare_digest(digest, digest_of(value, salt))
