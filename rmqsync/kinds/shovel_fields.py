"""
The fields of dynamic shovels: which protocol has them on which side, and since when.

Source: rabbit_shovel_parameters.erl, rabbit_amqp091_shovel.erl, rabbit_amqp10_shovel.erl and
rabbit_local_shovel.erl of 3.10 to 4.3. The broker refuses fields that the protocol does not have.
"""

from __future__ import annotations

from typing import NamedTuple

from rmqsync.kinds import runtime
from rmqsync.kinds.context import Version
from rmqsync.kinds.federation_fields import URI_SCHEMA
from rmqsync.kinds.fields import BOOLEAN, UNSET, Field, Secrecy
from rmqsync.model.values import JsonObject, Row

A, T, L = "amqp091", "amqp10", "local"
PROTOCOLS = (A, T, L)

SOURCE, DESTINATION = "src-protocol", "dest-protocol"


class Option(NamedTuple):
    """Where a field belongs."""

    side: str | None
    """The field that holds the protocol it depends on; `None`: any."""
    protocols: dict[str, Version | None]
    """Protocols that have it, and from which version on."""


def _field(name: str, schema: JsonObject) -> Field:
    return Field(name, schema, default=UNSET)


def _protocol(name: str, what: str) -> Field:
    text = f"Protocol {what}; amqp091 when left out, local from 4.2.1 on."
    return _field(name, {"enum": list(PROTOCOLS), "description": text})


def _uri(name: str, what: str) -> Field:
    description = f"{what}: {URI_SCHEMA['description']}"
    return Field(name, {**URI_SCHEMA, "description": description}, secret=Secrecy.URI)


def _object(what: str) -> JsonObject:
    return {"type": "object", "description": what}


def _texts(what: str) -> JsonObject:
    return {"type": "object", "additionalProperties": {"type": "string"}, "description": what}


def _flag(what: str) -> JsonObject:
    return {**BOOLEAN, "description": what}


_PREFETCH: JsonObject = {
    "type": "number",
    "description": "Unconfirmed messages on their way at most; 1000.",
}
_DELETE_AFTER: JsonObject = {
    "anyOf": [{"enum": ["never", "queue-length"]}, {"type": "integer", "minimum": 0}],
    "description": "The shovel deletes itself after so many messages, or as many as there were.",
}
_FORWARD = _flag("Add x-shovelled headers.")
_TIMESTAMP = _flag("Add an x-shovelled-timestamp header.")
_TEXT: JsonObject = {"type": "string"}
_COUNT: JsonObject = {"type": "number"}
_PROPERTIES: JsonObject = {
    "type": "object",
    "properties": {
        "content_type": _TEXT,
        "content_encoding": _TEXT,
        "delivery_mode": _COUNT,
        "priority": _COUNT,
        "correlation_id": _TEXT,
        "reply_to": _TEXT,
        "expiration": _TEXT,
        "message_id": _TEXT,
        "timestamp": _COUNT,
        "type": _TEXT,
        "user_id": _TEXT,
        "app_id": _TEXT,
        "cluster_id": _TEXT,
    },
    "additionalProperties": False,
    "description": "Properties set on each message; headers cannot be.",
}

FIELDS: tuple[Field, ...] = (
    _protocol(SOURCE, "to the source"),
    _uri("src-uri", "Where messages come from"),
    _field("src-queue", runtime.string("Queue to consume from; or give src-exchange.")),
    _field("src-exchange", runtime.string("Exchange to bind a queue of its own to.")),
    _field("src-exchange-key", runtime.string("Key of that binding.")),
    _field("src-queue-args", _object("Arguments to declare src-queue with.")),
    _field("src-address", runtime.string("AMQP 1.0 address of the source.")),
    _field("src-prefetch-count", _PREFETCH),
    _field("prefetch-count", _PREFETCH),
    _field("src-delete-after", _DELETE_AFTER),
    _field("delete-after", _DELETE_AFTER),
    _field(
        "src-delete-after-duration",
        {
            "type": "integer",
            "minimum": 0,
            "description": "Seconds after which the shovel deletes itself; 4.3.5 and up.",
        },
    ),
    _field("src-consumer-args", _object("Arguments of the consumer.")),
    _field("src-consumer-name", runtime.string("Tag of the consumer; 4.3 and up.")),
    _field("src-predeclared", _flag("The source is there: do not declare it; 4.0 and up.")),
    _protocol(DESTINATION, "to the destination"),
    _uri("dest-uri", "Where messages go"),
    _field("dest-queue", runtime.string("Queue to publish to; or give dest-exchange.")),
    _field("dest-queue-args", _object("Arguments to declare dest-queue with.")),
    _field("dest-exchange", runtime.string("Exchange to publish to.")),
    _field("dest-exchange-key", runtime.string("Routing key; that of the message when left out.")),
    _field("dest-address", runtime.string("AMQP 1.0 address of the destination.")),
    _field("dest-add-forward-headers", _FORWARD),
    _field("add-forward-headers", _FORWARD),
    _field("dest-add-timestamp-header", _TIMESTAMP),
    _field("add-timestamp-header", _TIMESTAMP),
    _field("dest-publish-properties", _PROPERTIES),
    _field("publish-properties", _PROPERTIES),
    _field("dest-properties", _object("AMQP 1.0 properties; ignored from 4.2 on.")),
    _field(
        "dest-application-properties",
        _texts("AMQP 1.0 application properties; ignored from 4.2 on."),
    ),
    _field(
        "dest-message-annotations", _texts("AMQP 1.0 message annotations; ignored from 4.2 on.")
    ),
    _field("dest-predeclared", _flag("The destination is there: do not declare it; 4.0 and up.")),
    _field(
        "ack-mode",
        {
            "enum": ["on-confirm", "on-publish", "no-ack"],
            "description": "When the source lets go of a message: on-confirm loses none.",
        },
    ),
    _field(
        "reconnect-delay",
        {"type": "number", "description": "Seconds before connecting again; 5."},
    ),
    _field("internal", _flag("Made and owned by another part of the broker; 4.2 and up.")),
    _field("internal_owner", _object("Whose it is; 4.2 and up.")),
    runtime.REST,
)

