"""
What rmqsync knows about a kind of broker object, as one value: `Kind`.

Loading, comparing, ordering, guarding, sending and exporting are the same loops for all kinds; all
that differs stands in the kind's own module as data or as a pure function. A new kind is one module
and one line in `rmqsync/kinds/__init__.py`.

An *entry* is what a person wrote, perhaps one layer of several: any subset of the fields. A *row*
is the normal form: identity and every field that has a default, by the broker's own names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import OPTIONAL, REQUIRED, UNSET, Field, Secrecy
from rmqsync.model.address import address
from rmqsync.model.changes import Loss, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Severity
from rmqsync.model.values import JsonObject, JsonValue, Key, Row

Entry: TypeAlias = dict[str, Any]
"""What was written about one object, fields missing as they please."""


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP call to be made below `/api`. `path` segments are raw: the client escapes them."""

    method: Literal["GET", "PUT", "POST", "DELETE"]
    path: tuple[str, ...]
    body: JsonValue = None
    query: tuple[tuple[str, str], ...] = ()


class Reference(NamedTuple):
    """An object that another one names."""

    kind: str
    key: Key
    path: tuple[str | int, ...]
    """The field of the row that names it."""
    strict: bool = True
    """Missing is an error; else a finding."""


class Problem(NamedTuple):
    """What is wrong with one row, seen by itself."""

    code: str
    path: tuple[str | int, ...]
    message: str
    hint: str | None = None
    severity: Severity = Severity.ERROR


class Nested(NamedTuple):
    """A field of an entry that holds objects of another kind."""

    field: str
    kind: str
    inherit: Callable[[Entry], Entry]
    """From the parent's entry, the fields that each nested entry gets."""
    many: bool = True
    """A list of entries; else one mapping."""


class Listing(NamedTuple):
    """A GET that serves a kind's live rows better than the definitions export does."""

    path: str
    columns: tuple[str, ...]


class Cap(NamedTuple):
    """How many objects of a kind there may be in a vhost: one more is refused."""

    kind: str
    most: int
    field: str
    """Of the row that says so."""


class Caps(NamedTuple):
    """What objects of a kind that lives in a vhost limit there."""

    kinds: frozenset[str]
    """The kinds that may be limited."""
    of: Callable[[Row], Iterable[Cap]]
    question: Callable[[str], Request]
    """A GET for what limits a vhost now."""
    answer: Callable[[str, JsonValue], Row]
    """(vhost, what came back) → the row."""


def _as_is(entry: Entry) -> Entry:
    return entry


def _one(entry: Entry) -> Iterable[Entry]:
    return (entry,)


def _keep(desired: Row, live: Row, context: Context) -> Row:
    del live, context
    return desired


def _tidy(entry: Entry, row: Row, context: Context) -> Entry:
    del row, context
    return entry


def _all(entries: list[Entry]) -> list[Entry]:
    return entries


def _no_problems(row: Row, context: Context) -> Iterable[Problem]:
    del row, context
    return ()


def _no_common_problems(rows: Rows, context: Context) -> Iterable[tuple[Key, Problem]]:
    del rows, context
    return ()


def _no_update_problems(live: Row, desired: Row, context: Context) -> Iterable[Problem]:
    del live, desired, context
    return ()


def _no_references(row: Row) -> Iterable[Reference]:
    del row
    return ()


def _nothing(row: Row) -> str | None:
    del row
    return None


def _no(row: Row) -> bool:
    del row
    return False


