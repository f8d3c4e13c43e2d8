"""What a broker holds, as the broker itself tells: no code of rmqsync but its addresses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pika

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.address import address
from rmqsync.model.marker import PREFIX
from tests.brokers import Broker

Snapshot = Mapping[str, Any]
"""Objects by their addresses."""

_NOT_COMPARED = {"password_hash"}  # salted anew by each run
_PARAMETERS = {"limits": "vhost_limit", "vhost-limits": "vhost_limit"}


def _in_vhost(kind: str, *fields: str) -> Callable[[dict[str, Any]], str]:
    return lambda one: address(kind, tuple(one[field] for field in ("vhost", *fields)))


def _binding(one: dict[str, Any]) -> str:
    kind = KINDS["binding"]
    return address_of(kind, kind.key(one))


def _parameter(one: dict[str, Any]) -> str:
    kind = _PARAMETERS.get(one["component"], one["component"])
    name = () if kind in _PARAMETERS.values() else (one["name"],)
    return address(kind, (one["vhost"], *name))


_ADDRESSES: Mapping[str, Callable[[dict[str, Any]], str]] = {
    "users": lambda one: address("user", (one["name"],)),
    "permissions": _in_vhost("permission", "user"),
    "topic_permissions": _in_vhost("topic_permission", "user", "exchange"),
    "global_parameters": lambda one: address("global_parameter", (one["name"],)),
    "policies": _in_vhost("policy", "name"),
    "parameters": _parameter,
    "exchanges": _in_vhost("exchange", "name"),
    "queues": _in_vhost("queue", "name"),
    "bindings": _binding,
}


def snapshot(broker: Broker) -> Snapshot:
    """Everything there is but markers and our user's rights, from the export of definitions."""
    with broker.management() as api:
        export, vhosts = api.get("definitions"), api.get("vhosts")
    return {address("vhost", (one["name"],)): said_of(one) for one in vhosts} | {
        name(one): {field: one[field] for field in one.keys() - _NOT_COMPARED}
        for section, name in _ADDRESSES.items()
        for one in export.get(section, ())
        if not (section == "global_parameters" and one["name"].startswith(PREFIX))
        and one.get("user") != broker.username
    }


def ways_out(found: Snapshot) -> set[str]:
    """Return the exchanges that policies send dead and unrouted messages to."""
    keys = ("dead-letter-exchange", "alternate-exchange")
    return {
        address("exchange", (one["vhost"], one["definition"][key]))
        for name, one in found.items()
        if name.startswith("policy:")
        for key in keys
        if key in one["definition"]
    }


def leading_on(found: Snapshot) -> set[str]:
    """Return the exchanges that are there, and from which a binding leads on."""
    sources = {
        address("exchange", (one["vhost"], one["source"]))
        for name, one in found.items()
        if name.startswith("binding:")
    }
    return sources & found.keys()


def said_of(vhost: Mapping[str, Any]) -> dict[str, str]:
    """What people say of a vhost, in the form of a PUT."""
    tags = ",".join(vhost.get("tags") or ())
    return {"description": vhost.get("description") or "", "tags": tags}


def fill(broker: Broker, queues: Iterable[tuple[str, str]], number: int) -> None:
    """Put `number` messages into each queue, by vhost and name; the broker confirms them."""
    for vhost, names in _by_vhost(queues).items():
        with pika.BlockingConnection(pika.URLParameters(broker.amqp_uri(vhost))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            lasting = pika.BasicProperties(delivery_mode=2)
            for name in names:
                for _ in range(number):
                    channel.basic_publish("", name, b"kept", lasting, mandatory=True)


def held(broker: Broker, queues: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int | None]:
    """How many messages each queue holds; `None`: there is no such queue."""
    found: dict[tuple[str, str], int | None] = {}
    for vhost, names in _by_vhost(queues).items():
        with pika.BlockingConnection(pika.URLParameters(broker.amqp_uri(vhost))) as connection:
            for name in names:
                channel = connection.channel()
                try:
                    declared = channel.queue_declare(name, passive=True)
                    found[vhost, name] = declared.method.message_count
                except pika.exceptions.ChannelClosedByBroker:
                    found[vhost, name] = None
    return found


def _by_vhost(queues: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for vhost, name in queues:
        found.setdefault(vhost, []).append(name)
    return found
