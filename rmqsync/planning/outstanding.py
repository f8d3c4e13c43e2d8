"""
What a run leaves that is not in line: which objects wait, and what each was in line with last.

Pure. It goes into the marker, so that a later run can tell whose doing each difference is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.marker import Entry, Marker, Outstanding, Unrestored
from rmqsync.model.values import Row, same
from rmqsync.planning.ownership import Ownership, Past, means_same
from rmqsync.planning.replaced import Replaced


def outstanding(
    own: Ownership,
    desired: Desired,
    live: Rows,
    waiting: Iterable[Ref],
    context: Context,
    kinds: Registry,
    taken: Collection[Ref] = (),
) -> tuple[Outstanding, ...] | None:
    """
    Return what waits, by the entry it was last in line with; `None` where that is unknown.

    `taken` is what this run deleted to make it anew: where it is not there, it is in line with
    nothing.
    """
    pasts = own.pasts
    if pasts is None and own.marker is not None and own.marker.entries:
        if any(one.commit is not None for one in own.marker.entries):
            return None
        pasts = (Past({}),)  # of a folder without history: what waits was in line with nothing
    entries: tuple[Entry | None, ...] = own.marker.entries if own.marker is not None else ()
    if own.marker is None or own.marker.applied is None:
        entries = (None, *entries)
    found: dict[tuple[object, ...] | None, tuple[Entry | None, list[str]]] = {}
    now = Past(desired.rows)
    replaced = Replaced(own, context, kinds)
    for ref in sorted(set(waiting)):
        is_outstanding, entry = own.entry_of(ref, kinds)
        if not is_outstanding:
            known = tuple(zip(entries, pasts or (), strict=False))
            entry = _in_line_with(ref, known, live, context, kinds)
        wanted = desired.rows.get(ref.kind, {}).get(ref.key)
        if wanted is not None and ref.key not in live.get(ref.kind, {}):
            entry = None if ref in taken or replaced.may_be_ours(ref, wanted) else entry
        past = None if entry is None else own.past(entry)
        row = None if past is None else past.row(ref)
        is_equal = row is not None and wanted is not None and same(row, wanted)
        if is_equal and past is not None and means_same(past, now, ref, context, kinds):
            continue  # what is applied now says the same
        if row is None and wanted is None and not _is_yet_to_go(ref, desired, entry, past):
            continue  # never ours, or made anew by somebody where it was gone
        key = None if entry is None else entry.content
        found.setdefault(key, (entry, []))[1].append(address_of(kinds[ref.kind], ref.key))
    stay = _unjudged(own, desired, live, kinds) | _given_up(own, desired, live, context, kinds)
    for one in own.marker.outstanding if own.marker is not None and stay else ():
        key = None if one.entry is None else one.entry.content
        names = found.setdefault(key, (one.entry, []))[1]
        names += (name for name in one.addresses if name in stay and name not in names)
    found = {key: one for key, one in found.items() if one[1]}
    return tuple(Outstanding(entry, tuple(names)) for entry, names in found.values())


def _is_yet_to_go(ref: Ref, desired: Desired, entry: Entry | None, past: Past | None) -> bool:
    """
    Tell whether git wants an object gone that was never ours, and has been there all along.

    Else the next run took it for one that was gone after this, and somebody made again.
    """
    if ref.key not in desired.absent.get(ref.kind, {}):
        return False
    if past is None:
        return entry is None
    return ref.key not in past.absent.get(ref.kind, ())


def _in_line_with(
    ref: Ref,
    known: tuple[tuple[Entry | None, Past | None], ...],
    live: Rows,
    context: Context,
    kinds: Registry,
) -> Entry | None:
    """
    Return the entry that an object is as, of those it may be.

    One that is as none of them was changed since: then the oldest that declares it, so that it is
    not forgotten whose it was; else the oldest.
    """
    row = live.get(ref.kind, {}).get(ref.key)
    for entry, past in reversed(known):
        then = None if past is None else past.row(ref)
        if row is None or then is None:
            continue
        if same(then, row) or same(kinds[ref.kind].settle(then, row, context), row):
            return entry
    declaring = (entry for entry, past in known if past is not None and past.row(ref) is not None)
    first = known[0][0] if known else None
    return first if row is None else next(declaring, first)


def still_outstanding(
    own: Ownership,
    desired: Desired,
    live: Rows,
    waiting: Iterable[Ref],
    context: Context,
    kinds: Registry,
    taken: Collection[Ref] = (),
) -> tuple[Outstanding, ...]:
    """
    Return what was outstanding before, without what is in line by now.

    `taken` as in `outstanding`.
    """
    waiting = tuple(waiting)
    lost = [
        ref
        for ref in sorted(waiting)
        if ref in taken
        and ref.key not in live.get(ref.kind, {})
        and ref.key in desired.rows.get(ref.kind, {})
    ]
    names = tuple(address_of(kinds[ref.kind], ref.key) for ref in lost)
    open_ = {address_of(kinds[ref.kind], ref.key) for ref in waiting}
    open_ |= _unjudged(own, desired, live, kinds) | _given_up(own, desired, live, context, kinds)
    open_ -= set(names)
    left = [Outstanding(None, names)]
    for one in own.marker.outstanding if own.marker is not None else ():
        kept = tuple(name for name in one.addresses if name in open_)
        if one.entry is None:
            left[0] = Outstanding(None, (*names, *kept))
        else:
            left.append(Outstanding(one.entry, kept))
    return tuple(one for one in left if one.addresses)


def _unjudged(own: Ownership, desired: Desired, live: Rows, kinds: Registry) -> set[str]:
    """
    Return what is outstanding by an entry that cannot be read, is there, and is not declared.

    Nobody can tell whether it is ours to delete: once the entry can be read again, somebody can.
    """
    unread = [
        address
        for one in (own.marker.outstanding if own.marker is not None else ())
        if one.entry is not None and one.entry.content in own.unread
        for address in one.addresses
    ]
    missing = set(not_there(unread, live, kinds))
    return set(not_there((one for one in unread if one not in missing), desired.rows, kinds))


def _given_up(
    own: Ownership, desired: Desired, live: Rows, context: Context, kinds: Registry
) -> set[str]:
    """
    Return what is outstanding, is there, and goes on to be ours though this run lets it be.

    It is not declared, and `ignore` or `prune: never` leaves it alone for now; nobody kept it by
    name. Or nobody can compile this run again, as with a backup: that has what git gave up and was
    held, and is no word of git's that it is to stay.
    """
    if own.marker is None or own.current is None:
        return set()
    stay = set()
    for kind in kinds if own.marker.outstanding else ():
        for key, row in live.get(kind.name, {}).items():
            ref = Ref(kind.name, key)
            entry = own.entry_of(ref, kinds)[1]
            if entry is None:
                continue
            past = own.past(entry)
            if past is not None and past.row(ref) is None:
                continue  # never ours: only `state: absent`, if that still stands, has it wait
            address = address_of(kind, key)
            is_open = key not in desired.rows.get(kind.name, {}) and address not in desired.kept
            if is_open or (
                own.current.commit is None and _goes_on(ref, row, entry, own, context, kinds)
            ):
                stay.add(address)
    return stay


def _goes_on(
    ref: Ref, row: Row, entry: Entry, own: Ownership, context: Context, kinds: Registry
) -> bool:
    past = own.past(entry)
    then = None if past is None else past.row(ref)
    if past is None or then is None:
        return past is None  # somebody may read it again
    if own.pasts is not None and all(one.row(ref) is None for one in own.pasts):
        return True
    return same(kinds[ref.kind].settle(then, row, context), row)


def unrestored(
    before: Marker, desired: Desired, live: Rows, kinds: Registry
) -> tuple[Unrestored, ...]:
    """Return what killed runs took and is not there, nor declared, nor to be absent."""
    absent = {address_of(kinds[name], key) for name, keys in desired.absent.items() for key in keys}
    found = []
    for one in before.taken:
        missing = not_there(not_there(one.addresses, live, kinds), desired.rows, kinds)
        left = tuple(address for address in missing if address not in absent)
        if left:
            found.append(Unrestored(one.run, left))
    return tuple(found)


def not_there(addresses: Iterable[str], rows: Rows, kinds: Registry = KINDS) -> list[str]:
    """Return those addresses that no row has."""
    wanted = tuple(addresses)
    there = _addresses(rows, {address.partition(":")[0] for address in wanted}, kinds)
    return [address for address in wanted if address not in there]


def _addresses(rows: Rows, names: Collection[str], kinds: Registry) -> set[str]:
    return {
        address_of(kind, key)
        for kind in kinds
        if kind.name in names
        for key in rows.get(kind.name, {})
    }
