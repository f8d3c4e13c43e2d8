"""
Secrets of live rows: taken out, and a reference put in their place.

Passwords' hashes, unless they shall stay; and at any depth of a field that may hold a reference
URIs with credentials, what has a telling name, and every text of an object that a marker names as
one with secrets. What stands anywhere else cannot be declared in files at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field

from rmqsync.kinds.base import Kind, address_of
from rmqsync.kinds.fields import Field, Secrecy
from rmqsync.kinds.secrecy import is_sensitive
from rmqsync.loading.dump_names import secret_name
from rmqsync.model.address import digest8
from rmqsync.model.changes import Ref
from rmqsync.model.values import JsonValue, Key, Row

_VALUE = "value"
"""The field that holds all of a parameter: it says nothing in a name."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that was taken out of the tree."""

    value: str = field(repr=False)
    ref: Ref
    """The object that may use it."""
    address: str


class SecretBook:
    """Collects the secrets of rows, and names them once all are known."""

    def __init__(self, *, inline_hashes: bool, addresses: Collection[str] = ()) -> None:
        """`addresses`: of objects that hold secrets, as markers say."""
        self._inline_hashes = inline_hashes
        self._addresses = addresses
        self._found: list[_Found] = []

    def take(self, kind: Kind, key: Key, row: Row) -> Row:
        """Return `row` with references in place of its secrets."""
        taken = {
            one.name: self._value(kind, key, one, row[one.name])
            for one in kind.fields
            if one.secret is not Secrecy.NONE and one.name in row
        }
        return {**row, **taken} if taken else row

    def name(self) -> dict[str, Secret]:
        """Write the names into the references, and return the secrets by name."""
        groups: dict[str, list[_Found]] = defaultdict(list)
        for found in self._found:
            groups[found.reference["secret"]].append(found)
        named: dict[str, Secret] = {}
        for name, group in groups.items():
            for found in group:
                own = name
                while len(group) > 1 or own in named:
                    own = f"{own}_{digest8(found.place)}"
                    if own not in named:
                        break
                found.reference["secret"] = own
                named[own] = Secret(found.value, found.ref, found.address)
        return dict(sorted(named.items()))

    def _value(self, kind: Kind, key: Key, one: Field, value: JsonValue) -> JsonValue:
        if one.secret is not Secrecy.VALUE:
            return self._nested(kind, key, (one.name,), value)
        if not isinstance(value, str) or value == "" or (self._inline_hashes and one.may_be_plain):
            return value
        return self._refer(kind, key, key, (one.name,), value)

    def _nested(
        self, kind: Kind, key: Key, path: tuple[str | int, ...], value: JsonValue
    ) -> JsonValue:
        if isinstance(value, str):
            if not value or not self._is_secret(kind, key, path, value):
                return value
            words = (key[0], kind.name, *key[1:]) if kind.in_vhost else (kind.name, *key)
            return self._refer(kind, key, words, path, value)
        if isinstance(value, dict):
            return {n: self._nested(kind, key, (*path, n), item) for n, item in value.items()}
        if isinstance(value, list):
            return [self._nested(kind, key, (*path, i), item) for i, item in enumerate(value)]
        return value

    def _is_secret(
        self, kind: Kind, key: Key, path: tuple[str | int, ...], value: JsonValue
    ) -> bool:
        return is_sensitive(kind, path, value) or address_of(kind, key) in self._addresses

    def _refer(
        self, kind: Kind, key: Key, words: Key, path: tuple[str | int, ...], value: str
    ) -> JsonValue:
        shown = path[1:] if path[0] == _VALUE and len(path) > 1 else path
        reference = {"secret": secret_name(words, shown)}
        address = address_of(kind, key)
        place = "/".join([address, *map(str, path)])
        self._found.append(_Found(Ref(kind.name, key), address, place, value, reference))
        return reference


@dataclass(frozen=True, slots=True)
class _Found:
    ref: Ref
    address: str
    place: str
    value: str
    reference: dict[str, str]
