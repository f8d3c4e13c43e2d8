"""
Topic permissions: which routing keys a user may publish with, or bind with, on a topic exchange.

Without an entry everything is allowed, so deleting one opens access. From Khepri on they are stored
below the exchange and go with it (rabbit_khepri.hrl), and from 4.3.2 the exchange must exist;
before, they stay when it goes.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Entry, Kind, Problem, Reference
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import Field
from rmqsync.kinds.names import is_predeclared
from rmqsync.kinds.patterns import pattern_problems
from rmqsync.model.changes import Loss
from rmqsync.model.values import Key, Row

_RIGHTS = ("write", "read")


def _key(entry: Entry) -> Key:
    return (entry["vhost"], entry["user"], entry["exchange"])


def _path(row: Row) -> tuple[str, ...]:
    return ("topic-permissions", row["vhost"], row["user"])


def _path_of_one(row: Row) -> tuple[str, ...]:
    return (*_path(row), row["exchange"])


def _body(row: Row) -> Row:
    return {"exchange": row["exchange"], **{right: row[right] for right in _RIGHTS}}


def _check(row: Row, context: Context) -> Iterable[Problem]:
    for right in _RIGHTS:
        yield from pattern_problems(row[right], (right,), context)


def _references(row: Row) -> Iterable[Reference]:
    yield Reference("user", (row["user"],), ("user",))
    if not is_predeclared(row["exchange"]):
        yield Reference("exchange", (row["vhost"], row["exchange"]), ("exchange",))


def _describe(key: Key) -> str:
    vhost, user, exchange = key
    return f"topic permission of user '{user}' on exchange '{exchange}' in vhost '{vhost}'"


def _right(name: str, meaning: str) -> Field:
    description = f"Regular expression: {meaning}. {{username}}, {{vhost}}, {{client_id}} expand."
    return Field(name, {"type": "string", "description": description})


TOPIC_PERMISSION = Kind(
    name="topic_permission",
    label="topic permission",
    section="topic_permissions",
    rank=55,
    in_vhost=True,
    identity=(
        Field("user", {"type": "string", "description": "Name of the user."}),
        Field("exchange", {"type": "string", "description": "Name of a topic exchange."}),
    ),
    fields=(
        _right("write", "routing keys that may be published"),
        _right("read", "keys that may be bound with"),
    ),
    key=_key,
    check=_check,
    references=_references,
    loss=Loss.ACCESS,
    create_loss=Loss.ACCESS,
    update_loss=Loss.ACCESS,
    declare=declare_at(_path, _body),
    remove=remove_at(_path_of_one),
    describe=_describe,
    example={
        "vhost": "shop",
        "user": "billing",
        "exchange": "orders",
        "write": r"^order\.",
        "read": r"^order\.billing\.",
    },
)
