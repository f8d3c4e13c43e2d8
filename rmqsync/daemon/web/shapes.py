"""The documents that the API answers with, as JSON Schema for its OpenAPI."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

_PLAIN: dict[Any, str] = {
    str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null",
}  # fmt: skip
_ANY_JSON = {"JsonValue": Any}
"""Values of definitions may be anything."""


def reference(document: type) -> dict[str, Any]:
    """Return what stands for a document where `components` are at hand."""
    return {"$ref": f"#/components/schemas/{document.__name__}"}


def components(*documents: type) -> dict[str, Any]:
    """Return the schemas of documents and of all that is in them, by name."""
    found: dict[str, Any] = {}
    waiting = list(documents)
    while waiting:
        one = waiting.pop()
        if one.__name__ in found:
            continue
        # Not by Pydantic, which takes a TypedDict of Python 3.12 and later only.
        hints = get_type_hints(one, localns=_ANY_JSON, include_extras=True)
        found[one.__name__] = {
            "type": "object",
            "title": one.__name__,
            "properties": {name: _schema(hint) for name, hint in hints.items()},
            "required": [name for name, hint in hints.items() if get_origin(hint) != NotRequired],
        }
        waiting += [inner for hint in hints.values() for inner in _inside(hint)]
    return found


def _inside(hint: Any) -> Iterator[type]:
    if is_typeddict(hint):
        yield hint
    else:
        for inner in get_args(hint):
            yield from _inside(inner)


def _schema(hint: Any) -> dict[str, Any]:
    if hint is Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if is_typeddict(hint):
        return reference(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _schema(inner[0])
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is list:
        return {"type": "array", "items": _schema(inner[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    if origin in (Union, UnionType):
        return {"anyOf": [_schema(one) for one in inner]}
    raise TypeError(f"no schema is known for {hint}")