ALIASES = {
    "prefetch-count": "src-prefetch-count",
    "delete-after": "src-delete-after",
    "add-forward-headers": "dest-add-forward-headers",
    "add-timestamp-header": "dest-add-timestamp-header",
    "publish-properties": "dest-publish-properties",
}
"""Older names that AMQP 0.9.1 still takes. The longer one wins where both are given."""

DEFAULTS: Row = {
    SOURCE: A,
    DESTINATION: A,
    "src-exchange-key": "",
    "src-queue-args": {},
    "src-prefetch-count": 1000,
    "src-delete-after": "never",
    "src-predeclared": False,
    "dest-queue-args": {},
    "dest-add-forward-headers": False,
    "dest-add-timestamp-header": False,
    "dest-publish-properties": {},
    "dest-properties": {},
    "dest-application-properties": {},
    "dest-message-annotations": {},
    "dest-predeclared": False,
    "ack-mode": "on-confirm",
    "reconnect-delay": 5,
    "internal": False,
}

_NEW: Version = (4, 3, 0)
_BOTH: dict[str, Version | None] = {A: None, L: None}
_OLD_ONLY: dict[str, Version | None] = {A: None}
_ONE_ONLY: dict[str, Version | None] = {T: None}
_EVERY: dict[str, Version | None] = {A: None, T: None, L: None}

OPTIONS: dict[str, Option] = {
    "src-queue": Option(SOURCE, _BOTH),
    "src-exchange": Option(SOURCE, _BOTH),
    "src-exchange-key": Option(SOURCE, _BOTH),
    "src-queue-args": Option(SOURCE, _BOTH),
    "src-address": Option(SOURCE, _ONE_ONLY),
    "src-prefetch-count": Option(SOURCE, {A: None, T: None}),
    "prefetch-count": Option(SOURCE, _OLD_ONLY),
    "src-delete-after": Option(SOURCE, _EVERY),
    "delete-after": Option(SOURCE, _OLD_ONLY),
    "src-delete-after-duration": Option(SOURCE, dict.fromkeys(PROTOCOLS, (4, 3, 5))),
    "src-consumer-args": Option(SOURCE, {A: None, T: (4, 3, 3), L: None}),
    "src-consumer-name": Option(SOURCE, dict.fromkeys(PROTOCOLS, _NEW)),
    "src-predeclared": Option(SOURCE, {A: (4, 0, 0), T: _NEW, L: None}),
    "dest-queue": Option(DESTINATION, _BOTH),
    "dest-queue-args": Option(DESTINATION, _BOTH),
    "dest-exchange": Option(DESTINATION, _BOTH),
    "dest-exchange-key": Option(DESTINATION, _BOTH),
    "dest-address": Option(DESTINATION, _ONE_ONLY),
    "dest-add-forward-headers": Option(DESTINATION, _EVERY),
    "add-forward-headers": Option(DESTINATION, _OLD_ONLY),
    "dest-add-timestamp-header": Option(DESTINATION, _EVERY),
    "add-timestamp-header": Option(DESTINATION, _OLD_ONLY),
    "dest-publish-properties": Option(DESTINATION, _OLD_ONLY),
    "publish-properties": Option(DESTINATION, _OLD_ONLY),
    "dest-properties": Option(DESTINATION, _ONE_ONLY),
    "dest-application-properties": Option(DESTINATION, _ONE_ONLY),
    "dest-message-annotations": Option(DESTINATION, _ONE_ONLY),
    "dest-predeclared": Option(DESTINATION, {A: (4, 0, 0), T: _NEW, L: None}),
}

NEW_ARGUMENTS = frozenset(
    {
        "x-queue-master-locator",
        "x-delivery-limit",
        "x-quorum-target-group-size",
        "x-consumer-timeout",
        "x-consumer-disconnected-timeout",
        "x-delayed-retry-type",
        "x-delayed-retry-min",
        "x-delayed-retry-max",
    }
)
"""Queue arguments that shovels of 3.10 and 4.0 do not know, though queues may."""

PROTOCOL_SINCE: dict[str, Version | None] = {A: None, T: None, L: (4, 2, 1)}
