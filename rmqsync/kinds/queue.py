"""
Queues and streams.

All properties are immutable: the broker answers 400 to a PUT with other properties, 204 with other
arguments of which no type knows, and an import skips a queue that exists, whatever it looks like
(rabbit_amqqueue.erl `assert_equivalence`, rabbit_definitions.erl `add_queue_int`).

A queue that is declared without a type gets the vhost's default type where it has one and the queue
can be of it, else, from 3.13.4 where the vhost has a default and from 4.0 always, `classic`; the
broker stores that as `x-queue-type` (rabbit_amqqueue.erl `augment_declare_args`). An untyped queue
therefore equals what the broker made of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds.base import Entry, Kind, Nested, Problem, Reference, Request
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.exchange import null_arguments
from rmqsync.kinds.fields import BOOLEAN, NAME, Field, OnChange
from rmqsync.kinds.names import (
    is_broker_owned,
    is_plain_name,
    is_predeclared,
    name_problems,
)
from rmqsync.kinds.queue_arguments import argument_problems
from rmqsync.model.changes import Loss
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row, same

_REPLACE = OnChange.REPLACE
TYPE = "x-queue-type"
TYPES = ("classic", "quorum", "stream")
_TRANSIENT_QUEUES = "transient_nonexcl_queues"
_SUBSCRIPTIONS = ("mqtt-subscription-", "stomp-subscription-")


def _shape(entry: Entry) -> Entry:
    # Exports of 4.2.9 and 4.3.3 on repeat the type as a field; people write it for short.
    if "type" in entry:
        kind = entry.pop("type")
        arguments = entry.get("arguments")
        if kind is not None and (not arguments or TYPE not in arguments):
            entry["arguments"] = {TYPE: kind, **(arguments or {})}
        elif kind is not None and arguments and arguments[TYPE] not in (kind, None):
            # No type at all, so that the check says so where both are written.
            entry["arguments"] = {**arguments, TYPE: f"{kind} and {arguments[TYPE]} at once"}
    return entry


def _tidy(entry: Entry, row: Row, context: Context) -> Entry:
    """
    Write the type short, and where leaving it out would give another one.

    From 4.0 on the broker stores a type with every queue, so a plain `classic` goes without saying
    where that is what an untyped queue gets. Before, a queue has the argument or not, and imports
    take no notice of a vhost's default while declarations do: an untyped queue that a declaration
    would give another type is written as `classic`, which it is.
    """
    arguments = row["arguments"]
    own = arguments.get(TYPE)
    untyped = {**row, "arguments": {n: v for n, v in arguments.items() if n != TYPE}}
    given = queue_type(untyped, context)
    if TYPE not in arguments:
        return _typed(entry, "classic") if given != "classic" else entry
    if own not in TYPES:
        return entry
    arguments = {n: v for n, v in entry.pop("arguments").items() if n != TYPE}
    if arguments:
        entry["arguments"] = arguments
    is_plain = own == given == "classic" and context.at_least(4, 0)
    return entry if is_plain else _typed(entry, own)


def _typed(entry: Entry, kind: str) -> Entry:
    typed: Entry = {name: entry[name] for name in ("vhost", "name") if name in entry}
    typed["type"] = kind
    return typed | entry


def _path(row: Row) -> tuple[str, ...]:
    return ("queues", row["vhost"], row["name"])


def _body(row: Row) -> Row:
    return {field.name: row[field.name] for field in QUEUE.fields}


def _remove_if_unused(row: Row) -> tuple[Request, ...] | None:
    # Quorum queues refuse the conditions, streams ignore them and lose the data
    # (rabbit_quorum_queue.erl, rabbit_stream_queue.erl `delete/4`).
    if row["arguments"].get(TYPE, "classic") != "classic":
        return None
    query = (("if-empty", "true"), ("if-unused", "true"))
    return (Request("DELETE", _path(row), query=query),)


def _loss_free_when_empty(row: Row) -> bool:
    # Counts of streams lag and prove nothing: a passive declare answers 0 for seconds.
    return not _is_stream(row)


def _is_stream(row: Row) -> bool:
    return bool(row["arguments"].get(TYPE, "classic") == "stream")


def _inherit(entry: Entry) -> Entry:
    return {"vhost": entry["vhost"], "destination": entry["name"], "destination_type": "queue"}


def queue_type(row: Row, context: Context) -> str:
    """Return the type a queue has or gets: its own, else the vhost's default, else classic."""
    own = row["arguments"].get(TYPE)
    if isinstance(own, str) and own:
        return own
    default = context.default_queue_types.get(row["vhost"], "classic")
    return default if row["durable"] and not row["auto_delete"] else "classic"


