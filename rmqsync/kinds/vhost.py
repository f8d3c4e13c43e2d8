"""
Virtual hosts.

What is not declared is left as it is, and yet every PUT says all of it: the broker takes a missing
description or missing tags for empty ones, and from 4.1.1 a missing default queue type for that of
the node (rabbit_mgmt_wm_vhost.erl, rabbit_vhost.erl). 3.10 knows the default queue type as
`defaultqueuetype`, heeds it on creation only, and shows "undefined" where there is none. Of
`metadata` the broker stores nothing but description, tags, default queue type and deletion
protection; other keys are dropped on every version (checked on 3.10.8, 4.0.5, 4.3.6).

`tracing` is a setting of the running broker by the name of the vhost: it outlives the vhost.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Entry, Kind, Listing, Nested, Problem, Request
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import BOOLEAN, NAME, OPTIONAL, Field
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.settling import keep_optional, optional_names
from rmqsync.kinds.values import closest, mangled, unmangled
from rmqsync.model.changes import Loss
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row, same

_DEFAULT_TYPE = "default_queue_type"
_PROTECTED = "protected_from_deletion"
_IN_METADATA = ("description", "tags", _DEFAULT_TYPE, _PROTECTED)
_UNDEFINED = (None, "undefined", "")


def split_tags(tags: object) -> object:
    """Return tags as a sorted list without doubles; people and the API also write `a, b`."""
    words = tags.split(",") if isinstance(tags, str) else tags
    if not isinstance(words, list):
        return tags
    return sorted({word.strip() for word in words if isinstance(word, str) and word.strip()})


def _shape(entry: Entry) -> Entry:
    metadata = entry.get("metadata")
    if isinstance(metadata, dict):
        rest = dict(metadata)
        for name in _IN_METADATA:
            if name in rest:
                value = rest.pop(name)
                if entry.get(name) is None:
                    entry[name] = value
        entry["metadata"] = rest
    if not entry.get("metadata"):
        entry.pop("metadata", None)
    if _DEFAULT_TYPE in entry and entry[_DEFAULT_TYPE] in _UNDEFINED:
        del entry[_DEFAULT_TYPE]
    if "tags" in entry:
        entry["tags"] = split_tags(entry["tags"])
    return entry


def _finish(row: Row) -> Row:
    for name in ("description", "tags", "tracing", _PROTECTED):
        if name in row and row[name] is None:
            del row[name]
    return row


def _settle(desired: Row, live: Row, context: Context) -> Row:
    settled = keep_optional(desired, live, optional_names(VHOST.fields))
    if "metadata" in settled:
        settled = {name: value for name, value in settled.items() if name != "metadata"}
    if _PROTECTED not in live and settled.get(_PROTECTED) is False:
        settled = {name: value for name, value in settled.items() if name != _PROTECTED}
    if same(settled, live):
        return live
    is_same = context.before(4, 0) and mangled(settled.get("tags", [])) == live.get("tags")
    return live if is_same and same({**settled, "tags": live["tags"]}, live) else settled


def _declare(before: Row | None, after: Row, context: Context) -> tuple[Request, ...]:
    body: Row = {"description": after.get("description", ""), "tags": after.get("tags", [])}
    if _DEFAULT_TYPE in after:
        body[_DEFAULT_TYPE] = after[_DEFAULT_TYPE]
        if not context.at_least(3, 11, 12):
            body["defaultqueuetype"] = after[_DEFAULT_TYPE]
    if "tracing" in after:
        body["tracing"] = after["tracing"]
    path = ("vhosts", after["name"])
    put = Request("PUT", path, body)
    wanted, has = after.get(_PROTECTED), (before or {}).get(_PROTECTED, False)
    if wanted is None or wanted == has:
        return (put,)
    return (put, Request("POST" if wanted else "DELETE", (*path, "deletion", "protection")))


def _remove(row: Row, handles: tuple[str, ...]) -> tuple[Request, ...]:
    # A protected one answers 412: protection is lifted by declaring it lifted, not in passing.
    del handles
    return (Request("DELETE", ("vhosts", row["name"])),)


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from long_name_problems(row["name"], "name")
    if row.get(_PROTECTED) and context.before(4, 0, 6):
        yield Problem(
            "RMQ061",
            (_PROTECTED,),
            "protection from deletion needs RabbitMQ 4.0.6",
            "use protect: in rmqsync.yaml",
        )
    default = row.get(_DEFAULT_TYPE)
    if default is not None and context.before(3, 10, 8):
        yield Problem("RMQ062", (_DEFAULT_TYPE,), "default_queue_type needs RabbitMQ 3.10.8")
    if default is not None and default not in ("classic", "quorum", "stream"):
        close = closest(str(default), ("classic", "quorum", "stream"))
        yield Problem(
            "RMQ063",
            (_DEFAULT_TYPE,),
            f"'{default}' is no type of queue that RabbitMQ has without plugins",
            f"did you mean {close}?" if close else None,
            Severity.WARNING,
        )
    for name in row.get("metadata", ()):
        yield Problem(
            "RMQ064",
            ("metadata", name),
            f"the broker does not keep '{name}' in a vhost's metadata: it is not written",
            f"it keeps {', '.join(_IN_METADATA)}",
            Severity.WARNING,
        )


def _update_problems(live: Row, desired: Row, context: Context) -> Iterable[Problem]:
    wanted, has = desired.get(_DEFAULT_TYPE), live.get(_DEFAULT_TYPE)
    if wanted != has and context.before(3, 11):
        yield Problem(
            "RMQ065",
            (_DEFAULT_TYPE,),
            "RabbitMQ 3.10 takes default_queue_type when a vhost is created and never again; "
            f"it is {has or 'not set'} there",
            f"declare {has}" if has else "leave it out, and give queues a type of their own",
        )


def _to_export(row: Row) -> Row:
    # Top level and metadata alike: 4.2.9 and 4.3.3 read the latter, and import takes what is in
    # neither for empty.
    described = {"description": row.get("description", ""), "tags": row.get("tags", [])}
    metadata = {**described, **{n: row[n] for n in (_DEFAULT_TYPE, _PROTECTED) if n in row}}
    found = {"name": row["name"], **described, "metadata": metadata}
    return {**found, **{n: row[n] for n in (_DEFAULT_TYPE, "tracing") if n in row}}


def _tidy(entry: Entry, row: Row, context: Context) -> Entry:
    """
    Leave out what a new vhost has anyway.

    Its default queue type is the node's, and that is `classic` where all vhosts say so. `/` is
    there on a new broker, with a description.
    """
    if entry.get("tags") and context.before(3, 11):
        entry["tags"] = unmangled(entry["tags"])
    for name in ("description", "tags", "tracing", _PROTECTED):
        if not row.get(name) and (row["name"], name) != ("/", "description"):
            entry.pop(name, None)
    if row.get(_DEFAULT_TYPE) == "classic":
        others = set(context.default_queue_types.values())
        if others <= {"classic"} and context.at_least(4, 0):
            del entry[_DEFAULT_TYPE]
    return entry


def _inherit(entry: Entry) -> Entry:
    return {"vhost": entry["name"]}


VHOST = Kind(
    name="vhost",
    label="vhost",
    section="vhosts",
    listing=Listing(
        "vhosts",
        ("name", "description", "tags", _DEFAULT_TYPE, "metadata", "tracing", _PROTECTED),
    ),
    rank=10,
    in_vhost=False,
    identity=(NAME,),
    fields=(
        Field(
            "description",
            {"type": "string", "description": "What it is for."},
            default=OPTIONAL,
        ),
        Field(
            "tags",
            {
                "anyOf": [
                    {"type": "array", "items": {"type": "string"}},
                    {"type": "string"},
                ],
                "description": "A list of words in any order, or one string with commas.",
            },
            default=OPTIONAL,
        ),
        Field(
            _DEFAULT_TYPE,
            {
                "type": "string",
                "description": "classic, quorum or stream: what a queue declared without a type "
                "becomes. Left as it is when not given.",
                "examples": ["classic", "quorum", "stream"],
            },
            default=OPTIONAL,
        ),
        Field(
            "tracing",
            {**BOOLEAN, "description": "Copies of all messages to amq.rabbitmq.trace."},
            default=OPTIONAL,
        ),
        Field(
            _PROTECTED,
            {**BOOLEAN, "description": "The broker refuses to delete it; RabbitMQ 4.0.6 and up."},
            default=OPTIONAL,
        ),
        Field(
            "metadata",
            {
                "type": "object",
                "description": "The same as exports write it; what is said beside it wins.",
            },
            default=OPTIONAL,
        ),
    ),
    key=lambda entry: (entry["name"],),
    shape=_shape,
    nested=(Nested("limits", "vhost_limit", _inherit, many=False),),
    hosts_vhost_kinds=True,
    finish=_finish,
    settle=_settle,
    check=_check,
    update_problems=_update_problems,
    loss=Loss.EVERYTHING,
    parts=frozenset({"vhost_limit"}),
    made_in_steps=True,
    declare=_declare,
    remove=_remove,
    to_export=_to_export,
    example={
        "name": "shop",
        "description": "Orders and billing",
        "tags": ["business", "critical"],
        _DEFAULT_TYPE: "quorum",
        "tracing": False,
        _PROTECTED: True,
    },
    page="vhost",
    tidy=_tidy,
)
