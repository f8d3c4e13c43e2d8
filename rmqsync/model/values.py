"""Plain data as JSON knows it, and how two such values are compared."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)
JsonObject: TypeAlias = Mapping[str, JsonValue]

Row: TypeAlias = dict[str, Any]
"""One object in normal form: identity fields and every field that has a default, by name."""

Key: TypeAlias = tuple[str, ...]
"""Identity within a kind: the vhost first where the kind lives in one, then the identity parts."""

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def canonical(value: JsonValue) -> str:
    """Return `value` as JSON text with sorted keys. Keeps `true`, `1` and `1.0` apart."""
    return _ENCODER.encode(value)


def same(one: JsonValue, other: JsonValue) -> bool:
    """
    Tell whether two values are equal, types of numbers included.

    Python holds `True == 1 == 1.0`; the broker does not (an integer argument becomes an AMQP
    long, a float a double). The cheap comparison comes first: it settles nearly every difference.
    """
    return one == other and _same_types(one, other)


def _same_types(one: Any, other: Any) -> bool:
    """Tell whether two equal values are also of equal types, at any depth."""
    if one.__class__ is not other.__class__:
        return False
    if isinstance(one, dict):
        for name, value in one.items():
            there = other[name]
            if value.__class__ is not there.__class__:
                return False
            if value.__class__ in _CONTAINERS and not _same_types(value, there):
                return False
    elif isinstance(one, list):
        return all(map(_same_types, one, other))
    return True


_CONTAINERS = (dict, list)


def is_secret_reference(value: object) -> bool:
    """Tell whether `value` is `{secret: NAME}`, the only way for a definition to name a secret."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("secret"), str)
