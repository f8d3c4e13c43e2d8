"""
How many values a text holds: the bound on memory, which the length in bytes alone is not.

`[],` is three bytes and takes two hundred in memory, so a file that is not too long could fill
any machine. No text that is short, or that has few of the signs that part values, is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text import codes
from rmqsync.text.syntax import place
from rmqsync.text.yamlparser import events

_BYTES_OF_A_VALUE = 2
"""The least, with what parts it from the next: `1,` in a list."""

_YAML_SIGNS = b"-?:,[{"
_JSON_SIGNS = b",[{"
_JSON_TOKEN = re.compile(r'"(?:[^"\\]++|\\[\s\S])*+"?|[\[{,]')
"""Strings as in `jsontext`, also one that never ends."""


def too_many(file: str, text: str, content: bytes, *, is_json: bool) -> Finding | None:
    """Return a finding, at the first value too many, for a text of more than `MAX_VALUES`."""
    if len(content) <= codes.MAX_VALUES * _BYTES_OF_A_VALUE:
        return None
    # Each value but the first comes right after one of these signs, which also stand elsewhere.
    if sum(map(content.count, _JSON_SIGNS if is_json else _YAML_SIGNS)) < codes.MAX_VALUES:
        return None
    where = _in_json(file, text) if is_json else _in_yaml(file, content)
    if where is None:
        return None
    return error(
        codes.LIMIT,
        f"the file holds more than {codes.MAX_VALUES:,} values",
        where,
        hint="split it",
    )


def _in_json(file: str, text: str) -> Origin | None:
    count = 1
    for token in _JSON_TOKEN.finditer(text):
        if text[token.start()] != '"':
            count += 1
            if count > codes.MAX_VALUES:
                return place(file, text, token.start())
    return None


def _in_yaml(file: str, content: bytes) -> Origin | None:
    count = 0
    try:
        for event in _values(content):
            count += 1
            if count > codes.MAX_VALUES:
                return Origin(file, event.start_mark.line + 1, event.start_mark.column + 1)
    except yaml.YAMLError:
        pass  # told by the reader, which stops there too
    return None


def _values(content: bytes) -> Iterator[Any]:
    """Yield the start of each value; keys are none. Raises `yaml.YAMLError`."""
    get_event = events(content)
    stack: list[bool | None] = []
    is_key: bool | None = None  # whether the next is; None: not in a mapping
    while True:
        event = get_event()
        kind = event.__class__
        if kind is MappingEndEvent or kind is SequenceEndEvent:
            is_key = stack.pop()
        elif kind is StreamEndEvent:
            return
        elif kind in _STARTS:
            if not is_key:
                yield event
            is_key = None if is_key is None else not is_key
            if kind is not ScalarEvent and kind is not AliasEvent:
                stack.append(is_key)
                is_key = True if kind is MappingStartEvent else None


_STARTS = frozenset((ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent))
