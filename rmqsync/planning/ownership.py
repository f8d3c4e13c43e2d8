"""
Whose change it is: desired, live and what was applied last, compared field by field.

Pure. What was applied last is compiled from git by whoever calls, and only when a question needs
it: where nothing differs, nobody asks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind, address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.credentials import secrets_in
from rmqsync.kinds.fields import Secrecy
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import ABSENT, Absent, Cause, Change, FieldChange, Hold, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.marker import Entry, Marker, is_digest_of
from rmqsync.model.values import JsonValue, Key, Row, same
from rmqsync.planning.fields import at, with_value

_SEVERITY = (Cause.GIT, Cause.DRIFT, Cause.BOTH, Cause.UNKNOWN)


@dataclass(frozen=True)
class Past:
    """What one entry of a marker compiles to."""

    rows: Rows
    absent: Mapping[str, Collection[Key]] = field(default_factory=dict)
    """Keys with `state: absent`, by kind."""

    def row(self, ref: Ref) -> Row | None:
        return self.rows.get(ref.kind, {}).get(ref.key)

    @cached_property
    def default_queue_types(self) -> Mapping[str, str]:
        """Of the vhosts that declared one then."""
        return declared_queue_types(self.rows)


def declared_queue_types(rows: Rows) -> dict[str, str]:
    """Return the default queue type of each vhost that declares one."""
    return {
        key[0]: str(row["default_queue_type"])
        for key, row in rows.get("vhost", {}).items()
        if row.get("default_queue_type")
    }


def means_same(one: Past, other: Past, ref: Ref, context: Context, kinds: Registry) -> bool:
    """Tell whether equal rows of two pasts mean the same: a queue goes by its vhost's default."""
    if not kinds[ref.kind].in_vhost:
        return True
    vhost, live = ref.key[0], context.live_queue_types
    types = [past.default_queue_types.get(vhost, live.get(vhost)) for past in (one, other)]
    return types[0] == types[1]


def _settled(past: Past, row: Row, ref: Ref, live: Row, context: Context, kind: Kind) -> Row:
    """
    Return a row of the past, settled as it was then.

    What a queue without a type of its own means goes by the vhost's default: by that of then, not
    by another that git declares since.
    """
    if kind.in_vhost:
        vhost = ref.key[0]
        then = past.default_queue_types.get(vhost, context.live_queue_types.get(vhost))
        if then != context.default_queue_types.get(vhost):
            types = {} if then is None else {vhost: then}
            context = replace(context, default_queue_types=types)
    return kind.settle(row, live, context)


def _unreadable(entry: Entry) -> Past | None:
    del entry
    return None


