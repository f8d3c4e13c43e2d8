"""
What vhost limits and user limits have in common.

Both kinds of limit are numbers of which a negative one means none; normal form says -1. An object
whose limits are all -1 is the same as no object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rmqsync.kinds.base import Entry
from rmqsync.kinds.fields import Field
from rmqsync.model.values import JsonObject, Row

NONE = -1

LIMITS_SCHEMA: JsonObject = {
    "anyOf": [
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "array", "maxItems": 0},
    ],
    "description": "The limits as exports write them.",
}


def limit(name: str, what: str) -> Field:
    return Field(
        name,
        {"type": "integer", "description": f"{what}; negative, or left out: any number."},
        default=NONE,
    )


def finish_limits(*names: str) -> Callable[[Row], Row]:
    def finish(row: Row) -> Row:
        for name in names:
            if row[name] is None or (isinstance(row[name], int) and row[name] < 0):
                row[name] = NONE
        return row

    return finish


def set_limits(row: Row, names: Iterable[str]) -> Row:
    """Return the limits that limit something."""
    return {name: row[name] for name in names if row[name] != NONE}


def expand_limits(identity: frozenset[str]) -> Callable[[Entry], Iterable[Entry]]:
    """Return an `expand` that takes an entry without any limit for no entry."""

    def expand(entry: Entry) -> Iterable[Entry]:
        return (entry,) if entry.keys() - identity else ()

    return expand
