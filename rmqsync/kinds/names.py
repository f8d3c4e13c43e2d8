"""
Names of exchanges, queues and keys: which are the broker's own, and which it would choke on.

Source: rabbitmq-server rabbit_channel.erl (`amq.` prefix), docs/queues.md; live checks on 3.10,
4.0 and 4.3 for what plugins create.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Problem
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row

LIMIT_BYTES = 255
"""AMQP short strings: a longer name cannot be used by any client."""

_RESERVED = "amq."
_FEDERATION = "federation: "


def is_predeclared(exchange: str) -> bool:
    """Tell whether an exchange is there in every vhost without being declared."""
    return exchange == "" or exchange.startswith(_RESERVED)


def is_broker_owned(row: Row) -> bool:
    """Tell whether an exchange or a queue belongs to the broker, a plugin or one connection."""
    name = row["name"]
    if name == "" or name.startswith((_RESERVED, "amq_", _FEDERATION, "sharding: ")):
        return True
    return bool(row.get("arguments")) and "x-internal-purpose" in row["arguments"]


def is_of_federation(name: str) -> bool:
    """Tell by its name whether a federation link made an exchange or a queue upstream."""
    return name.startswith(_FEDERATION)


def is_plain_name(name: str) -> bool:
    """Tell at a glance that `name_problems` finds none; false means that it has to look."""
    return is_short_line(name) and not name.startswith((_RESERVED, "amq_", ".")) and name != ""


def name_problems(row: Row, field: str = "name") -> Iterable[Problem]:
    """Yield what the broker, or a client, could not live with in a name."""
    name = row[field]
    if name == "":
        yield Problem("RMQ021", (field,), "the name is empty", "give it a name")
    if name in (".", ".."):
        yield Problem(
            "RMQ027", (field,), f"the broker's API cannot address the name '{name}'", "rename it"
        )
    if name.startswith((_RESERVED, "amq_")):
        yield Problem(
            "RMQ022", (field,), f"names starting with 'amq.' are the broker's own: '{name}'"
        )
    if not is_short_line(name):
        yield from text_problems(name, field)


def long_name_problems(
    name: str, field: str, severity: Severity = Severity.WARNING
) -> Iterable[Problem]:
    """Yield what is wrong with a name that no AMQP frame carries: the broker bounds it nowhere."""
    if name == "":
        yield Problem("RMQ021", (field,), "the name is empty", "give it a name")
    if name in (".", ".."):
        yield Problem(
            "RMQ027", (field,), f"the broker's API cannot address the name '{name}'", "rename it"
        )
    size = len(name.encode("utf-8", "surrogatepass"))
    if size > LIMIT_BYTES:
        yield Problem(
            "RMQ023",
            (field,),
            f"{size} bytes are more than the {LIMIT_BYTES} of other names",
            "choose a shorter one",
            severity,
        )


def is_short_line(text: str) -> bool:
    """Tell at a glance that `text_problems` finds none; false means that it has to look."""
    return len(text) <= LIMIT_BYTES // 4 and text.isprintable()


def text_problems(text: str, field: str) -> Iterable[Problem]:
    """Yield what is wrong with a name or a routing key as a short string."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LIMIT_BYTES:
        yield Problem(
            "RMQ023", (field,), f"{size} bytes are more than the {LIMIT_BYTES} that AMQP allows"
        )
    if "\r" in text or "\n" in text:
        yield Problem(
            "RMQ024", (field,), f"a line break in {text!r}; the broker would strip it silently"
        )
