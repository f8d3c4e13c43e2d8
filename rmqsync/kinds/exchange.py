"""
Exchanges.

Every field takes a replacement. The broker answers a PUT of an existing exchange with 400 when
type, durable, auto_delete, internal or the alternate exchange differ, and with 204 when any other
argument does, without storing it (rabbit_exchange.erl, `assert_equivalence`). A replacement costs
the bindings on both sides and, on Khepri, the topic permissions, which are stored below the
exchange (rabbit_db_exchange.erl). Exports of 4.3 lack internal exchanges and the field itself
(rabbit_definitions.erl, `list_exchanges`), so live rows come from a listing of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds.base import Entry, Kind, Listing, Nested, Problem, Reference, Request
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import BOOLEAN, NAME, Field, OnChange
from rmqsync.kinds.names import is_broker_owned, is_predeclared, name_problems
from rmqsync.model.changes import Loss
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row

NULL_ARGUMENT = "RMQ034"
"""Code of an argument that is null."""

_REPLACE = OnChange.REPLACE
_HISTORY = "x-recent-history-length"
_HASH_PROPERTIES = ("correlation_id", "message_id", "timestamp")


def _path(row: Row) -> tuple[str, ...]:
    return ("exchanges", row["vhost"], row["name"])


def _body(row: Row) -> Row:
    return {field.name: row[field.name] for field in EXCHANGE.fields}


def _bindings_from(row: Row) -> Request:
    return Request("GET", (*_path(row), "bindings", "source"))


def _inherit(entry: Entry) -> Entry:
    return {
        "vhost": entry["vhost"],
        "destination": entry["name"],
        "destination_type": "exchange",
    }


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from name_problems(row)
    kind, arguments = row["type"], row["arguments"]
    if kind == "x-local-random" and context.before(4, 0):
        yield Problem("RMQ031", ("type",), "exchange type x-local-random needs RabbitMQ 4.0")
    if kind == "":
        yield Problem("RMQ031", ("type",), "the type is empty", "topic, direct, fanout or headers")
    elif context.exchange_types and kind not in context.exchange_types:
        yield Problem(
            "RMQ036",
            ("type",),
            f"the cluster has no exchange type '{kind}'",
            "enable the plugin that brings it, on every node",
            Severity.WARNING,
        )
    alternate = arguments.get("alternate-exchange", "")
    if alternate is not None and not isinstance(alternate, str):
        yield _argument("alternate-exchange", alternate, "the name of an exchange")
    if kind == "x-consistent-hash":
        yield from _hash_problems(arguments)
    length = arguments.get(_HISTORY, 1)
    if kind == "x-recent-history" and not _is_count(length):
        yield _argument(_HISTORY, length, "an integer, 1 or more")
    if kind == "x-delayed-message" and not isinstance(arguments.get("x-delayed-type"), str):
        yield _argument(
            "x-delayed-type", arguments.get("x-delayed-type"), "the type it has for routing"
        )
    if kind == "x-federation-upstream":
        yield Problem("RMQ033", ("type",), "x-federation-upstream is for the broker's own use")
    yield from null_arguments(arguments)


def _hash_problems(arguments: Row) -> Iterable[Problem]:
    header, by = arguments.get("hash-header", ""), arguments.get("hash-property", "message_id")
    if {"hash-header", "hash-property"} <= arguments.keys():
        yield Problem(
            "RMQ032",
            ("arguments", "hash-property"),
            "a consistent hash exchange takes hash-header or hash-property, not both",
        )
    if not isinstance(header, str):
        yield _argument("hash-header", header, "the name of a header")
    if by not in _HASH_PROPERTIES:
        yield _argument("hash-property", by, f"one of {', '.join(_HASH_PROPERTIES)}")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _argument(name: str, value: object, wanted: str) -> Problem:
    return Problem("RMQ035", ("arguments", name), f"{name} is {value!r}, must be {wanted}")


def null_arguments(arguments: Row) -> Iterable[Problem]:
    """Yield arguments that are null; the API answers 400 `null_not_allowed`."""
    for name, value in arguments.items():
        if value is None:
            yield Problem(
                NULL_ARGUMENT, ("arguments", name), f"argument {name} is null", "leave it out"
            )


def _references(row: Row) -> Iterable[Reference]:
    alternate = row["arguments"].get("alternate-exchange")
    if isinstance(alternate, str) and not is_predeclared(alternate):
        path = ("arguments", "alternate-exchange")
        yield Reference("exchange", (row["vhost"], alternate), path, strict=False)


def _never_pruned(row: Row) -> bool:
    # Users' own internal exchanges are ordinary, but plugins make some that no name tells apart:
    # never prune one that nobody declared.
    return bool(row["auto_delete"] or row["internal"])


def _goes_by_itself(row: Row) -> bool:
    return bool(row["auto_delete"])


def _spares(context: Context) -> frozenset[str]:
    # Khepri stores topic permissions below the exchange; it is an option from 3.13 on.
    return frozenset({"topic_permission"}) if context.before(3, 13) else frozenset()


EXCHANGE = Kind(
    name="exchange",
    label="exchange",
    section="exchanges",
    listing=Listing(
        "exchanges", ("vhost", "name", "type", "durable", "auto_delete", "internal", "arguments")
    ),
    rank=50,
    in_vhost=True,
    identity=(NAME,),
    fields=(
        Field(
            "type",  # plugins add types: no enum
            {"type": "string", "description": "direct, fanout, topic, headers, or a plugin's."},
            on_change=_REPLACE,
        ),
        Field(
            "durable",
            {**BOOLEAN, "description": "Survives a restart of the broker."},
            default=True,
            on_change=_REPLACE,
        ),
        Field(
            "auto_delete",
            {**BOOLEAN, "description": "Deleted when the last binding from it is removed."},
            default=False,
            on_change=_REPLACE,
        ),
        Field(
            "internal",
            {**BOOLEAN, "description": "Clients cannot publish to it, only bindings lead here."},
            default=False,
            on_change=_REPLACE,
        ),
        Field(
            "arguments",
            {"type": "object", "description": "alternate-exchange, and what the type takes."},
            default={},
            on_change=_REPLACE,
        ),
    ),
    key=itemgetter("vhost", "name"),
    nested=(Nested("bindings", "binding", _inherit),),
    check=_check,
    references=_references,
    broker_owned=is_broker_owned,
    never_pruned=_never_pruned,
    goes_by_itself=_goes_by_itself,
    loss=Loss.ROUTING,
    takes_down=frozenset({"binding", "topic_permission"}),
    hanging=("binding", _bindings_from),
    spares=_spares,
    made_in_steps=True,
    declare=declare_at(_path, _body),
    remove=remove_at(_path),
    example={
        "vhost": "shop",
        "name": "orders",
        "type": "topic",
        "durable": True,
        "auto_delete": False,
        "internal": False,
        "arguments": {"alternate-exchange": "unrouted"},
    },
)
