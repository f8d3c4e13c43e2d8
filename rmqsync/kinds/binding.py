"""
Bindings, to queues and to exchanges.

All of a binding is its identity, arguments included, so there is no update. What the API needs for
a deletion is the broker's `properties_key`: for a binding without arguments it can be computed,
with arguments it holds a hash of the Erlang terms and has to be read (rabbit_mgmt_format.erl). Two
bindings may look alike in JSON and differ in the AMQP types of their arguments only: they count as
one, and are deleted together.

A routing key with `~` in it together with arguments makes every listing of bindings, and the export
of some versions, fail with 500 on 3.10 to 4.3: never sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote_plus

from rmqsync.kinds.base import Entry, Kind, Problem, Reference, Request
from rmqsync.kinds.context import Context
from rmqsync.kinds.exchange import null_arguments
from rmqsync.kinds.fields import Field
from rmqsync.kinds.names import is_predeclared, is_short_line, text_problems
from rmqsync.model.address import address, digest8
from rmqsync.model.changes import Loss, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import JsonValue, Key, Row, canonical

_LETTER = {"queue": "q", "exchange": "e"}
_WEIGHT = re.compile("0*[1-9][0-9]*")
_ATOMS = ("null", "undefined")
"""
Routing keys that the API takes for Erlang atoms in a properties key, and answers with 404: `unpack`
of rabbit_mgmt_wm_binding.erl, seen on 3.10.8, 4.0.5 and 4.3.6. Any other is unquoted there, so one
with its first letter quoted is found.
"""
_HASH = "x-consistent-hash"
_MAX_BODY_BYTES = 5000
"""POST of a binding, 4.0.4 and up (rabbit_mgmt_wm_bindings.erl)."""


def _key(entry: Entry) -> Key:
    arguments = entry.get("arguments")
    return (
        entry["vhost"],
        entry["source"],
        entry.get("destination_type", "queue"),
        entry["destination"],
        entry.get("routing_key", ""),
        canonical(arguments) if arguments else "",
    )


def _address(key: Key) -> str:
    *parts, arguments = key
    plain = address("binding", tuple(parts))
    return f"{plain}~{digest8(arguments)}" if arguments else plain


def _expand(entry: Entry) -> Iterable[Entry]:
    keys = entry.pop("routing_keys", None)
    if keys is None:
        return (entry,)
    own = [entry["routing_key"]] if "routing_key" in entry else []
    return tuple({**entry, "routing_key": key} for key in dict.fromkeys([*own, *keys]))


def _tidy(entry: Entry, row: Row, context: Context) -> Entry:
    del row, context
    arguments = entry.get("arguments")
    if arguments and "x-match" in arguments:  # how to match, then what
        entry["arguments"] = {"x-match": arguments["x-match"]} | arguments
    return entry


def _gather(entries: list[Entry]) -> list[Entry]:
    """Put the keys of bindings that differ in nothing else, and have no arguments, together."""
    found: list[Entry] = []
    keys: dict[str, list[str]] = {}
    for entry in entries:
        if "arguments" in entry:
            found.append(entry)
            continue
        key = entry.pop("routing_key", "")
        rest = canonical(entry)
        if rest not in keys:
            keys[rest] = entry["routing_keys"] = []
            found.append(entry)
        keys[rest].append(key)
    for entry in found:
        if len(entry.get("routing_keys", ())) == 1:
            (key,) = entry.pop("routing_keys")
            if key:
                entry["routing_key"] = key
    return found


def _pair(row: Row) -> tuple[str, ...]:
    # `amq.default` in a path is the exchange with the empty name; as a source it is refused.
    source = row["source"] or "amq.default"
    letter = _LETTER[row["destination_type"]]
    return ("bindings", row["vhost"], "e", source, letter, row["destination"])


def _declare(before: Row | None, after: Row, context: Context) -> tuple[Request, ...]:
    del before, context
    body = {"routing_key": after["routing_key"], "arguments": after["arguments"]}
    return (Request("POST", _pair(after), body),)


def _remove(row: Row, handles: tuple[str, ...]) -> tuple[Request, ...]:
    found = handles or (_plain_properties_key(row["routing_key"]),)
    return tuple(Request("DELETE", (*_pair(row), _as_it_is_read(one))) for one in found)


def _as_it_is_read(handle: str) -> str:
    """Return a properties key so that the API finds the binding."""
    if handle.partition("~")[0] in _ATOMS:
        return f"%{ord(handle[0]):02X}{handle[1:]}"
    return handle


def _plain_properties_key(routing_key: str) -> str:
    return quote_plus(routing_key, safe="").replace("~", "%7E") if routing_key else "~"


def _lookup(row: Row) -> Request | None:
    return Request("GET", _pair(row)) if row["arguments"] else None


def _handles(row: Row, answer: JsonValue) -> tuple[str, ...]:
    if not isinstance(answer, list):
        return ()
    wanted = (row["routing_key"], canonical(row["arguments"]))
    return tuple(
        str(found["properties_key"])
        for found in answer
        if (found["routing_key"], canonical(found["arguments"])) == wanted
    )


def _check(row: Row, context: Context) -> Iterable[Problem]:
    if row["source"] and not row["arguments"] and is_short_line(row["routing_key"]):
        return ()  # nearly all of them, and there are more of them than of anything else
    return _problems(row, context)


def _problems(row: Row, context: Context) -> Iterable[Problem]:
    key, arguments = row["routing_key"], row["arguments"]
    if row["source"] == "":
        yield Problem(
            "RMQ041", ("source",), "the default exchange takes no bindings", "every queue has its"
        )
    yield from text_problems(key, "routing_key")
    if not arguments:  # a routing key alone is never too long for the API
        return
    yield from null_arguments(arguments)
    if "~" in key:
        yield Problem(
            "RMQ042",
            ("routing_key",),
            f"routing key '{key}' holds '~' and there are arguments: such a binding breaks every "
            "listing of bindings on the broker",
            "use another routing key",
        )
    match = arguments.get("x-match")
    if match is not None and match not in ("all", "any", "all-with-x", "any-with-x"):
        yield Problem("RMQ043", ("arguments", "x-match"), f"x-match is {match!r}", "use all or any")
    size = len(canonical({"routing_key": key, "arguments": arguments}).encode())
    if size > _MAX_BODY_BYTES and not context.before(4, 0):
        yield Problem(
            "RMQ044",
            ("arguments",),
            f"{size} bytes of routing key and arguments, the broker's API takes {_MAX_BODY_BYTES}",
        )


def _check_all(rows: Rows, context: Context) -> Iterable[tuple[Key, Problem]]:
    del context
    hashing = {k for k, row in rows.get("exchange", {}).items() if row["type"] == _HASH}
    if not hashing:
        return
    first: dict[Key, Row] = {}
    for key, row in rows["binding"].items():
        if key[:2] not in hashing:
            continue
        if not _WEIGHT.fullmatch(row["routing_key"]):
            yield (
                key,
                Problem(
                    "RMQ046",
                    ("routing_key",),
                    f"'{row['routing_key']}' is no weight: on a consistent hash exchange the "
                    "routing key is how many parts of the messages the destination gets",
                    "write a whole number, 1 or more, in quotes",
                ),
            )
        other = first.setdefault(key[:4], row)
        if other is not row:
            kind, name = row["destination_type"], row["destination"]
            yield (
                key,
                Problem(
                    "RMQ045",
                    ("routing_key",),
                    f"{kind} '{name}' has two weights on exchange '{row['source']}': "
                    f"'{other['routing_key']}' and '{row['routing_key']}'",
                    "a consistent hash exchange counts one binding for each destination; keep one",
                ),
            )


def _references(row: Row) -> Iterable[Reference]:
    vhost = row["vhost"]
    if not is_predeclared(row["source"]):
        yield Reference("exchange", (vhost, row["source"]), ("source",))
    kind, name = row["destination_type"], row["destination"]
    if kind == "queue" or not is_predeclared(name):
        yield Reference(kind, (vhost, name), ("destination",))


def _broker_owned(row: Row) -> bool:
    return bool(row["source"] == "")


def _removed_first(row: Row, live: Rows) -> bool:
    # A second key for a destination of a consistent hash exchange is ignored, and stays without
    # effect when the first is removed after it (rabbit_exchange_type_consistent_hash.erl).
    source = live.get("exchange", {}).get((row["vhost"], row["source"]))
    return source is not None and bool(source["type"] == _HASH)


def _sustains(row: Row, rows: Rows) -> Ref | None:
    # Only what leads from an auto-delete exchange counts, not what leads to it (rabbit_exchange.erl
    # `maybe_auto_delete/2`).
    key = (row["vhost"], row["source"])
    source = rows.get("exchange", {}).get(key)
    return Ref("exchange", key) if source is not None and source["auto_delete"] else None


def _describe(key: Key) -> str:
    vhost, source, kind, destination, routing_key, arguments = key
    extra = f" and arguments {arguments}" if arguments else ""
    return (
        f"binding from exchange '{source}' to {kind} '{destination}' "
        f"with key '{routing_key}'{extra} in vhost '{vhost}'"
    )


_STRING = {"type": "string"}

BINDING = Kind(
    name="binding",
    label="binding",
    section="bindings",
    rank=70,
    in_vhost=True,
    identity=(
        Field("source", {**_STRING, "description": "Exchange that messages come from."}),
        Field(
            "destination_type",
            {"enum": ["queue", "exchange"], "description": "What the destination is."},
            default="queue",
        ),
        Field("destination", {**_STRING, "description": "Queue or exchange they go to."}),
        Field(
            "routing_key",
            {**_STRING, "description": "Binding key; on a topic exchange a pattern."},
            default="",
        ),
        Field(
            "arguments",
            {"type": "object", "description": "What a headers exchange matches, for one."},
            default={},
        ),
    ),
    fields=(),
    key=_key,
    expand=_expand,
    extra_schema={
        "routing_keys": {
            "type": "array",
            "items": _STRING,
            "minItems": 1,
            "description": "Short for one binding for each key.",
        }
    },
    check=_check,
    check_all=_check_all,
    references=_references,
    refers_by=("vhost", "source", "destination_type", "destination"),
    broker_owned=_broker_owned,
    loss=Loss.ROUTING,
    made_in_steps=True,
    declare=_declare,
    remove=_remove,
    lookup=_lookup,
    handles=_handles,
    describe=_describe,
    removed_first=_removed_first,
    sustains=_sustains,
    to_address=_address,
    example={
        "vhost": "shop",
        "source": "orders",
        "destination_type": "queue",
        "destination": "billing",
        "routing_key": "order.#",
        "arguments": {"x-match": "all"},
    },
    gather=_gather,
    tidy=_tidy,
)
