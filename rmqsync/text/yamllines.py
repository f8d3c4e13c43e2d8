"""
YAML of the plain shape that exports and tidy people write, read line by line.

One `key: value`, `- value` or `- key: value` to a line, with nothing that needs the lines around
it to be understood. That is a third of what libyaml's events cost, since most lines come many
times. Whatever is not surely of this shape, or in any way wrong, gives `None`: `yamlevents` reads
it then, and has the say. Values in brackets are left to it too, all of them in one go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from rmqsync.text import yamlevents
from rmqsync.text.scalars import CONSTANTS, BadScalar, resolve
from rmqsync.text.yamlevents import Tree

_MAX_BLOCK_DEPTH = 40
_MAX_BRACKET_DEPTH = 50
_CACHED_LINES = 4096
_CHUNK = 1 << 20

_LINE = re.compile(r"( *+)(- )?(?:([A-Za-z_][A-Za-z0-9_.-]{0,200}+):(?= |\Z))? *+")
_BLANK_LINE = re.compile(r" *+(?:#.*)?\Z")
_END = r"(?: +#.*| *)\Z"
_SINGLE_QUOTED = re.compile(rf"'((?:[^']|'')*+)'{_END}")
_DOUBLE_QUOTED = re.compile(rf'"((?:[^"\\]|\\["\\])*+)"{_END}')
_WORD = r"(?:'[^',:]*+'|[\w/^$.][\w/^$.*#@%+()-]*+)"
_PAIR = rf"[A-Za-z_][A-Za-z0-9_.-]*+: {_WORD}"
_MAPPING = re.compile(rf"\{{((?:{_PAIR}(?:, {_PAIR})*+)?)\}}{_END}")
_LIST = re.compile(rf"\[((?:{_WORD}(?:, {_WORD})*+)?)\]{_END}")
_PLAIN = re.compile(
    # No indicator at the start; inside, no `: `, no ` #`, no white space but single-byte blanks.
    rf"((?:[\w./(^$\\+~]|-(?=[^\s:#]))(?:[^\s:#]++|:(?=\S)|#| ++(?=[^\s#]))*+){_END}"
)


_Line: TypeAlias = tuple[int, bool, str | None, int, Any]
"""Indentation, whether `- ` follows, the key, the kind of the value, the value."""

_NOTHING, _SCALAR, _PAIRS, _ITEMS, _BRACKETS = range(5)
_BLANK: _Line = (0, False, None, -1, None)
_START: _Line = (0, False, None, -1, "---")


class _Bracketed(NamedTuple):
    """A value in brackets, and where it goes."""

    node: Any
    key: Any
    line: int
    text: str


def build(text: str) -> Tree | None:  # noqa: C901 - one loop, for speed
    """Return the tree of `text`, or `None` when it is for `yamlevents` to read."""
    if "\t" in text or "\r" in text:
        return None
    cache: dict[str, _Line] = {}
    values: dict[str, Any] = {}
    lines: dict[int, int] = {}
    bracketed: list[_Bracketed] = []
    root: dict[str, Any] = {"": None}
    node: Any = root
    new: Any
    indent, is_list = -1, False
    pending: str | None = ""  # the key, just read, whose value may follow on deeper lines
    stack: list[tuple[Any, int, bool]] = []
    has_started = False
    for number, raw in enumerate(chain.from_iterable(_chunks(text)), 1):
        line = cache.get(raw)
        if line is None:
            line = _scan(raw, values)
            if line is None:
                return None
            if len(cache) >= _CACHED_LINES:
                cache.clear()
            cache[raw] = line
        if line is _BLANK:
            continue
        if line is _START:
            if stack or has_started:
                return None
            has_started = True
            continue
        column, has_dash, key, kind, value = line
        if pending is not None:
            if column > indent or (has_dash and column == indent):
                node[pending] = new = [] if has_dash else {}
                lines[id(new)] = number
                stack.append((node, indent, is_list))
                if len(stack) > _MAX_BLOCK_DEPTH:
                    return None
                node, indent, is_list = new, column, has_dash
            pending = None
        while indent > column or (indent == column and is_list is not has_dash):
            node, indent, is_list = stack.pop()
        if indent != column:
            return None
        if has_dash:
            if key is not None:
                new = {}
                lines[id(new)] = number
                node.append(new)
                stack.append((node, indent, True))
                node, indent, is_list = new, column + 2, False
            else:
                if kind == _NOTHING:
                    return None
                key = len(node)  # type: ignore[assignment]
                node.append(None)
        elif key in node:
            return None
        if kind == _SCALAR:
            node[key] = value
        elif kind == _NOTHING:
            node[key] = None
            pending = key
        elif kind == _BRACKETS:
            node[key] = None
            bracketed.append(_Bracketed(node, key, number, value))
        else:
            node[key] = new = dict(value) if kind == _PAIRS else list(value)
            lines[id(new)] = number
    if bracketed and not _fill(bracketed, lines):
        return None
    return Tree(root[""], lines)


def _chunks(text: str) -> Iterator[list[str]]:
    """Give the lines of `text`, a megabyte at a time."""
    start = 0
    while True:
        end = text.find("\n", start + _CHUNK)
        if end < 0:
            yield text[start:].split("\n")
            return
        yield text[start:end].split("\n")
        start = end + 1


def _scan(raw: str, values: dict[str, Any]) -> _Line | None:
    """Take a line apart; `None` when it is not of the plain shape."""
    found = _LINE.match(raw)
    assert found is not None
    indent, dash, key = found.groups()
    if key is None and dash is None:
        if raw == "---":
            return _START
        return _BLANK if _BLANK_LINE.match(raw) else None
    if key is not None:
        if key in CONSTANTS:
            return None
        key = values.setdefault(key, key)
    read = _value(raw[found.end() :], values)
    if read is None:
        return None
    return (len(indent), dash is not None, key, *read)


def _value(text: str, values: dict[str, Any]) -> tuple[int, Any] | None:
    plain = _PLAIN.match(text)
    if plain is not None:
        try:
            return _SCALAR, _plain(plain[1], values)
        except BadScalar:
            return None
    if not text or text[0] == "#":
        return _NOTHING, None
    if text[0] in "{[":
        return _brackets(text, values)
    if text[0] == "'":
        quoted = _SINGLE_QUOTED.match(text)
        return None if quoted is None else (_SCALAR, quoted[1].replace("''", "'"))
    if text[0] == '"':
        quoted = _DOUBLE_QUOTED.match(text)
        return None if quoted is None else (_SCALAR, re.sub(r'\\(["\\])', r"\1", quoted[1]))
    return None


def _brackets(text: str, values: dict[str, Any]) -> tuple[int, Any]:
    """Take apart what holds but words; the rest is left to `_fill`."""
    try:
        if found := _LIST.match(text):
            words = found[1].split(", ") if found[1] else ()
            return _ITEMS, tuple(_word(word, values) for word in words)
        if found := _MAPPING.match(text):
            pairs = [pair.split(": ") for pair in found[1].split(", ")] if found[1] else ()
            keys = {key for key, _ in pairs}
            if len(keys) == len(pairs) and keys.isdisjoint(CONSTANTS):
                return _PAIRS, tuple((key, _word(word, values)) for key, word in pairs)
    except BadScalar:
        pass
    return _BRACKETS, text


def _word(text: str, values: dict[str, Any]) -> Any:
    return text[1:-1] if text[0] == "'" else _plain(text, values)


def _plain(text: str, values: dict[str, Any]) -> Any:
    if text not in values:
        values[text] = resolve(text)
    return values[text]


def _fill(bracketed: list[_Bracketed], lines: dict[int, int]) -> bool:
    """Read the values in brackets as one list, an entry to a line; tells whether that went well."""
    text = "".join(f"- {value.text}\n" for value in bracketed)
    tree = yamlevents.build("", text.encode("utf-8"), max_depth=_MAX_BRACKET_DEPTH)
    found = tree.data
    if tree.findings or tree.has_duplicates or tree.has_anchors or len(found) != len(bracketed):
        return False
    for number, (value, new) in enumerate(zip(bracketed, found, strict=True), 1):
        if tree.lines.get(id(new)) != number:
            return False
        value.node[value.key] = new
    for identity, number in tree.lines.items():
        lines[identity] = bracketed[number - 1].line
    lines.pop(id(found), None)
    return True
