"""The marker before and after a run. Pure: what is written, and when, is decided by the caller."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Change, Ref
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
from rmqsync.planning.outstanding import outstanding, still_outstanding, unrestored
from rmqsync.planning.ownership import Ownership, holds_secret, secret_part

_MOST_RUNS = 20
"""From so many on, addresses are listed, however many: runs are compiled again and again."""
_MOST_UNREAD = 1_000
"""Runs that are kept while nobody can tell what was in line with which."""
_NOWHERE = Context()
"""Of a cluster of which nothing is known."""


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
    partly: Iterable[Change] = (),
    taken: Collection[Ref] = (),
    made: bool = True,
    context: Context = _NOWHERE,
    kinds: Registry = KINDS,
) -> Marker:
    """
    Return the marker to write when a run is over, one that `made` changes or only looked.

    `live` is what was read after it, `open_` every object that is not in line, or is to go and is
    still there. `partly` are changes that were made but for the fields in `left`: what git says of
    these objects is applied, so that what differs from it is drift, and the next commit to any
    other field is git's. `taken` is what the run deleted to make it anew, well or not.
    """
    assert own.current is not None
    before = _at(own.marker, place)
    current = replace(own.current, at=place.at, run=place.run)
    applied = before.applied
    if applied is not None and applied.content == current.content:
        current = applied = _said_again(applied, current, own, made=made)
    changes = {change.ref: change for change in partly}
    not_in_line = tuple(open_)
    waiting = tuple(ref for ref in not_in_line if ref not in changes)
    secrets_left = {ref for ref in not_in_line if ref in changes and _leaves_secret(changes[ref])}
    secrets = _digests(before, place, desired, live, {*waiting, *secrets_left}, kinds)
    done = replace(
        before,
        adopted=before.adopted or adopted,
        secrets=secrets,
        unrestored=() if own.is_attended else unrestored(before, desired, live, kinds),
        running=None,
        pinned=place.pin or before.pinned,
    )
    found = outstanding(own, desired, live, waiting, context, kinds, taken)
    number = sum(len(one.addresses) for one in found or ())
    past = (*before.runs, *((before.running,) if before.running else ()))
    if found is None or (number > MOST_ADDRESSES and len(past) < _MOST_RUNS):
        still = still_outstanding(own, desired, live, waiting, context, kinds, taken)
        still += _moved_on(own, current, changes.keys() & set(not_in_line), kinds)
        runs = _distinct((*past, current))[-_MOST_UNREAD:]
        return replace(done, applied=applied, runs=runs, outstanding=still)
    return replace(done, applied=current, runs=(), outstanding=found)


def moves(own: Ownership) -> bool:
    """Tell whether the marker goes to a commit that says the same, because somebody allows it."""
    return own.is_aside and own.rewinds and own.current is not None and bool(own.current.commit)


def _said_again(applied: Entry, current: Entry, own: Ownership, *, made: bool) -> Entry:
    """
    Return what was applied last after a run of what says the same.

    Drift counts from the last run that made changes. Its commit is only taken over where it is
    ahead: by an older one that says the same, or one of a branch aside, commits of there would go
    ahead of those that follow on what was applied.
    """
    if moves(own):
        return current
    if not made:
        return applied
    return replace(current, commit=applied.commit) if own.is_aside else current


def _leaves_secret(change: Change) -> bool:
    return any(field.sensitive for field in change.left)


def _moved_on(
    own: Ownership, current: Entry, refs: Iterable[Ref], kinds: Registry
) -> tuple[Outstanding, ...]:
    """
    Return objects that waited, and are in line with this run now but for what it left.

    Where `applied` stays where it is, they would else be judged by runs that they waited through.
    """
    waited = sorted(ref for ref in refs if own.entry_of(ref, kinds)[0])
    names = tuple(address_of(kinds[ref.kind], ref.key) for ref in waited)
    return (Outstanding(current, names),) if names else ()


def is_due(before: Marker | None, after: Marker) -> bool:
    """
    Tell whether a marker says anything else than the one that is there.

    Nodes that are not listed may be down, and are members all the same; one that joined has to be
    known before the others are replaced, or the marker would be foreign then.
    """
    if before is None or not set(after.members) <= set(before.members):
        return True
    return _essence(before) != _essence(after)


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
        marker.unrestored,
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
    """Return each once, the last one with all that was taken by any."""
    found: dict[tuple[object, ...], Entry] = {}
    for entry in entries:
        before = found.pop(entry.content, None)
        if before is not None and before.taken:
            taken = tuple(dict.fromkeys((*before.taken, *entry.taken)))[:MOST_ADDRESSES]
            entry = replace(entry, taken=taken)
        found[entry.content] = entry
    return tuple(found.values())


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
