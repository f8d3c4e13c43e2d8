"""
Runtime parameters: how typed kinds of them are read from and written to the raw form.

The broker keeps `{vhost, component, name, value}`; people write the fields of `value` flat. Fields
of a value that no table knows, of a newer broker say, stay together under `value`: they are written
back as they came, and are a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from rmqsync.kinds.base import Entry, Problem
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import UNSET, Field, Secrecy
from rmqsync.kinds.values import closest, misfit
from rmqsync.model.findings import Severity
from rmqsync.model.values import JsonObject, Row, is_secret_reference

VALUE = "value"

REST = Field(
    VALUE,
    {
        "type": "object",
        "description": "The raw form: fields by the broker's names, also ones not known here.",
    },
    default=UNSET,
)
"""Holds what is left of a raw value once all known fields are lifted out of it."""


def lift(fields: Iterable[Field]) -> Callable[[Entry], Entry]:
    """Return a `shape` that lifts the known fields out of a raw `value`; flat ones win."""
    own = [field for field in fields if field.name != VALUE]
    names = tuple(field.name for field in own)
    objects = tuple(field.name for field in own if field.schema.get("type") == "object")

    def shape(entry: Entry) -> Entry:
        value = entry.get(VALUE)
        if not isinstance(value, dict):
            if value in (None, []):
                entry.pop(VALUE, None)
            return with_objects(entry)
        rest = dict(value)
        for name in names:
            if name in rest:
                entry.setdefault(name, rest.pop(name))
        if rest:
            entry[VALUE] = rest
        else:
            del entry[VALUE]
        return with_objects(entry)

    def with_objects(entry: Entry) -> Entry:
        for name in objects:  # Erlang writes an empty one as `[]`
            if entry.get(name) == []:
                entry[name] = {}
        return entry

    return shape


def unacknowledged(row: Row) -> str | None:
    """
    Say what a link or shovel loses that lets go of messages as soon as it gets them.

    Stopped amid 60,000 of them, a shovel lost 1,714 (3.10.8).
    """
    if row.get("ack-mode") != "no-ack":
        return None
    return "ack-mode no-ack: stopped, it loses what it has taken and not handed on yet"


def value_of(row: Row, fields: Iterable[Field]) -> Row:
    """Return the raw value of a flat row."""
    flat = {f.name: row[f.name] for f in fields if f.name != VALUE and f.name in row}
    rest = row.get(VALUE)
    return {**rest, **flat} if isinstance(rest, dict) else flat


def path_of(component: str) -> Callable[[Row], tuple[str, ...]]:
    return lambda row: ("parameters", component, row["vhost"], row["name"])


def value_body(row: Row) -> Row:
    """Return the body of the PUT of a parameter of any component, or of a global one."""
    return {VALUE: row[VALUE]}


def finish_value(row: Row) -> Row:
    """Write an empty object as the broker stores it: as a list. Inside a value it tells apart."""
    if row[VALUE] == {}:
        row[VALUE] = []
    return row


def item(component: str, row: Row, value: Any, name: str | None = None) -> Row:
    """Return the item of `parameters` in the definitions document."""
    found = row["name"] if name is None else name
    return {"vhost": row["vhost"], "component": component, "name": found, VALUE: value}


def value_problems(row: Row, fields: Iterable[Field], label: str) -> Iterable[Problem]:
    """Yield fields that nobody knows, and values that do not fit: raw ones passed no schema."""
    known = [field for field in fields if field.name != VALUE]
    rest = row.get(VALUE, {})
    if not isinstance(rest, dict):
        yield Problem("RMQ080", (VALUE,), f"the value of a {label} must be an object")
        rest = {}
    for name in rest:
        close = closest(name, (field.name for field in known))
        yield Problem(
            "RMQ081",
            (VALUE, name),
            f"no {label} is known to have a field '{name}'",
            f"did you mean '{close}'?" if close else "the broker refuses it if it does not know it",
            Severity.WARNING,
        )
    for field in known:
        if field.name in row:
            yield from _misfit(field, row[field.name])


def _misfit(field: Field, value: object) -> Iterable[Problem]:
    if is_secret_reference(value):
        return
    wanted = misfit(field.schema, value)
    if wanted:
        # What may be secret is not repeated.
        found = f"is {value!r}, must be" if field.secret is Secrecy.NONE else "must be"
        yield Problem("RMQ082", (field.name,), f"{field.name} {found} {wanted}")


def no_version(row: Row, name: str, since: tuple[int, ...], context: Context) -> Iterable[Problem]:
    """Yield a problem where a field is set that the cluster's version does not have yet."""
    if name in row and context.before(*since):
        version = ".".join(map(str, since))
        yield Problem("RMQ083", (name,), f"{name} needs RabbitMQ {version}", "leave it out")


def string(description: str) -> JsonObject:
    return {"type": "string", "description": description}
