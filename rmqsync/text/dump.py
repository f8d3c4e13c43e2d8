"""
Plain data as YAML that people would have written by hand.

An emitter of our own: PyYAML's quotes by YAML 1.1 alone, breaks long lines and knows no mixture of
block and flow style. A string is left plain only where YAML 1.1, 1.2 and editors agree on it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

WIDTH = 100
"""Flow style is for lines shorter than this; longer texts are never broken."""

FLOW_KEYS = 4
"""A mapping with more keys is written in block style."""

_MAX_SIMPLE_KEY = 128
"""Longer keys get the `? ` form; parsers may refuse them from 1,024 characters on."""

_SAFE = re.compile(r"[A-Za-z_/^$(\\+;.<\w][^\s]*(?: [^\s#]\S*)*\Z")
_NUMBER_LIKE = re.compile(r"[-+.]?[0-9.][0-9a-fA-FxXoO_.:,+\-TtZz eE]*\Z")
_UNSAFE = re.compile(r":(?:\s|\Z)|\s#|^(?:---|\.\.\.|<<)")
_UNSAFE_IN_FLOW = re.compile(r"[,\[\]{}:?]")
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"))
"""What some reader takes for anything but a string, in any spelling of its case."""

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\n": "\\n",
    "\t": "\\t",
    "\r": "\\r",
    "\0": "\\0",
}


def to_yaml(data: Any, *, header: str = "") -> str:
    """
    Return `data` as YAML text with the keys in their order.

    `header` becomes comment lines at the top. Raises `ValueError` for what JSON has no words for.
    """
    lines = [line if line.startswith("#") else f"# {line}".rstrip() for line in header.splitlines()]
    if isinstance(data, dict) and data:
        for number, (key, value) in enumerate(data.items()):
            if number and (_is_block(value) or _is_block(list(data.values())[number - 1])):
                lines.append("")
            lines += _entry(key, value, 0, 0)
    else:
        lines += _block(data, 0, 0)
    return "\n".join(lines) + "\n"


def _is_block(value: Any) -> bool:
    return isinstance(value, (dict, list)) and bool(value)


def _block(value: Any, indent: int, depth: int) -> Iterator[str]:
    """Give the lines of a value that stands by itself, indented."""
    pad = " " * indent
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry(key, inner, indent, depth)
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _item(inner, indent, depth)
    else:
        yield pad + _inline(value)


def _entry(key: str, value: Any, indent: int, depth: int) -> Iterator[str]:
    """Give the lines of one key of a mapping."""
    pad = " " * indent
    name = scalar(_checked_key(key))
    if len(name) > _MAX_SIMPLE_KEY:
        yield f"{pad}? {name}"
        name = ""
    if not _is_block(value):
        yield f"{pad}{name}: {_inline(value)}"
        return
    flow = _flow(value, WIDTH - indent - len(name) - 2)
    if flow is not None and (depth or isinstance(value, list)):
        yield f"{pad}{name}: {flow}"
        return
    yield f"{pad}{name}:"
    yield from _block(value, indent + 2, depth + 1)


def _item(value: Any, indent: int, depth: int) -> Iterator[str]:
    """Give the lines of one entry of a list: `- ` takes the place of its indentation."""
    pad = " " * indent
    # Objects of a section (depth 1) are what people read and diff: a line for each field.
    flow = _flow(value, WIDTH - indent - 2) if depth > 1 else None
    if flow is not None:
        yield f"{pad}- {flow}"
        return
    first = True
    for line in _block(value, indent + 2, depth + 1):
        yield f"{pad}- {line[indent + 2 :]}" if first else line
        first = False


def _flow(value: Any, width: int) -> str | None:
    """Return a short mapping or list of scalars on one line, `None` where it should not be."""
    if isinstance(value, dict):
        small = len(value) <= FLOW_KEYS and all(_is_flat(inner) for inner in value.values())
    else:
        small = isinstance(value, list) and not any(_is_block(inner) for inner in value)
    if not small or len(value) * 3 > width:
        return None
    text = _flow_text(value)
    return text if len(text) < width else None


def _is_flat(value: Any) -> bool:
    """Tell whether `value` is a scalar or a list of scalars."""
    return not _is_block(value) or (
        isinstance(value, list) and not any(_is_block(inner) for inner in value)
    )


def _flow_text(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (
            f"{scalar(_checked_key(key), in_flow=True)}: {_flow_text(inner)}"
            for key, inner in value.items()
        )
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow_text(inner) for inner in value) + "]"
    return scalar(value, in_flow=True)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{}"
    return "[]" if isinstance(value, list) else scalar(value)


def _checked_key(key: Any) -> str:
    if not isinstance(key, str):
        raise ValueError(f"a key that is no string: {key!r}")
    return key


def scalar(value: Any, *, in_flow: bool = False) -> str:
    """Return one scalar; `in_flow` when it stands between brackets."""
    if isinstance(value, str):
        return _string(value, in_flow)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return _float(value)
    raise ValueError(f"not plain data: {value.__class__.__name__}")


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"JSON has no {value}")
    text = repr(float(value))
    # YAML 1.1 takes `1e+300` for a string.
    return text if "." in text else text.replace("e", ".0e")


def _string(text: str, in_flow: bool) -> str:
    if not text.isprintable():
        return '"' + "".join(map(_escape, text)) + '"'
    if _is_plain(text) and not (in_flow and _UNSAFE_IN_FLOW.search(text)):
        return text
    return "'" + text.replace("'", "''") + "'"


def _is_plain(text: str) -> bool:
    return (
        _SAFE.match(text) is not None
        and not _UNSAFE.search(text)
        and not _NUMBER_LIKE.match(text)
        and text.casefold().lstrip(".") not in _WORDS
    )


def _escape(sign: str) -> str:
    if sign in _ESCAPES:
        return _ESCAPES[sign]
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