@dataclass(frozen=True)
class Ownership:
    """
    What a marker says of one cluster, and what this run may make of it.

    The default is for what is no cluster: a file, or another revision. Causes are unknown there,
    and nothing is held for them.
    """

    is_judged: bool = False
    marker: Marker | None = None
    """Of this repository; `None` where there is none, or a foreign one."""
    current: Entry | None = None
    """What this run is to apply."""
    refusal: Hold | None = None
    """Why every change is held: a foreign marker, a commit that is not ahead, a pause."""
    past: Callable[[Entry], Past | None] = _unreadable
    """Compiles an entry, once; `None` where it cannot be read."""
    adopts: bool = False
    """`--adopt`, or a person who is asked: what was there before may be changed."""
    is_attended: bool = False
    """A person sees the plan and says yes."""
    heals: bool = False
    """`on_drift: heal`."""
    is_upgraded: bool = False
    """Another version of RabbitMQ or of rmqsync wrote the marker."""

    is_aside: bool = False
    """This revision says what was applied last, and is not known to descend from its commit."""
    rewinds: bool = False
    """Somebody allowed to go to a revision that does not descend from what was applied."""

    @property
    def has_history(self) -> bool:
        """Whether the marker says that anything was ever applied."""
        return self.marker is not None and bool(self.marker.entries or self.marker.outstanding)

    @property
    def last_run(self) -> Entry | None:
        """The last run that came to its end, of those that the marker tells of."""
        if self.marker is None or not self.marker.runs:
            return None if self.marker is None else self.marker.applied
        return self.marker.runs[-1]

    @property
    def marker_adopts(self) -> bool:
        """Whether some run before adopted what was there."""
        return self.marker is not None and self.marker.adopted

    @property
    def is_adopted(self) -> bool:
        return self.adopts or self.marker_adopts

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for what judges alike, given that one commit always compiles to the same."""
        content = None if self.current is None else self.current.content
        stance = (self.is_judged, self.adopts, self.is_attended, self.heals, self.is_upgraded)
        return (*stance, self.marker, content, self.refusal, self.unread)

    @cached_property
    def unread(self) -> frozenset[tuple[object, ...]]:
        """Content of what the marker names and nobody can compile here and now."""
        entries = self.marker.mentioned if self.marker is not None else ()
        return frozenset(one.content for one in entries if self.past(one) is None)

    @cached_property
    def pasts(self) -> tuple[Past, ...] | None:
        """
        What may be in force for an object that is not outstanding; an empty past for nothing.

        `None` where any of it cannot be read.
        """
        if self.marker is None:
            return (Past({}),)
        found = []
        for entry in self.marker.entries:
            past = self.past(entry)
            if past is None:
                return None
            found.append(past)
        return tuple(found) if self.marker.applied is not None else (Past({}), *found)

    @cached_property
    def _outstanding(self) -> dict[str, Entry | None]:
        if self.marker is None:
            return {}
        return {address: one.entry for one in self.marker.outstanding for address in one.addresses}

    @property
    def is_known(self) -> bool:
        """Whether it is known what was applied last."""
        return self.is_judged and self.pasts is not None

    def entry_of(self, ref: Ref, kinds: Registry = KINDS) -> tuple[bool, Entry | None]:
        """Return whether an object is outstanding, and what it was last in line with then."""
        if not self._outstanding:
            return False, None
        address = address_of(kinds[ref.kind], ref.key)
        return address in self._outstanding, self._outstanding.get(address)

    def waits_unread(self, ref: Ref, kinds: Registry = KINDS) -> bool:
        """Tell whether an object waited for something, and what it was as then cannot be read."""
        entry = self.entry_of(ref, kinds)[1]
        return entry is not None and entry.commit is not None and entry.content in self.unread

    def last(self, ref: Ref, kinds: Registry = KINDS) -> tuple[Past, ...] | None:
        """Return what may be in force for an object, the oldest first; `None`: not known."""
        is_outstanding, entry = self.entry_of(ref, kinds)
        if is_outstanding:
            found = Past({}) if entry is None else self.past(entry)
            return None if found is None else (found,)
        return self.pasts

    def has_secrets_as_left(self, ref: Ref, live: Row, kinds: Registry = KINDS) -> bool | None:
        """Tell whether the secrets of an object are as the last run left them; `None`: unknown."""
        if self.marker is None:
            return None
        digest = self.marker.secrets.get(address_of(kinds[ref.kind], ref.key))
        return None if digest is None else is_digest_of(digest, secret_part(kinds[ref.kind], live))


NOBODY = Ownership()
"""For a file, or another revision."""


def secret_part(kind: Kind, row: Row) -> dict[str, JsonValue]:
    """Return the fields of a row that can hold secrets."""
    names = [one.name for one in kind.fields if one.secret is not Secrecy.NONE]
    return {name: row[name] for name in names if name in row}


def _beside_secrets(kind: Kind) -> set[str]:
    return {one.name for one in kind.fields if one.of_secret}


def holds_secret(row: Row) -> bool:
    return next(iter(secrets_in(row)), None) is not None


def cause_of_missing(ref: Ref, wanted: Row, own: Ownership, kinds: Registry = KINDS) -> Cause:
    """Return whose doing it is that a declared object is not there."""
    if not own.is_judged:
        return Cause.UNKNOWN
    last = own.last(ref, kinds)
    if last is None:
        return Cause.UNKNOWN
    rows = [past.row(ref) for past in last]
    if None in rows:
        return Cause.GIT
    return Cause.DRIFT if any(same(row, wanted) for row in rows) else Cause.BOTH


def with_causes(
    change: Change, own: Ownership, context: Context, kinds: Registry = KINDS
) -> Change:
    """Return an update or replacement with the cause of each field, and the worst of them."""
    assert change.before is not None
    assert change.after is not None
    if not own.is_judged:
        return change
    last = own.last(change.ref, kinds)
    kind = kinds[change.ref.kind]
    rows = None if last is None else [past.row(change.ref) for past in last]
    if last is None or rows is None or all(row is None for row in rows):
        # Before it is adopted, a cluster was another way all the time: nobody changed it since.
        is_new = rows is None or not own.has_history or not own.marker_adopts
        cause = Cause.UNKNOWN if is_new else Cause.BOTH
        fields = tuple(one._replace(cause=cause) for one in change.fields)
        return replace(change, fields=fields, cause=cause)
    raw = [row for row in rows if row is not None]
    known = [
        _settled(past, row, change.ref, change.before, context, kind)
        for past, row in zip(last, rows, strict=True)
        if row is not None
    ]
    as_left = own.has_secrets_as_left(change.ref, change.before, kinds)
    found = tuple(_with_cause(one, change, raw, known, as_left, own, kind) for one in change.fields)
    if None in rows:  # a killed run may never have come to it: nobody undid what was not done
        found = tuple(_without_drift(one, own) for one in found)
    worst = max((one.cause or Cause.UNKNOWN for one in found), key=_SEVERITY.index)
    return replace(change, fields=found, cause=worst)


def _with_cause(
    one: FieldChange,
    change: Change,
    raw: list[Row],
    last: list[Row],
    as_left: bool | None,
    own: Ownership,
    kind: Kind,
) -> FieldChange:
    assert change.after is not None
    is_secret = one.sensitive or one.path[0] in _beside_secrets(kind)
    if is_secret and as_left is not None:
        return one._replace(cause=Cause.GIT if as_left else Cause.DRIFT)
    if is_secret and holds_secret(change.after):
        return one._replace(cause=Cause.UNKNOWN)
    values = [at(row, one.path) for row in last]
    if any(_equal(value, one.before) for value in values):
        return one._replace(cause=Cause.GIT)
    is_drift = any(_equal(value, one.after) for value in values)
    if own.is_upgraded and _is_normalised(one, raw, values):
        return one._replace(cause=Cause.UNKNOWN)
    if is_drift:
        return one._replace(cause=Cause.DRIFT)
    return one._replace(cause=Cause.BOTH, last=values[-1])


def _without_drift(one: FieldChange, own: Ownership) -> FieldChange:
    if one.cause is not Cause.DRIFT:
        return one
    assert own.marker is not None
    return one._replace(cause=Cause.UNKNOWN if own.marker.applied is None else Cause.BOTH)


def _is_normalised(one: FieldChange, raw: list[Row], values: list[JsonValue | Absent]) -> bool:
    """
    Tell whether a value is one that normal form makes, or that only the broker knows of.

    The latter are whole fields of a kind, which another version may be the first to read. What git
    does not have inside of one, a key of a policy or an argument, somebody put there.
    """
    pairs = zip((at(row, one.path) for row in raw), values, strict=True)
    is_field = len(one.path) == 1
    return any((is_field and now is ABSENT) or not _equal(then, now) for then, now in pairs)


def _equal(one: JsonValue | Absent, other: JsonValue | Absent) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return same(one, other)


def keeping_drift(change: Change, own: Ownership) -> Row | None:
    """
    Return the desired row with the live values of the fields that only drifted.

    `None` where the change stays as it is: nothing in it drifted, or all of it did, or this run
    may put it back.
    """
    if not leaves_drift(own) or change.before is None or change.after is None:
        return None
    drifted = [one for one in change.fields if one.cause in (Cause.DRIFT, Cause.BOTH)]
    if not drifted or len(drifted) == len(change.fields):
        return None
    row: Row = change.after
    for one in drifted:
        row = with_value(row, one.path, at(change.before, one.path))
    return row


def leaves_drift(own: Ownership) -> bool:
    """Tell whether this run leaves alone what nobody committed."""
    return own.is_judged and not own.is_attended and not own.heals


def is_owned(ref: Ref, live: Row, own: Ownership, context: Context, kinds: Registry) -> bool | None:
    """
    Tell of an object that is no longer declared whether it is ours, as the last run left it.

    `None`: it is ours, but somebody changed it since. False where that is not known.
    """
    last = own.last(ref, kinds) if own.is_judged and own.marker is not None else None
    rows = [(past, row) for past in last or () if (row := past.row(ref)) is not None]
    if not rows:
        return False
    kind = kinds[ref.kind]
    as_left = own.has_secrets_as_left(ref, live, kinds)
    if holds_secret(rows[-1][1]) and as_left is False:
        return None
    for past, row in rows:
        settled = _settled(past, row, ref, live, context, kind)
        if settled is live or same(settled, live):
            return True
        # A secret that was rotated since is another one than the live one, which the marker knows.
        if as_left and holds_secret(settled):
            known = _without_secrets(kind, settled)
            if same(known, _without_secrets(kind, live)):
                return True
    return None


def compared(
    ref: Ref, live: Row, own: Ownership, context: Context, kinds: Registry = KINDS
) -> tuple[Row, Row] | None:
    """
    Return a live object that is ours, and what it was as applied last, in the same form.

    Without its secrets, unless they are known to differ. `None` where it is not known.
    """
    rows = [(past, row) for past in own.last(ref, kinds) or () if (row := past.row(ref))]
    if not rows:
        return None
    kind = kinds[ref.kind]
    settled = _settled(*rows[-1], ref, live, context, kind)
    if not holds_secret(settled) or own.has_secrets_as_left(ref, live, kinds) is False:
        return live, settled
    return _without_secrets(kind, live), _without_secrets(kind, settled)


def _without_secrets(kind: Kind, row: Row) -> Row:
    hidden = secret_part(kind, row).keys() | _beside_secrets(kind)
    return {name: value for name, value in row.items() if name not in hidden}


def was_ours(ref: Ref, own: Ownership, kinds: Registry = KINDS) -> bool:
    """Tell whether an object was declared when something was applied last."""
    return any(past.row(ref) is not None for past in own.last(ref, kinds) or ())


def was_absent(ref: Ref, own: Ownership) -> bool:
    """Tell whether an object that must not exist was gone already after the last run."""
    last = own.last(ref) if own.is_judged and own.marker is not None else None
    return bool(last) and all(ref.key in past.absent.get(ref.kind, ()) for past in last or ())