def _nowhere(document: dict[str, Any], row: Row) -> None:
    del document, row


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Everything rmqsync knows about one kind of broker object."""

    name: str
    """Singular, as in addresses and plans: "exchange"."""
    label: str
    """In sentences, as the broker words it: "federation upstream"."""
    section: str | None
    """Its list in YAML: "exchanges"; `None` where it is only ever nested or raw."""
    component: str | None = None
    """Where the broker keeps it under `parameters`: the component's name."""
    listing: Listing | None = None
    """Where live rows are read from instead of the export."""
    rank: int
    """Creation order; deletion runs in reverse."""
    in_vhost: bool
    identity: tuple[Field, ...]
    """Fields that make the key, `vhost` left out. Changing one makes another object."""
    fields: tuple[Field, ...]
    key: Callable[[Entry], Key]
    """Identity of an entry; raises `KeyError` when a part is missing."""
    shape: Callable[[Entry], Entry] = _as_is
    """Bring the spellings that people and exports use to the field names. The entry is ours to
    change, is perhaps one layer only, and has passed the schema."""
    expand: Callable[[Entry], Iterable[Entry]] = _one
    """One entry that stands for several: `routing_keys`."""
    nested: tuple[Nested, ...] = ()
    hosts_vhost_kinds: bool = False
    """Entries may hold the sections of every kind that lives in a vhost."""
    extra_schema: JsonObject = field(default_factory=dict)
    """Properties that entries may have besides identity, fields and nested ones."""
    finish: Callable[[Row], Row] = _as_is
    """Last step to normal form, after defaults are filled in."""
    settle: Callable[[Row, Row, Context], Row] = _keep
    """(desired, live, context) → desired, given what only the live side knows. Called only where
    the two differ; returns `live` itself when they mean the same."""
    check: Callable[[Row, Context], Iterable[Problem]] = _no_problems
    creation_problems: Callable[[Row, Context], Iterable[Problem]] = _no_problems
    """What keeps an object from being made, though one that is there could have this row."""
    update_problems: Callable[[Row, Row, Context], Iterable[Problem]] = _no_update_problems
    """(live, settled desired, context) → what the broker cannot change, or would not."""
    references: Callable[[Row], Iterable[Reference]] = _no_references
    """Objects this one names; its own vhost is understood."""
    refers_by: tuple[str, ...] = ()
    """Fields that alone decide `references`: rows that agree in them are looked at once."""
    broker_owned: Callable[[Row], bool] = _no
    """Made by the broker, a plugin or a client for itself: in no plan, list or export."""
    never_pruned: Callable[[Row], bool] = _no
    """Not ours to delete where nobody declares it: clients, plugins or nodes make such ones, or the
    broker locks it."""
    goes_by_itself: Callable[[Row], bool] = _no
    """The broker deletes it once it is unused or done: gone, it is completed, not made again."""
    is_nothing: Callable[[Row], bool] = _no
    """Means the same as no object: limits that limit nothing. A live one counts as not there; a
    desired one is not made where it is missing, and is an update where it is not."""
    starts_over: bool = False
    """One that goes by itself does all its work anew when it is made or changed: `messages`."""
    loses_in_flight: Callable[[Row], str | None] = _nothing
    """Says what it loses where it is stopped, of what it took and has not handed on: `messages`."""
    loss: Loss
    """The worst that deleting one does."""
    create_loss: Loss = Loss.BEHAVIOUR
    update_loss: Loss = Loss.BEHAVIOUR
    takes_down: frozenset[str] = frozenset()
    """Kinds of which the broker deletes what refers to it."""
    upon_removal: str | None = None
    """What else the broker does when one is deleted, to what nobody declares, in words for people;
    `None` where it does nothing."""
    hanging: tuple[str, Callable[[Row], Request]] | None = None
    """One of these, and the GET that lists all of it, also what is in no export."""
    declare: Callable[[Row | None, Row, Context], tuple[Request, ...]]
    """(live or None, desired, context) → calls that create or update it, in order."""
    made_in_steps: bool = False
    """The broker makes one in several steps, and leaves it half made where the client of the call
    goes away meanwhile: it is created by import."""
    remove: Callable[[Row, tuple[str, ...]], tuple[Request, ...]]
    """(live, handles) → calls that delete it. Handles come from `lookup`."""
    lookup: Callable[[Row], Request | None] = lambda _: None
    """A GET whose answer holds the handles that `remove` needs; `None` where it needs none."""
    handles: Callable[[Row, JsonValue], tuple[str, ...]] = lambda _row, _answer: ()
    """(live, answer to `lookup`) → handles."""
    to_export: Callable[[Row], Row | None] = _as_is
    """The item of the definitions document; `None` where import cannot carry it by itself."""
    embed_in: Callable[[dict[str, Any], Row], None] = _nowhere
    """(definitions document, row) → puts it where it belongs, where that is no item of its own."""
    describe: Callable[[Key], str] | None = None
    to_address: Callable[[Key], str] | None = None
    """The address, where it is not simply the parts of the key."""
    spares: Callable[[Context], frozenset[str]] = lambda _: frozenset()
    """Kinds of `takes_down` that the cluster is known to leave in place."""
    parts: frozenset[str] = frozenset()
    """Kinds of `takes_down` that are part of the object, whoever manages them."""
    removed_first: Callable[[Row, Rows], bool] = lambda _row, _live: False
    """(live row, all live rows) → one of these must go before another is created."""
    sustains: Callable[[Row, Rows], Ref | None] = lambda _row, _rows: None
    """(row, rows of all kinds) → what the broker deletes by itself with the last of these."""
    remove_if_unused: Callable[[Row], tuple[Request, ...] | None] = lambda _: None
    """Calls that delete it only where the broker itself finds it empty and unused; `None` where
    the broker has no such condition, or ignores it."""
    caps: Caps | None = None
    """How it limits the number of objects; `None` where it does not."""
    spared_by_prune_all: bool = False
    """`prune: all` leaves undeclared ones alone unless `prune_kinds` names the kind."""
    is_counted: bool = False
    """It holds messages: the cluster's totals listing tells how many."""
    loss_free_when_empty: Callable[[Row], bool] = _no
    """Counts of zero prove that deleting it loses no message."""
    keeps_what_is_read: Callable[[Row], bool] = _no
    """What it holds stays in it, whoever reads it: it never drains."""
    check_all: Callable[[Rows, Context], Iterable[tuple[Key, Problem]]] = _no_common_problems
    """What is wrong with rows of this kind taken together, given those of all kinds."""
    of_cluster: Callable[[Row], bool] = _no
    """Says which cluster an export was made of: not loaded from a file that a broker wrote."""
    example: JsonObject
    """One valid entry with no field left out; docs and the tests of all kinds use it."""
    page: str = ""
    """The file of an exported tree it is written to, without ending; its section where empty."""
    tidy: Callable[[Entry, Row, Context], Entry] = _tidy
    """(entry without its defaults, row, context) → the entry as people write it, for an export. The
    entry is ours to change."""
    gather: Callable[[list[Entry]], list[Entry]] = _all
    """Entries of one list → perhaps fewer that say the same: the inverse of `expand`."""

    def complete(self, entry: Entry) -> Row:
        """Return the row of an entry that has all required fields, defaults filled in."""
        row: Row = {}
        get = entry.get
        if self.in_vhost:
            row["vhost"] = entry["vhost"]
        for one in self.identity:
            row[one.name] = get(one.name, one.default)
        for one in self.fields:
            name = one.name
            value = get(name, one)
            if one.default is OPTIONAL or one.default is UNSET:
                if value is one or value is None:  # `null` takes back what an earlier layer says
                    continue
            elif value is one:  # not there: `None` may be a value
                value = one.default
            row[name] = value
        return self.finish(row)

    @property
    def holds_secrets(self) -> bool:
        """Whether any field may hold `{secret: NAME}`."""
        return any(one.secret is not Secrecy.NONE for one in self.fields)

    def missing(self, entry: Entry) -> tuple[str, ...]:
        """Return the names of required fields that an entry lacks."""
        names = (*self.identity, *self.fields)
        return tuple(f.name for f in names if f.default is REQUIRED and f.name not in entry)

    def embed(self, document: dict[str, Any], row: Row) -> None:
        """Put a row into a definitions document. What holds it must have been put there before."""
        item = self.to_export(row)
        if item is not None:
            document.setdefault(self.export_section, []).append(item)
        self.embed_in(document, row)

    @property
    def export_section(self) -> str:
        """Its list in the broker's definitions document."""
        return "parameters" if self.component else (self.section or "")

    def address(self, row: Row) -> str:
        return address_of(self, self.key(row))

    def sentence(self, key: Key) -> str:
        """
        Name one object the way the broker does, so that plan and broker log can be grepped alike.

        Source: rabbit_misc:rs/1.
        """
        if self.describe is not None:
            return self.describe(key)
        if not self.in_vhost:
            return f"{self.label} '{'/'.join(key)}'"
        name = f" '{'/'.join(key[1:])}'" if key[1:] else ""
        return f"{self.label}{name} in vhost '{key[0]}'"


def address_of(kind: Kind, key: Key) -> str:
    """Return the address of the object `key` of `kind`."""
    return kind.to_address(key) if kind.to_address else address(kind.name, key)
