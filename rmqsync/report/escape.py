"""
What others wrote (names, values, reasons), made safe to show.

A broker's names may hold anything: escape sequences that rewrite a terminal, line ends that forge
lines of a report, signs that turn the reading direction round, markup, mentions of people.
"""

from __future__ import annotations

import html as stdlib_html
import json
import re
from collections.abc import Sequence

from rmqsync.model.values import JsonValue
from rmqsync.report.document import SENSITIVE

_PLAIN_STEP = re.compile(r"[A-Za-z0-9_-]+\Z")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_MARKDOWN = re.compile(r"[\\`*_{}\[\]<>|~&$^]|:(?=\S)|^[#+\-=.:!]")
_MENTION = re.compile(r"([@#!%])(?=\w)")
_BACKTICKS = re.compile("`+")
_VALUES = json.JSONEncoder(ensure_ascii=False)

_JOINER = "\u200b"
"""Of no width: keeps forges from reading `@name` and `#1` as people and issues."""


def visible(text: str) -> str:
    """Return `text` on one line, everything that cannot be seen shown as an escape."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    code = ord(one)
    if one in _SHORT:
        return _SHORT[one]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def path(steps: Sequence[str | int]) -> str:
    """Return the path of a field: `arguments.x-max-length`, `value["a.b"][0]`."""
    text = ""
    for step in steps:
        if isinstance(step, str) and _PLAIN_STEP.match(step):
            text += f".{step}" if text else step
        else:
            text += f"[{value(step)}]"
    return text


def value(one: JsonValue) -> str:
    """Return a value as JSON on one line; a secret says only that it is one."""
    return "(sensitive value)" if one == SENSITIVE else visible(_VALUES.encode(one))


def shortened(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def markdown(text: str) -> str:
    """Return `text` as Markdown that shows just that: no markup, no HTML, nobody mentioned."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", visible(text))
    return _MENTION.sub(rf"\1{_JOINER}", escaped)


def code_span(text: str) -> str:
    """Return `text` as code within a line, not for tables."""
    shown = visible(text)
    fence = "`" * (1 + longest_backticks(shown))
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def markdown_html(text: str) -> str:
    """Return `text` for an HTML element within Markdown, where mentions still count."""
    return _MENTION.sub(rf"\1{_JOINER}", html(text))


def longest_backticks(text: str) -> int:
    return max((len(run) for run in _BACKTICKS.findall(text)), default=0)


def html(text: str) -> str:
    """Return `text` for HTML and XML, in elements and attributes."""
    return stdlib_html.escape(visible(text))


def workflow_message(text: str) -> str:
    """Return `text` as the message of a workflow command; it may have several lines."""
    lines = (visible(line) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def workflow_property(text: str) -> str:
    """Return `text` as the value of a property of a workflow command."""
    return visible(text).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")
