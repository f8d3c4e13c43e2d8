"""
Limits of a user: how many connections and channels it may have open, all vhosts together.

They live in the user's record, exports hold them under `users[].limits`. A PUT of a user and an
import merge them and never remove one (rabbit_auth_backend_internal.erl), so each has a call of its
own, and an import can carry them only together with their user.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Entry, Kind, Problem, Reference, Request
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import Field
from rmqsync.kinds.limits import (
    LIMITS_SCHEMA,
    NONE,
    expand_limits,
    finish_limits,
    limit,
    set_limits,
)
from rmqsync.model.changes import Loss
from rmqsync.model.values import Key, Row

_NAMES = ("max-connections", "max-channels")


def _key(entry: Entry) -> Key:
    return (entry["user"],)


def _path(row: Row, name: str) -> tuple[str, ...]:
    return ("user-limits", row["user"], name)


def _declare(before: Row | None, after: Row, context: Context) -> tuple[Request, ...]:
    del context
    live = dict.fromkeys(_NAMES, NONE) if before is None else before
    changed = [name for name in _NAMES if after[name] != live[name]]
    return tuple(
        Request("DELETE", _path(after, name))
        if after[name] == NONE
        else Request("PUT", _path(after, name), {runtime.VALUE: after[name]})
        for name in changed
    )


def _remove(row: Row, handles: tuple[str, ...]) -> tuple[Request, ...]:
    del handles
    return tuple(Request("DELETE", _path(row, name)) for name in set_limits(row, _NAMES))


def _check(row: Row, context: Context) -> Iterable[Problem]:
    del context
    yield from runtime.value_problems(row, _FIELDS, "user limit")


def _is_nothing(row: Row) -> bool:
    return not set_limits(row, _NAMES)


def _references(row: Row) -> Iterable[Reference]:
    yield Reference("user", (row["user"],), ("user",))


def _no_item(row: Row) -> None:
    del row


def _embed(document: dict[str, Any], row: Row) -> None:
    limits = set_limits(row, _NAMES)
    for user in document.get("users", ()) if limits else ():
        if user["name"] == row["user"]:
            user["limits"] = limits


def _describe(key: Key) -> str:
    return f"limits of user '{key[0]}'"


_FIELDS = (
    limit("max-connections", "How many connections it may have open; 0 keeps it out"),
    limit("max-channels", "How many channels it may have open"),
)

USER_LIMIT = Kind(
    name="user_limit",
    label="limits of user",
    section=None,
    rank=26,
    in_vhost=False,
    identity=(Field("user", {"type": "string", "description": "Name of the user."}),),
    fields=_FIELDS,
    key=_key,
    shape=runtime.lift(_FIELDS),
    expand=expand_limits(frozenset({"user"})),
    extra_schema={runtime.VALUE: LIMITS_SCHEMA},
    finish=finish_limits(*_NAMES),
    check=_check,
    is_nothing=_is_nothing,
    references=_references,
    loss=Loss.BEHAVIOUR,
    create_loss=Loss.ACCESS,
    update_loss=Loss.ACCESS,
    declare=_declare,
    remove=_remove,
    to_export=_no_item,
    embed_in=_embed,
    describe=_describe,
    example={"user": "billing", "max-connections": 50, "max-channels": 500},
)
