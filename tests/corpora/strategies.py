"""Hypothesis strategies: rows of any kind, made from its field tables, that a broker could hold."""

from collections.abc import Mapping
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.context import Context
from rmqsync.kinds.credentials import secrets_in
from rmqsync.kinds.fields import Field, Presence, Secrecy
from rmqsync.kinds.secrecy import plain_secrets
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Severity
from rmqsync.model.values import Row

_ODD = [
    "/",
    "no",
    "~",
    "1:20",
    "0x10",
    "${x}",
    "$${x}",
    "订单",
    "a/b",
    "a b",
    "#",
    "*.x",
    "-",
    "%2F",
]
_TEXTS = st.one_of(st.sampled_from(["orders", "billing", *_ODD]), st.text(max_size=8))
_NAMES = _TEXTS.filter(lambda text: text != "" and not text.isspace() and "\r" not in text)
_URIS = st.sampled_from(
    ["amqp://", "amqp://host:5672/v", "amqp://me:pw@host", "amqps://me:p%40w@host/%2F?x=${y}"]
)
_SCALARS = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXTS,
)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_TEXTS, inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def clusters(draw: st.DrawFn, kind: Kind, context: Context) -> Rows:
    """Rows with some objects of `kind`, and all that these need."""
    rows: Rows = {}
    for entry in draw(st.lists(entries(kind), min_size=1, max_size=4)):
        _add(rows, kind, entry, context)
    assume(rows.get(kind.name))
    _complete(rows, context)
    return rows


@st.composite
def entries(draw: st.DrawFn, kind: Kind) -> dict[str, Any]:
    """What a broker could hold: some fields of the kind's example, a few with other values."""
    entry: dict[str, Any] = {"vhost": draw(_NAMES)} if kind.in_vhost else {}
    for one in kind.identity:
        is_name = one.schema.get("type") == "string"
        entry[one.name] = draw(_NAMES if is_name else _value(one.schema))
    fields = [one for one in kind.fields if _is_live(kind, one)]
    for one in fields:
        if one.name in kind.example and (one.default is Presence.REQUIRED or draw(st.booleans())):
            entry[one.name] = draw(_exemplary(kind, one))
    for one in draw(st.lists(st.sampled_from(fields), max_size=2)) if fields else ():
        entry[one.name] = draw(_value(one.schema))
    return entry


def _is_live(kind: Kind, one: Field) -> bool:
    """Passwords in clear, and metadata that no broker keeps, are in no live row."""
    if (kind.name, one.name) == ("vhost", "metadata"):
        return False
    return one.secret is not Secrecy.VALUE or one.may_be_plain


def _exemplary(kind: Kind, one: Field) -> st.SearchStrategy[Any]:
    example = kind.example[one.name]
    if one.secret is Secrecy.URI and one.schema.get("anyOf"):
        return st.one_of(_URIS, st.lists(_URIS, min_size=1, max_size=2))
    if next(iter(secrets_in(example)), None) is not None:
        return _JSON
    return st.just(example)


def _value(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in schema:
        return st.sampled_from(list(schema["enum"]))
    if "const" in schema:
        return st.just(schema["const"])
    if "anyOf" in schema:
        return st.one_of([_value(one) for one in schema["anyOf"]])
    low, high = schema.get("minimum", -(2**70)), schema.get("maximum", 2**70)
    match schema.get("type"):
        case "string":
            return _TEXTS
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(low, high)
        case "number":
            numbers = st.floats(low, high, allow_nan=False, allow_infinity=False)
            return st.one_of(st.integers(low, high), numbers)
        case "array":
            return st.lists(_value(schema.get("items", {})), max_size=3)
        case "object":
            own = {name: _value(one) for name, one in schema.get("properties", {}).items()}
            needed = {name: own.pop(name) for name in schema.get("required", ())}
            more = schema.get("additionalProperties", True)
            if not more or own or needed:
                return st.fixed_dictionaries(needed, optional=own)
            return st.dictionaries(_TEXTS, _value(more) if isinstance(more, dict) else _JSON)
    return _JSON


def _add(rows: Rows, kind: Kind, entry: dict[str, Any], context: Context) -> None:
    for one in kind.expand(kind.shape(entry)):
        row = kind.complete(one)
        if _is_sound(kind, row, context):
            rows.setdefault(kind.name, {})[kind.key(row)] = row


def _is_sound(kind: Kind, row: Row, context: Context) -> bool:
    if kind.broker_owned(row) or kind.is_nothing(row):
        return False
    may_be_secret = {one.name for one in kind.fields if one.secret is not Secrecy.NONE}
    if any(path[0] not in may_be_secret for path in plain_secrets(kind, row)):
        return False
    return all(problem.severity is not Severity.ERROR for problem in kind.check(row, context))


def _complete(rows: Rows, context: Context) -> None:
    """Add what the rows name, each as its kind's example under another name."""
    todo = [(KINDS[name], row) for name, found in rows.items() for row in found.values()]
    while todo:
        kind, row = todo.pop()
        needed = [(one.kind, one.key) for one in kind.references(row) if one.strict]
        if kind.in_vhost:
            needed.append(("vhost", (row["vhost"],)))
        for name, key in needed:
            target = KINDS[name]
            if key in rows.get(name, {}):
                continue
            identity = [one.name for one in target.identity]
            named = dict(zip(["vhost"] * target.in_vhost + identity, key, strict=True))
            bare = target.complete({**_required(target), **named})
            assume(_is_sound(target, bare, context) and target.key(bare) == key)
            rows.setdefault(name, {})[key] = bare
            todo.append((target, bare))


def _required(kind: Kind) -> dict[str, Any]:
    needed = {one.name for one in kind.fields if one.default is Presence.REQUIRED}
    return {name: value for name, value in kind.example.items() if name in needed}