def _settle(desired: Row, live: Row, context: Context) -> Row:
    mine, theirs = desired["arguments"], live["arguments"]
    if TYPE in mine:
        if mine[TYPE] != "classic" or TYPE in theirs:
            return desired
        # Absent counts as classic when the broker compares (rabbit_amqqueue.erl).
        settled = {**desired, "arguments": {k: v for k, v in mine.items() if k != TYPE}}
    elif TYPE in theirs:
        if theirs[TYPE] not in ("classic", queue_type(desired, context)):
            return desired
        settled = {**desired, "arguments": {**mine, TYPE: theirs[TYPE]}}
    else:
        return desired
    return live if same(settled, live) else settled


def _check(row: Row, context: Context) -> Iterable[Problem]:
    is_simple = row["durable"] and not row["auto_delete"] and not row["arguments"]
    if is_simple and is_plain_name(row["name"]):
        return ()
    return _problems(row, context)


def _problems(row: Row, context: Context) -> Iterable[Problem]:
    yield from name_problems(row)
    kind = queue_type(row, context)
    if kind != "classic":
        if not row["durable"]:
            yield Problem("RMQ055", ("durable",), f"a {kind} queue is always durable")
        if row["auto_delete"]:
            yield Problem("RMQ055", ("auto_delete",), f"a {kind} queue cannot be auto_delete")
    elif not row["durable"] and context.at_least(4, 3) and not context.permits(_TRANSIENT_QUEUES):
        yield Problem(
            "RMQ056",
            ("durable",),
            "RabbitMQ 4.3 denies transient queues that are not exclusive, unless its "
            "configuration permits them",
            "make it durable",
            Severity.WARNING,
        )
    if row["arguments"]:
        yield from null_arguments(row["arguments"])
        yield from argument_problems(kind, row["arguments"], context)


def _references(row: Row) -> Iterable[Reference]:
    target = row["arguments"].get("x-dead-letter-exchange")
    if isinstance(target, str) and not is_predeclared(target):
        path = ("arguments", "x-dead-letter-exchange")
        yield Reference("exchange", (row["vhost"], target), path, strict=False)


def _never_pruned(row: Row) -> bool:
    return bool(row["auto_delete"] or row["name"].startswith(_SUBSCRIPTIONS))


def _goes_by_itself(row: Row) -> bool:
    # With x-expires once it was unused for so long; a policy may say so as well.
    return _never_pruned(row) or "x-expires" in row["arguments"]


QUEUE = Kind(
    name="queue",
    label="queue",
    section="queues",
    rank=60,
    in_vhost=True,
    identity=(NAME,),
    fields=(
        Field(
            "durable",
            {**BOOLEAN, "description": "Survives a restart of the broker."},
            default=True,
            on_change=_REPLACE,
        ),
        Field(
            "auto_delete",
            {**BOOLEAN, "description": "Deleted when the last consumer goes."},
            default=False,
            on_change=_REPLACE,
        ),
        Field(
            "arguments",
            {"type": "object", "description": "x-queue-type, x-message-ttl and so on."},
            default={},
            on_change=_REPLACE,
        ),
    ),
    key=itemgetter("vhost", "name"),
    shape=_shape,
    nested=(Nested("bindings", "binding", _inherit),),
    extra_schema={
        "type": {
            "enum": list(TYPES),
            "description": "Short for the argument x-queue-type.",
        }
    },
    settle=_settle,
    check=_check,
    references=_references,
    broker_owned=is_broker_owned,
    never_pruned=_never_pruned,
    goes_by_itself=_goes_by_itself,
    loss=Loss.MESSAGES,
    takes_down=frozenset({"binding"}),
    remove_if_unused=_remove_if_unused,
    is_counted=True,
    loss_free_when_empty=_loss_free_when_empty,
    keeps_what_is_read=_is_stream,
    made_in_steps=True,
    declare=declare_at(_path, _body),
    remove=remove_at(_path),
    example={
        "vhost": "shop",
        "name": "billing",
        "durable": True,
        "auto_delete": False,
        "arguments": {TYPE: "quorum", "x-delivery-limit": 5},
    },
    tidy=_tidy,
)
