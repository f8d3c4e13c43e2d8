"""
YAML the way people write definitions: one object to an entry, arguments in braces.

Not PyYAML's dumper, which takes a quarter of a minute for what this writes in a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./#-]*\Z")
_CONSTANTS = frozenset(("null", "true", "false"))

Value = "str | int | bool | None | Sequence[Value] | Mapping[str, Value]"


def yaml_text(content: Mapping[str, object]) -> str:
    """Return a file with sections of entries."""
    lines: list[str] = []
    for name, value in content.items():
        if isinstance(value, list):
            lines += ["", f"{name}:", *_entries(value, "  ")]
        else:
            lines.append(f"{name}: {_flow(value)}")
    return "\n".join(lines).lstrip("\n") + "\n"


def _entries(entries: Sequence[Mapping[str, object]], indent: str) -> Iterator[str]:
    for entry in entries:
        dash = "- "
        for name, value in entry.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                yield f"{indent}{dash}{name}:"
                yield from _entries(value, indent + "    ")
            else:
                yield f"{indent}{dash}{name}: {_flow(value)}"
            dash = "  "


def _flow(value: object) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        is_plain = _PLAIN.match(value) and value not in _CONSTANTS
        return value if is_plain else "'" + value.replace("'", "''") + "'"
    return str(value)
