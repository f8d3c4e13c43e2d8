"""The marker before and after a run. Pure: what is written, and when, is decided by the caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.marker import (
    MOST_ADDRESSES,
    Entry,
    Marker,
    Outstanding,
    Stop,
    digest_of,
    is_digest_of,
)
from rmqsync.model.values import same
from rmqsync.planning.ownership import Ownership, Past, holds_secret, secret_part


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a marker says of where and by whom it was written."""

    version: str
    """Of rmqsync."""
    cluster: str
    members: tuple[str, ...]
    repository: str | None
    scope_vhosts: tuple[str, ...]
    scope_kinds: tuple[str, ...]
    rabbitmq_version: str | None
    at: str
    """Now, UTC, ISO 8601."""
    run: str | None
    salt: str
    """For digests of secrets: 16 hex digits, random."""
    pin: Stop | None = None
    """The cluster is to stay as this run leaves it."""


def begun(own: Ownership, place: Place, taken: Iterable[str] = ()) -> Marker:
    """
    Return the marker to write before the first change; a killed run's entry is kept as one.

    `taken` as in `Entry`.
    """
    assert own.current is not None
    before = _at(own.marker, place)
    runs = before.runs if before.running is None else (*before.runs, before.running)
    running = replace(own.current, at=place.at, run=place.run, taken=tuple(taken)[:MOST_ADDRESSES])
    return replace(before, runs=_distinct(runs), running=running)


def ended(
    own: Ownership,
    place: Place,
    desired: Desired,
    live: Rows,
    open_: Iterable[Ref],
    *,
    adopted: bool,
    kinds: Registry = KINDS,
) -> Marker:
    """
    Return the marker to write when a run is over.

    `live` is what was read after it, `open_` every object that is not in line, or is to go and is
    still there.
    """
    assert own.current is not None
    before = _at(own.marker, place)
    current = replace(own.current, at=place.at, run=place.run)
    if before.applied is not None and before.applied.content == current.content:
        current = before.applied
    waiting = tuple(open_)
    secrets = _digests(before, place, desired, live, set(waiting), kinds)
    done = replace(
        before,
        adopted=before.adopted or adopted,
        secrets=secrets,
        running=None,
        pinned=place.pin or before.pinned,
    )
    outstanding = _outstanding(own, desired, live, waiting, kinds)
    number = sum(len(one.addresses) for one in outstanding or ())
    if outstanding is None or number > MOST_ADDRESSES:
        past = (*before.runs, *((before.running,) if before.running else ()))
        return replace(done, runs=_distinct((*past, current)))
    return replace(done, applied=current, runs=(), outstanding=outstanding)


def is_due(before: Marker | None, after: Marker) -> bool:
    """Tell whether a marker says anything else than the one that is there."""
    return before is None or _essence(before) != _essence(after)


def _essence(marker: Marker) -> tuple[object, ...]:
    entries = tuple(one.content for one in marker.entries)
    outstanding = {
        (one.entry.content if one.entry else None, one.addresses) for one in marker.outstanding
    }
    return (
        marker.version,
        marker.rabbitmq_version,
        marker.cluster,
        marker.repository,
        marker.scope_vhosts,
        marker.scope_kinds,
        marker.adopted,
        entries,
        marker.running is None,
        outstanding,
        dict(marker.secrets),
        marker.paused,
        marker.pinned,
    )


def _at(marker: Marker | None, place: Place) -> Marker:
    """Return a marker that was written here, or a new one, with what this run knows."""
    known = marker or Marker(place.version, place.cluster)
    return replace(
        known,
        version=place.version,
        cluster=place.cluster,
        members=place.members or known.members,
        repository=place.repository or known.repository,
        scope_vhosts=place.scope_vhosts,
        scope_kinds=place.scope_kinds,
        rabbitmq_version=place.rabbitmq_version,
    )


def _distinct(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    found: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        found.pop(entry.content, None)
        found[entry.content] = entry
    return tuple(found.values())


def _outstanding(
    own: Ownership, desired: Desired, live: Rows, waiting: Iterable[Ref], kinds: Registry
) -> tuple[Outstanding, ...] | None:
    """Return what waits, by the entry it was last in line with; `None` where that is unknown."""
    pasts = own.pasts
    if pasts is None and own.marker is not None and own.marker.entries:
        if any(one.commit is not None for one in own.marker.entries):
            return None
        pasts = (Past({}),)  # of a folder without history: what waits was in line with nothing
    entries: tuple[Entry | None, ...] = own.marker.entries if own.marker is not None else ()
    if own.marker is None or own.marker.applied is None:
        entries = (None, *entries)
    found: dict[tuple[object, ...] | None, tuple[Entry | None, list[str]]] = {}
    for ref in sorted(set(waiting)):
        is_outstanding, entry = own.entry_of(ref, kinds)
        if not is_outstanding:
            entry = _in_line_with(ref, tuple(zip(entries, pasts or (), strict=False)), live)
        past = None if entry is None else own.past(entry)
        row = None if past is None else past.row(ref)
        wanted = desired.rows.get(ref.kind, {}).get(ref.key)
        if row is not None and wanted is not None and same(row, wanted):
            continue  # what is applied now says the same
        if row is None and wanted is None:
            continue  # never ours: it must not exist, and does
        key = None if entry is None else entry.content
        found.setdefault(key, (entry, []))[1].append(address_of(kinds[ref.kind], ref.key))
    return tuple(Outstanding(entry, tuple(names)) for entry, names in found.values())


def _in_line_with(
    ref: Ref, known: tuple[tuple[Entry | None, Past | None], ...], live: Rows
) -> Entry | None:
    """Return the entry that an object is as, of those it may be; else the oldest."""
    row = live.get(ref.kind, {}).get(ref.key)
    for entry, past in reversed(known):
        if past is not None and row is not None and same(past.row(ref), row):
            return entry
    return known[0][0] if known else None


def _digests(
    before: Marker,
    place: Place,
    desired: Desired,
    live: Rows,
    waiting: set[Ref],
    kinds: Registry,
) -> Mapping[str, str]:
    """Return a digest of each live secret that is in line, and the old one of each that is not."""
    found: dict[str, str] = {}
    for kind in kinds:
        if not kind.holds_secrets:
            continue
        there = live.get(kind.name, {})
        for key, row in desired.rows.get(kind.name, {}).items():
            if not holds_secret(row) or key not in there:
                continue
            address = address_of(kind, key)
            old = before.secrets.get(address)
            value = secret_part(kind, there[key])
            if old is not None and (Ref(kind.name, key) in waiting or is_digest_of(old, value)):
                found[address] = old
            elif Ref(kind.name, key) not in waiting:
                found[address] = digest_of(value, place.salt)
    return found
