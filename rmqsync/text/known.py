"""Which keys a schema knows, and lists of words for messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_SAME_OBJECT = ("allOf", "anyOf", "oneOf")
_SAME_OBJECT_SINGLE = ("if", "then", "else")


def known_keys(schema: Any, root: dict[str, Any]) -> tuple[str, ...]:
    """Return the keys that a mapping may have by `schema` or what it refers to within `root`."""
    found: dict[str, None] = {}
    todo, seen = [schema], set[int]()
    while todo:
        part = todo.pop()
        if not isinstance(part, dict) or id(part) in seen:
            continue
        seen.add(id(part))
        found.update(dict.fromkeys(part.get("properties", ())))
        for keyword in _SAME_OBJECT:
            todo.extend(part.get(keyword, ()))
        todo.extend(part[keyword] for keyword in _SAME_OBJECT_SINGLE if keyword in part)
        todo.extend(part.get("dependentSchemas", {}).values())
        if isinstance(part.get("$ref"), str):
            todo.append(_referred(part["$ref"], root))
    return tuple(found)


def _referred(reference: str, root: dict[str, Any]) -> Any:
    if not reference.startswith("#"):
        return None
    node: Any = root
    for step in reference[1:].split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        node = node.get(name) if isinstance(node, dict) else None
    return node


def one_of(words: Sequence[str], joint: str) -> str:
    """Join words for a sentence; of long lists the first twelve."""
    if len(words) > 12:
        return ", ".join(words[:12]) + f" {joint} {len(words) - 12} more"
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + f" {joint} {words[-1]}"
