"""
Limits of a vhost: how many connections and queues there may be in it.

A runtime parameter by the fixed name `limits`, which /api/vhost-limits serves one at a time.
Once the last limit is removed there, an empty value is left behind, written `[]` or `{}`
(rabbit_vhost_limit.erl); a parameter that is deleted leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Cap, Caps, Entry, Kind, Problem, Request
from rmqsync.kinds.context import Context
from rmqsync.kinds.limits import LIMITS_SCHEMA, expand_limits, finish_limits, limit, set_limits
from rmqsync.model.changes import Loss
from rmqsync.model.values import JsonValue, Key, Row

_COMPONENT = "vhost-limits"
_PARAMETER = "limits"
_QUEUES = "max-queues"
_QUEUE = "queue"
_NAMES = ("max-connections", _QUEUES)


def _key(entry: Entry) -> Key:
    return (entry["vhost"],)


def _shape(entry: Entry) -> Entry:
    entry.pop("name", None)
    return _lift(entry)


def _declare(before: Row | None, after: Row, context: Context) -> tuple[Request, ...]:
    del context
    wanted = set_limits(after, _NAMES)
    path = ("parameters", _COMPONENT, after["vhost"], _PARAMETER)
    if wanted:
        return (Request("PUT", path, {runtime.VALUE: wanted}),)
    return () if before is None else (Request("DELETE", path),)


def _remove(row: Row, handles: tuple[str, ...]) -> tuple[Request, ...]:
    del handles
    return (Request("DELETE", ("parameters", _COMPONENT, row["vhost"], _PARAMETER)),)


def _check(row: Row, context: Context) -> Iterable[Problem]:
    del context
    yield from runtime.value_problems(row, _FIELDS, "vhost limit")


def _is_nothing(row: Row) -> bool:
    return not set_limits(row, _NAMES)


def _caps(row: Row) -> Iterable[Cap]:
    most = set_limits(row, (_QUEUES,)).get(_QUEUES)
    if isinstance(most, int):
        yield Cap(_QUEUE, most, _QUEUES)


def _question(vhost: str) -> Request:
    return Request("GET", ("parameters", _COMPONENT, vhost, _PARAMETER))


def _answer(vhost: str, answer: JsonValue) -> Row:
    value = answer.get(runtime.VALUE) if isinstance(answer, dict) else None
    return VHOST_LIMIT.complete({**(value if isinstance(value, dict) else {}), "vhost": vhost})


def _to_export(row: Row) -> Row | None:
    limits = set_limits(row, _NAMES)
    return runtime.item(_COMPONENT, row, limits, _PARAMETER) if limits else None


def _describe(key: Key) -> str:
    return f"limits of vhost '{key[0]}'"


_FIELDS = (
    limit("max-connections", "How many clients may be connected at a time; 0 keeps all out"),
    limit(_QUEUES, "How many queues there may be"),
)
_lift = runtime.lift(_FIELDS)

VHOST_LIMIT = Kind(
    name="vhost_limit",
    label="limits of vhost",
    section=None,
    component=_COMPONENT,
    rank=25,
    in_vhost=True,
    identity=(),
    fields=_FIELDS,
    key=_key,
    shape=_shape,
    expand=expand_limits(frozenset({"vhost"})),
    extra_schema={runtime.VALUE: LIMITS_SCHEMA},
    finish=finish_limits(*_NAMES),
    check=_check,
    is_nothing=_is_nothing,
    caps=Caps(frozenset({_QUEUE}), _caps, _question, _answer),
    loss=Loss.BEHAVIOUR,
    create_loss=Loss.ACCESS,
    update_loss=Loss.ACCESS,
    declare=_declare,
    remove=_remove,
    to_export=_to_export,
    describe=_describe,
    example={"vhost": "shop", "max-connections": 500, "max-queues": 2000},
)
