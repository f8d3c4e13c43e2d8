"""
From a broker's definitions export to rows: all generations of it, quickly, without positions.

Left out is what nobody manages: the broker's own, and what hangs on something that is not there,
which only the broker's own things and clients' exclusive queues can be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Entry, Kind
from rmqsync.kinds.fields import OPTIONAL, UNSET
from rmqsync.kinds.registry import Registry
from rmqsync.loading.flatten import is_raw
from rmqsync.loading.rows import completer, is_default, required_names, unmet
from rmqsync.model.definitions import Rows
from rmqsync.model.errors import BrokerError
from rmqsync.model.values import Key, Row


def rows_of_export(
    document: Mapping[str, Any],
    kinds: Registry = KINDS,
    *,
    listings: Mapping[str, Iterable[Mapping[str, Any]]] | None = None,
) -> Rows:
    """
    Return the rows of a definitions document, of a cluster or of one vhost.

    `listings` holds, by kind, items of the API that stand in place of the export's. The document is
    left as it is, but rows share values with it. Raises `BrokerError` for what is no export.
    """
    work = _Reading(document, kinds, listings or {})
    for kind in kinds:
        work.section(kind)
    for kind in kinds:
        work.drop_dangling(kind)
    return work.rows


class _Reading:
    def __init__(
        self,
        document: Mapping[str, Any],
        kinds: Registry,
        listings: Mapping[str, Iterable[Mapping[str, Any]]],
    ) -> None:
        self.document = document
        self.kinds = kinds
        self.listings = listings
        self.vhost = document.get("vhost") or document.get("original_vhost_name")
        self.rows: Rows = {kind.name: {} for kind in kinds}
        self.complete = {kind.name: completer(kind) for kind in kinds}
        self.plain = {kind.name: _plain_names(kind) for kind in kinds}
        self.required = {kind.name: required_names(kind) for kind in kinds}
        self.owned = {
            kind.name: None if is_default(kind, "broker_owned") else kind.broker_owned
            for kind in kinds
        }

    def section(self, kind: Kind) -> None:
        """Read one section, and its listing where there is one."""
        listing = self.listings.get(kind.name)
        if listing is not None:
            self._items(kind, listing)
        if kind.section:
            self._items(kind, self.document.get(kind.section) or (), inner_only=listing is not None)

    def _items(
        self, kind: Kind, items: Iterable[Mapping[str, Any]], *, inner_only: bool = False
    ) -> None:
        by_component = self.kinds.by_component if is_raw(kind) else {}
        number = 0
        if inner_only and not kind.nested:
            return
        plain, rows = self.plain[kind.name], self.rows[kind.name]
        owned, key_of = self.owned[kind.name], kind.key
        try:
            for number, item in enumerate(items):  # noqa: B007
                if plain is not None and item.keys() == plain:
                    row = cast("Row", item)
                    if owned is None or not owned(row):
                        rows[key_of(row)] = row
                    continue
                one, entry = kind, dict(item)
                if by_component and item["component"] in by_component:
                    one = by_component[entry.pop("component")]
                if one.in_vhost and "vhost" not in entry:
                    entry["vhost"] = self.vhost
                self._entry(one, entry, inner_only=inner_only)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise BrokerError(
                f"the definitions export is not as RabbitMQ writes it: "
                f"{kind.section}[{number}] cannot be read as a {kind.label}"
            ) from error

    def _entry(self, kind: Kind, entry: Entry, *, inner_only: bool = False) -> None:
        inner = []
        for nested in kind.nested:
            value = entry.pop(nested.field, None)
            if value:
                inner.append((nested, value))
        entry = kind.shape(entry)
        if not inner_only:
            self._put(kind, entry)
        for nested, value in inner:
            child, inherited = self.kinds[nested.kind], nested.inherit(entry)
            for one in value if nested.many else (value,):
                self._entry(child, {**one, **inherited})

    def _put(self, kind: Kind, entry: Entry) -> None:
        name = kind.name
        required, owned = self.required[name], self.owned[name]
        for one in kind.expand(entry):
            if not required <= one.keys():
                raise KeyError(*required - one.keys())
            row = self.complete[name](one)
            if owned is None or not owned(row):
                self.rows[name][kind.key(row)] = row

    def drop_dangling(self, kind: Kind) -> None:
        """
        Drop objects of which the broker would have deleted what they hang on, had it managed that.

        Their targets are exclusive queues and internal exchanges that the export does not hold.
        """
        hangs_on = {other.name for other in self.kinds if kind.name in other.takes_down}
        hangs_on -= {other.name for other in self.kinds if other.hosts_vhost_kinds}
        rows = self.rows[kind.name]
        if not hangs_on or is_default(kind, "references"):
            return
        for key in dangling(kind, rows, self.rows, hangs_on):
            rows.pop(key, None)


def _plain_names(kind: Kind) -> frozenset[str] | None:
    """
    Return the fields of which an item, having just these, is as good as its row.

    `None` where there is more to it. `nested` and `expand` only ask for names that are no fields.
    """
    if not (is_default(kind, "shape") and is_default(kind, "finish")) or is_raw(kind):
        return None
    names = (*kind.identity, *kind.fields)
    if any(one.default is OPTIONAL or one.default is UNSET for one in names):
        return None
    return frozenset(one.name for one in names) | ({"vhost"} if kind.in_vhost else set())


def dangling(kind: Kind, rows: Mapping[Key, Row], every: Rows, among: Iterable[str]) -> list[Key]:
    """Return the keys of rows that name, strictly, something of `among` that is not there."""
    among = frozenset(among)
    return [
        key
        for key, reference in unmet(kind, rows, every)
        if reference.kind in among and reference.strict
    ]
