"""
Dynamic shovels.

A change restarts the shovel, a deletion stops it. One that deletes itself when it is done removes
its own parameter: made again, it copies the messages again. Made before its queues exist it
declares them itself, as classic ones, so shovels come last.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Kind, Problem, Reference
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.federation_fields import one_as_list, uri_problems, without_defaults
from rmqsync.kinds.fields import NAME
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.queue_arguments import ARGUMENTS
from rmqsync.kinds.settling import settle_by_meaning
from rmqsync.kinds.shovel_fields import (
    ALIASES,
    DEFAULTS,
    DESTINATION,
    FIELDS,
    NEW_ARGUMENTS,
    OPTIONS,
    PROTOCOL_SINCE,
    SOURCE,
    A,
    L,
    T,
)
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row

_COMPONENT = "shovel"


def _body(row: Row) -> Row:
    return {runtime.VALUE: runtime.value_of(row, FIELDS)}


def _meaning(row: Row) -> Row:
    plain = {name: value for name, value in row.items() if name not in ALIASES}
    for short, name in ALIASES.items():
        if short in row:
            plain.setdefault(name, row[short])
    return one_as_list(without_defaults(plain, DEFAULTS), "src-uri", "dest-uri")


def _goes_by_itself(row: Row) -> bool:
    after = row.get("src-delete-after", row.get("delete-after", "never"))
    return after != "never" or "src-delete-after-duration" in row


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from long_name_problems(row["name"], "name")
    yield from runtime.value_problems(row, FIELDS, "shovel")
    yield from uri_problems(row, "src-uri", "dest-uri")
    yield from _protocol_problems(row, context)
    yield from _source_problems(row)
    yield from _destination_problems(row)
    yield from _self_deletion_problems(row, context)
    yield from _argument_problems(row, context)
    for name in ("internal", "internal_owner"):
        yield from runtime.no_version(row, name, (4, 2), context)


def _protocol_problems(row: Row, context: Context) -> Iterable[Problem]:
    for side in (SOURCE, DESTINATION):
        since = PROTOCOL_SINCE.get(row.get(side, A))
        if since is not None and context.before(*since):
            version = ".".join(map(str, since))
            yield Problem("RMQ083", (side,), f"{side} {row[side]} needs RabbitMQ {version}")
    for name, option in OPTIONS.items():
        if name not in row or option.side is None:
            continue
        protocol = row.get(option.side, A)
        if protocol not in option.protocols:
            takers = " and ".join(option.protocols)
            yield Problem(
                "RMQ088",
                (name,),
                f"a shovel with {option.side} {protocol} does not take {name}",
                f"{takers} does",
            )
            continue
        since = option.protocols[protocol]
        if since is not None:
            yield from runtime.no_version(row, name, since, context)


def _source_problems(row: Row) -> Iterable[Problem]:
    if row.get(SOURCE, A) == T:
        if "src-address" not in row:
            yield Problem("RMQ088", (SOURCE,), "a shovel from amqp10 wants src-address")
        return
    given = [name for name in ("src-queue", "src-exchange") if name in row]
    if not given:
        yield Problem("RMQ088", ("src-uri",), "a shovel wants src-queue or src-exchange")
    elif len(given) > 1:
        yield Problem(
            "RMQ088", ("src-exchange",), "src-queue and src-exchange exclude each other", "keep one"
        )


def _destination_problems(row: Row) -> Iterable[Problem]:
    if row.get(DESTINATION, A) == T:
        if "dest-address" not in row:
            yield Problem("RMQ088", (DESTINATION,), "a shovel to amqp10 wants dest-address")
    elif "dest-queue" in row and "dest-exchange" in row:
        yield Problem(
            "RMQ088",
            ("dest-exchange",),
            "dest-queue and dest-exchange exclude each other",
            "keep one",
        )


def _self_deletion_problems(row: Row, context: Context) -> Iterable[Problem]:
    name = "src-delete-after" if "src-delete-after" in row else "delete-after"
    after = row.get(name, "never")
    is_lenient = row.get(SOURCE) == T and context.before(4, 1, 4)
    if isinstance(after, int) and row.get("ack-mode") == "no-ack" and not is_lenient:
        yield Problem(
            "RMQ088", (name,), f"ack-mode no-ack cannot be counted: {name} {after} is refused"
        )
    if row.get(SOURCE) == T and after == "queue-length" and context.at_least(4, 1, 4):
        yield Problem("RMQ088", (name,), "queue-length cannot be asked for over amqp10", "a number")


def _argument_problems(row: Row, context: Context) -> Iterable[Problem]:
    if not context.before(4, 1):
        return
    for field in ("src-queue-args", "dest-queue-args"):
        found = row.get(field)
        for name in found if isinstance(found, dict) else ():
            if name not in ARGUMENTS or name in NEW_ARGUMENTS:
                yield Problem(
                    "RMQ088",
                    (field, name),
                    f"RabbitMQ 4.0 and before refuse the argument {name} in a shovel",
                    "declare the queue itself; a shovel then needs no arguments for it",
                )


def _references(row: Row) -> Iterable[Reference]:
    # Only a local shovel is sure to mean objects of its own vhost: the others name them by URI.
    vhost = row["vhost"]
    for side, names in (
        (SOURCE, (("src-queue", "queue"), ("src-exchange", "exchange"))),
        (DESTINATION, (("dest-queue", "queue"), ("dest-exchange", "exchange"))),
    ):
        for name, kind in names if row.get(side) == L else ():
            if isinstance(row.get(name), str) and row[name]:
                yield Reference(kind, (vhost, row[name]), (name,), strict=False)


def _in_flight(row: Row) -> str | None:
    """
    Say what stopping it loses.

    Its queue at a source exchange is exclusive (rabbit_amqp091_shovel.erl `decl_fun`): seen to go
    with 1,422 to 1,725 confirmed messages on 3.10.8, 4.0.5 and 4.3.6, whatever the `ack-mode`.
    """
    if row.get("src-exchange"):
        return (
            "it takes from an exchange: stopped, it loses its own queue there and all that is in it"
        )
    return runtime.unacknowledged(row)


def _broker_owned(row: Row) -> bool:
    return row.get("internal") is True


def _to_export(row: Row) -> Row:
    return runtime.item(_COMPONENT, row, runtime.value_of(row, FIELDS))


SHOVEL = Kind(
    name="shovel",
    label="shovel",
    section="shovels",
    component=_COMPONENT,
    rank=80,
    in_vhost=True,
    identity=(NAME,),
    fields=FIELDS,
    key=itemgetter("vhost", "name"),
    shape=runtime.lift(FIELDS),
    settle=settle_by_meaning(_meaning),
    check=_check,
    references=_references,
    broker_owned=_broker_owned,
    goes_by_itself=_goes_by_itself,
    starts_over=True,
    loses_in_flight=_in_flight,
    loss=Loss.BEHAVIOUR,
    declare=declare_at(runtime.path_of(_COMPONENT), _body),
    remove=remove_at(runtime.path_of(_COMPONENT)),
    to_export=_to_export,
    example={
        "vhost": "shop",
        "name": "orders-to-archive",
        "src-protocol": "amqp091",
        "src-uri": {"secret": "shop_uri"},
        "src-queue": "orders",
        "src-queue-args": {"x-queue-type": "quorum"},
        "src-prefetch-count": 500,
        "src-delete-after": "never",
        "dest-protocol": "amqp091",
        "dest-uri": {"secret": "archive_uri"},
        "dest-exchange": "archive",
        "dest-exchange-key": "orders",
        "dest-add-forward-headers": True,
        "dest-publish-properties": {"delivery_mode": 2},
        "ack-mode": "on-confirm",
        "reconnect-delay": 10,
    },
)
