"""Which queues dynamic shovels of the same broker move messages into. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import unquote, urlsplit

from rmqsync.kinds.shovel_fields import DESTINATION, L
from rmqsync.model.changes import Change
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key, Row

SHOVEL = "shovel"
_HERE = {None, "localhost", "127.0.0.1", "::1"}
"""Hosts that are sure to be the broker itself: of others nobody knows here."""


def staying(changes: Iterable[Change], live: Rows) -> list[Row]:
    """Return the shovels there will be, and how those were that are changed."""
    found = dict(live.get(SHOVEL, {}))
    new = []
    for change in changes:
        if change.ref.kind == SHOVEL and change.hold is None:
            if change.after is None:
                found.pop(change.ref.key, None)
            else:
                new.append(change.after)
    return [*found.values(), *new]


def shovelled_into(queues: Collection[Key], shovels: Iterable[Row]) -> dict[Key, list[str]]:
    """Return for queues, by vhost and name, the shovels that may move messages into each."""
    names = {name for _, name in queues}
    found: dict[Key, list[str]] = {}
    for row in shovels:
        name = row.get("dest-queue")
        if not isinstance(name, str) or name not in names:
            continue
        for vhost in _vhosts(row):
            if (vhost, name) in queues and row["name"] not in found.get((vhost, name), ()):
                found.setdefault((vhost, name), []).append(row["name"])
    return found


def _vhosts(row: Row) -> set[str]:
    """Return the vhosts of this broker that a shovel may move messages to."""
    own: str = row["vhost"]
    if row.get(DESTINATION) == L:
        return {own}
    uris = row.get("dest-uri")
    found: set[str] = set()
    for uri in uris if isinstance(uris, list) else [uris]:
        parts = _parts(uri)
        if parts is not None and parts[0] in _HERE:
            found.update({own, "/"} if parts[1] is None else {parts[1]})
    return found


def _parts(uri: object) -> tuple[str | None, str | None] | None:
    """Return host and vhost of a URI; `None` for what is none, such as a secret."""
    if not isinstance(uri, str):
        return None
    try:
        parts = urlsplit(uri)
        return parts.hostname, unquote(parts.path[1:]) if parts.path[1:] else None
    except ValueError:
        return None
