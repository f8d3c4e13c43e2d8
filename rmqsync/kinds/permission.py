"""
Permissions: what a user may configure, write and read in a vhost.

Each is a regular expression, searched for unanchored in the name of the resource; the empty one
matches nothing (rabbit_auth_backend_internal.erl). Having an entry at all is access to the vhost.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Entry, Kind, Problem, Reference
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import Field
from rmqsync.kinds.patterns import pattern_problems
from rmqsync.model.changes import Loss
from rmqsync.model.values import Key, Row

RIGHTS = ("configure", "write", "read")


def _key(entry: Entry) -> Key:
    return (entry["vhost"], entry["user"])


def _path(row: Row) -> tuple[str, ...]:
    return ("permissions", row["vhost"], row["user"])


def _body(row: Row) -> Row:
    return {right: row[right] for right in RIGHTS}


def _check(row: Row, context: Context) -> Iterable[Problem]:
    for right in RIGHTS:
        yield from pattern_problems(row[right], (right,), context)


def _references(row: Row) -> Iterable[Reference]:
    yield Reference("user", (row["user"],), ("user",))


def _describe(key: Key) -> str:
    return f"permission of user '{key[1]}' in vhost '{key[0]}'"


def _right(name: str, meaning: str) -> Field:
    return Field(name, {"type": "string", "description": f"Regular expression: {meaning}."})


PERMISSION = Kind(
    name="permission",
    label="permission",
    section="permissions",
    rank=30,
    in_vhost=True,
    identity=(Field("user", {"type": "string", "description": "Name of the user."}),),
    fields=(
        _right("configure", "what may be declared and deleted"),
        _right("write", "what may be published and bound to"),
        _right("read", "what may be consumed, and bound from"),
    ),
    key=_key,
    check=_check,
    references=_references,
    loss=Loss.ACCESS,
    update_loss=Loss.ACCESS,
    declare=declare_at(_path, _body),
    remove=remove_at(_path),
    describe=_describe,
    example={
        "vhost": "shop",
        "user": "billing",
        "configure": "",
        "write": r"^ex\.order\.",
        "read": r"^qu\.order\.billing$",
    },
)
