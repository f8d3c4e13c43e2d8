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
    long, a float a double). The cheap comparison comes first: it settles nearly every case.
    """
    return one == other and (not _has_numbers(one) or canonical(one) == canonical(other))


def _has_numbers(value: JsonValue) -> bool:
    if isinstance(value, str) or value is None:
        return False
    if isinstance(value, dict):
        return any(
            _has_numbers(v) for v in value.values() if v.__class__ is not str and v is not None
        )
    if isinstance(value, list):
        return any(_has_numbers(v) for v in value)
    return True


def is_secret_reference(value: object) -> bool:
    """Tell whether `value` is `{secret: NAME}`, the only way for a definition to name a secret."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("secret"), str)
