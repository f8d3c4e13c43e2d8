"""
Read a marker. Anybody who may write parameters may have written it, so it is untrusted input.

Nothing is believed that does not fit: it is a whole marker, or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from rmqsync.model.marker import FORMAT, Entry, Marker, Outstanding, Stop, Unrestored

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_TREE = re.compile(r"[0-9a-f]{40}\Z")
_DIGEST = re.compile(r"[0-9a-f]{16}:[0-9a-f]{64}\Z")
_LONGEST = 4_096
_MOST = 100_000
_MOST_GLOBS = 1_000
_LONGEST_GLOB = 1_024


class NotAMarker(ValueError):
    """What stands where a marker should be cannot be used; the text says why."""


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
        unrestored=tuple(_unrestored_all(value.get("unrestored"))),
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


def _unrestored_all(value: object) -> Iterable[Unrestored]:
    if value is None:
        return
    if not isinstance(value, list) or len(value) > _LONGEST:
        raise NotAMarker("unrestored is no list")
    for one in value:
        if not isinstance(one, Mapping):
            raise NotAMarker("unrestored holds something that is no mapping")
        yield Unrestored(_optional(one, "run"), _texts(one, "addresses"))


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
