"""
What a federation upstream says, and what a set of them may say differently for one.

Source: rabbit_federation_parameters.erl, rabbit_federation_upstream.erl. The broker refuses fields
that it does not know, and keeps values as they were written, defaults included.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Problem
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import BOOLEAN, UNSET, Field, Secrecy
from rmqsync.model.findings import Severity
from rmqsync.model.values import JsonObject, Row, is_secret_reference

URI_SCHEMA: JsonObject = {
    "anyOf": [
        {"type": "string", "minLength": 1},
        {"type": "array", "items": {"type": "string", "minLength": 1}},
    ],
    "description": "amqp:// or amqps://, or a list; {secret: NAME} where it has a password.",
}


def _number(what: str) -> JsonObject:
    return {"type": "number", "description": what}


def _option(name: str, schema: JsonObject) -> Field:
    return Field(name, schema, default=UNSET)


OPTIONS: tuple[Field, ...] = (
    _option("exchange", runtime.string("Exchange upstream; the same name as here when left out.")),
    _option("queue", runtime.string("Queue upstream; the same name as here when left out.")),
    _option("consumer-tag", runtime.string("Consumer tag of the link.")),
    _option("prefetch-count", _number("Unconfirmed messages on their way at most; 1000.")),
    _option("reconnect-delay", _number("Seconds before connecting again; 5.")),
    _option(
        "ack-mode",
        {
            "enum": ["on-confirm", "on-publish", "no-ack"],
            "description": "When the upstream lets go of a message: on-confirm loses none.",
        },
    ),
    _option("trust-user-id", {**BOOLEAN, "description": "Keep the user-id of messages."}),
    _option("max-hops", _number("Exchanges: how many links a message may take at most; 1.")),
    _option("expires", _number("Milliseconds after which the buffer upstream goes when unused.")),
    _option("message-ttl", _number("Milliseconds that a message may wait upstream.")),
    _option("bind-nowait", {**BOOLEAN, "description": "Bind upstream without waiting."}),
    _option(
        "resource-cleanup-mode",
        {
            "enum": ["default", "never"],
            "description": "Whether the buffer upstream goes with the link.",
        },
    ),
    _option(
        "channel-use-mode",
        {"enum": ["multiple", "single"], "description": "One channel, or one for each use."},
    ),
    _option(
        "queue-type",
        {
            "enum": ["classic", "quorum"],
            "description": "Type of the buffer upstream; 3.13.1 and up.",
        },
    ),
    _option("ha-policy", runtime.string("Mirroring of the buffer; gone from 3.13.1 on.")),
)

URI = Field("uri", URI_SCHEMA, secret=Secrecy.URI)

_DEFAULTS: Row = {
    "prefetch-count": 1000,
    "reconnect-delay": 5,
    "ack-mode": "on-confirm",
    "trust-user-id": False,
    "max-hops": 1,
    "bind-nowait": False,
    "resource-cleanup-mode": "default",
    "channel-use-mode": "multiple",
    "queue-type": "classic",
}


def without_defaults(row: Row, defaults: Row) -> Row:
    """Return a row without what means the same as saying nothing."""
    return {
        name: value
        for name, value in row.items()
        if not (
            name in defaults
            and value == defaults[name]
            and isinstance(value, bool) is isinstance(defaults[name], bool)
        )
    }


def one_as_list(row: Row, *names: str) -> Row:
    """Return a row in which a single URI is a list of one."""
    single = {name: [row[name]] for name in names if name in row and not _is_list(row[name])}
    return {**row, **single}


def _is_list(value: object) -> bool:
    return isinstance(value, list)


def upstream_meaning(row: Row) -> Row:
    """Return what two upstreams that do the same have in common."""
    return one_as_list(without_defaults(row, _DEFAULTS), "uri")


def version_problems(row: Row, context: Context) -> Iterable[Problem]:
    yield from runtime.no_version(row, "queue-type", (3, 13, 1), context)
    if "ha-policy" in row and context.at_least(3, 13, 1):
        yield Problem(
            "RMQ083",
            ("ha-policy",),
            "ha-policy is refused by RabbitMQ 3.13.1 and later",
            "leave it out; queue-type: quorum replicates the buffer",
        )


def uri_problems(row: Row, *names: str) -> Iterable[Problem]:
    """Yield URIs of no scheme that RabbitMQ connects to. The message does not repeat them."""
    for name in names:
        value = row.get(name)
        if value == []:
            message = f"{name} is an empty list: there is nothing to connect to"
            yield Problem("RMQ084", (name,), message, None, Severity.WARNING)
        for one in value if isinstance(value, list) else [value]:
            if one is None or is_secret_reference(one) or not isinstance(one, str):
                continue
            if not one.casefold().startswith(("amqp:", "amqps:")):
                yield Problem(
                    "RMQ084", (name,), f"{name} is no amqp:// or amqps:// URI", "amqp://host"
                )
