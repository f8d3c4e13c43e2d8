"""
What must not be shown, and what must not stand in a file in clear.

By field, on both sides of a comparison, whatever the source: all of a password or a hash; of a URI
the whole of it once it holds credentials; a value that a secret stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rmqsync.kinds.base import Entry, Kind
from rmqsync.kinds.credentials import has_credentials, secrets_in
from rmqsync.kinds.fields import Field, Secrecy
from rmqsync.model.values import JsonValue, is_secret_reference

SENSITIVE = "(sensitive)"
"""Stands for a secret in everything that is shown or kept."""

_TELLING = re.compile(r"pass(word|wd|phrase)?$|secret|(api|private|access)[-_]?key$|token$", re.I)


def is_sensitive(kind: Kind, path: tuple[str | int, ...], value: JsonValue) -> bool:
    """Tell whether the value at `path` of a row must not be shown."""
    field = _field(kind, path)
    if field is not None and field.secret is Secrecy.VALUE:
        return True
    if field is not None and field.secret is not Secrecy.NONE and _has_telling_name(path, value):
        return True
    return has_credentials(value) or next(iter(secrets_in(value)), None) is not None


def redact(kind: Kind, path: tuple[str | int, ...], value: JsonValue) -> JsonValue:
    """
    Return the value at `path` of a row as it may be shown.

    Of a mapping or a list only what is secret in it is replaced; the names in it stay.
    """
    if isinstance(value, Mapping) and not is_secret_reference(value):
        return {name: redact(kind, (*path, name), inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [redact(kind, (*path, index), inner) for index, inner in enumerate(value)]
    return SENSITIVE if is_sensitive(kind, path, value) else value


def plain_secrets(kind: Kind, entry: Entry) -> Iterable[tuple[str | int, ...]]:
    """
    Yield the paths of an entry, as written, at which a secret stands in clear.

    Passwords, and URIs with credentials at any depth; a salted hash may stand in a file. Objects
    of other kinds that are nested in the entry are not looked into.
    """
    own = {field.name for field in (*kind.identity, *kind.fields)} | kind.extra_schema.keys()
    for name, value in entry.items():
        field = _field(kind, (name,))
        if name not in own:
            continue
        if field is not None and field.secret is Secrecy.VALUE:
            if isinstance(value, str) and value and not field.may_be_plain:
                yield (name,)
        else:
            yield from _credentials((name,), value)


def _credentials(path: tuple[str | int, ...], value: object) -> Iterable[tuple[str | int, ...]]:
    if isinstance(value, str):
        if has_credentials(value):
            yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _credentials((*path, name), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _credentials((*path, index), inner)


def _field(kind: Kind, path: tuple[str | int, ...]) -> Field | None:
    return next((field for field in kind.fields if path and field.name == path[0]), None)


def _has_telling_name(path: tuple[str | int, ...], value: JsonValue) -> bool:
    """Tell whether the name of a setting, of a plugin say, says that it is a secret."""
    inside = [part for part in path[1:] if isinstance(part, str)]
    return bool(inside) and isinstance(value, str) and _TELLING.search(inside[-1]) is not None
