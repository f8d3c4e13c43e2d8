"""
The marker: what a repository says, on the cluster itself, of what it applied there last.

One global parameter for each owner, `rmqsync.<owner>`. Anybody who may write parameters may have
written it, so it is untrusted input: `read_marker` believes nothing that does not fit.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rmqsync.model.values import JsonValue, canonical

FORMAT: Final = 1
PREFIX: Final = "rmqsync."
"""Of the names of the global parameters that hold markers; the owner follows."""
MOST_ADDRESSES: Final = 1_000
"""With more outstanding ones the marker lists runs instead of addresses."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_TREE = re.compile(r"[0-9a-f]{40}\Z")
_DIGEST = re.compile(r"[0-9a-f]{16}:[0-9a-f]{64}\Z")
_LONGEST = 4_096
_MOST = 100_000
_MOST_GLOBS = 1_000
_LONGEST_GLOB = 1_024


class NotAMarker(ValueError):
    """What stands where a marker should be cannot be used; the text says why."""


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
    secrets: Mapping[str, str] = field(default_factory=dict)
    """By address, `digest_of` the live values of its secrets as the last run left them."""
    paused: Stop | None = None
    pinned: Stop | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that may be in force for an object that is not outstanding, the oldest first."""
        found = (self.applied, *self.runs, self.running)
        return tuple(entry for entry in found if entry is not None)

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


def _stop_document(stop: Stop | None) -> JsonValue:
    if stop is None:
        return None
    return {"reason": stop.reason, "by": stop.by, "at": stop.at, "until": stop.until}


def read_marker(value: object) -> Marker:
    """
    Return the marker in the value of a global parameter.

    Keys that are not known are passed over. Raises `NotAMarker` for one that is malformed or newer
    than we understand.
    """
    if not isinstance(value, Mapping):
        raise NotAMarker("it is no mapping")
    number = value.get("format")
    if number.__class__ is not int:
        raise NotAMarker("it has no format")
    if number != FORMAT:
        raise NotAMarker(f"its format is {number}, this rmqsync understands {FORMAT}")
    scope = value.get("scope")
    if not isinstance(scope, Mapping):
        raise NotAMarker("its scope is no mapping")
    outstanding = value.get("outstanding") or {}
    if not isinstance(outstanding, Mapping):
        raise NotAMarker("outstanding is no mapping")
    return Marker(
        version=_text(value, "version"),
        cluster=_text(value, "cluster"),
        members=_texts(value, "members"),
        repository=_optional(value, "repository", _COMMIT),
        scope_vhosts=_globs(scope, "vhosts"),
        scope_kinds=_globs(scope, "kinds"),
        rabbitmq_version=_optional(value, "rabbitmq_version"),
        adopted=value.get("adopted") is True,
        applied=_entry(value.get("applied"), "applied"),
        running=_entry(value.get("running"), "running"),
        runs=tuple(_entries(value.get("runs"))),
        outstanding=_outstanding_all(outstanding.values()),
        secrets=_mapping(value.get("secrets"), "secrets", _DIGEST),
        paused=_stop(value.get("paused"), "paused"),
        pinned=_stop(value.get("pinned"), "pinned"),
    )


def scope_in(value: object) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """
    Return the vhosts and kinds that any marker claims, even one of a newer format.

    Raises `NotAMarker` where they cannot be told.
    """
    scope = value.get("scope") if isinstance(value, Mapping) else None
    if not isinstance(scope, Mapping):
        raise NotAMarker("its scope is no mapping")
    return _globs(scope, "vhosts"), _globs(scope, "kinds")


def _globs(scope: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return globs, few and short: whoever compares two lists takes each with each."""
    found = _texts(scope, name)
    if len(found) > _MOST_GLOBS or any(len(one) > _LONGEST_GLOB for one in found):
        raise NotAMarker(f"scope.{name} is longer than rmqsync writes it")
    return found


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found or len(found) > _LONGEST:
        raise NotAMarker(f"{name} is no text")
    return found


def _optional(
    value: Mapping[str, Any], name: str, pattern: re.Pattern[str] | None = None
) -> str | None:
    if value.get(name) is None:
        return None
    found = _text(value, name)
    if pattern is not None and not pattern.match(found):
        raise NotAMarker(f"{name} is not as rmqsync writes it")
    return found


def _texts(value: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name)
    if found == {} or found is None:  # the broker turns some empty lists into objects and back
        found = []
    if not isinstance(found, list) or len(found) > _MOST:
        raise NotAMarker(f"{name} is no list")
    if not all(isinstance(one, str) and len(one) <= _LONGEST for one in found):
        raise NotAMarker(f"{name} holds something that is no text")
    return tuple(found)


def _mapping(value: object, name: str, pattern: re.Pattern[str] | None = None) -> dict[str, str]:
    if value is None or value == []:  # the broker stores an empty object as an empty list
        return {}
    if not isinstance(value, Mapping) or len(value) > _MOST:
        raise NotAMarker(f"{name} is no mapping")
    for one in value.values():
        if not isinstance(one, str) or (pattern is not None and not pattern.match(one)):
            raise NotAMarker(f"{name} holds something that is not as rmqsync writes it")
    return dict(value)


def _entry(value: object, name: str) -> Entry | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise NotAMarker(f"{name} is no mapping")
    tree = _text(value, "tree")
    if not _TREE.match(tree):
        raise NotAMarker(f"{name}.tree is not as rmqsync writes it")
    return Entry(
        commit=_optional(value, "commit", _COMMIT),
        tree=tree,
        path=_safe(_text(value, "path")),
        layers=tuple(map(_safe, _texts(value, "layers"))),
        vars=_mapping(value.get("vars"), f"{name}.vars"),
        at=_optional(value, "at"),
        run=_optional(value, "run"),
        taken=_texts(value, "taken"),
    )


def _entries(value: object) -> Iterable[Entry]:
    if value is None:
        return
    if not isinstance(value, list) or len(value) > _LONGEST:
        raise NotAMarker("runs is no list")
    for one in value:
        entry = _entry(one, "runs")
        if entry is None:
            raise NotAMarker("runs holds nothing")
        yield entry


def _safe(path: str) -> str:
    if path.startswith("/") or "\0" in path or ".." in path.split("/"):
        raise NotAMarker("a path in it leaves the repository")
    return path


def _outstanding_all(values: Iterable[object]) -> tuple[Outstanding, ...]:
    """Return all of it, put together where it was in line with nothing: that has one name."""
    found: dict[int | None, Outstanding] = {}
    for number, value in enumerate(values):
        one = _outstanding(value)
        key = None if one.entry is None else number
        before = found[key].addresses if key in found else ()
        found[key] = Outstanding(one.entry, (*before, *one.addresses))
    return tuple(found.values())


def _outstanding(value: object) -> Outstanding:
    if not isinstance(value, Mapping):
        raise NotAMarker("outstanding holds something that is no mapping")
    return Outstanding(_entry(value.get("entry"), "outstanding"), _texts(value, "addresses"))


def _stop(value: object, name: str) -> Stop | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise NotAMarker(f"{name} is no mapping")
    return Stop(
        _text(value, "reason"),
        _optional(value, "by"),
        _optional(value, "at"),
        _optional(value, "until"),
    )


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
