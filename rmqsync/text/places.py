"""
Where each value and key stands, to the column: built once, when something is to be said about it.

A place is `line << 32 | column`, both from 1, and a node `(place, children)`: half a million of
them have to fit into memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from rmqsync.model.findings import Origin
from rmqsync.text import codes
from rmqsync.text.yamlparser import events

Node: TypeAlias = tuple[int, Any]
"""`children` is a dict of key to `(place of the key, node)`, a list of nodes, or `None`."""


class Repeat(NamedTuple):
    """A key that a mapping has already."""

    key: str
    first: int
    again: int


class Places(NamedTuple):
    root: Node | None
    repeats: tuple[Repeat, ...]


def origin(file: str, place: int) -> Origin:
    return Origin(file, place >> 32, place & 0xFFFFFFFF)


def find(file: str, places: Places, path: Sequence[str | int], *, key: bool) -> Origin:
    """Return where `path` leads, or its nearest ancestor that the text has."""
    if places.root is None:
        return Origin(file)
    place, children = places.root
    key_place = place
    for step in path:
        if isinstance(children, dict) and step in children:
            key_place, (place, children) = children[step]
        elif (
            isinstance(children, list)
            and isinstance(step, int)
            and not isinstance(step, bool)
            and 0 <= step < len(children)
        ):
            place, children = children[step]
            key_place = place
        else:
            return origin(file, key_place)
    return origin(file, key_place if key else place)


def lines(places: Places, data: Any) -> dict[int, int]:
    """Return the line of each mapping and list of `data`, by `id()`."""
    found: dict[int, int] = {}
    todo = [] if places.root is None else [(places.root, data)]
    while todo:
        (place, children), value = todo.pop()
        if isinstance(value, dict) and isinstance(children, dict):
            found.setdefault(id(value), place >> 32)
            todo.extend((children[k][1], v) for k, v in value.items() if k in children)
        elif isinstance(value, list) and isinstance(children, list):
            found.setdefault(id(value), place >> 32)
            todo.extend(zip(children, value, strict=False))
    return found


class _Tree:
    """Puts nodes where they belong, as they come."""

    def __init__(self) -> None:
        self.root: list[Node] = []
        self.repeats: list[Repeat] = []
        self.children: Any = self.root
        self.key: tuple[str, int] | None = None
        self.stack: list[Any] = []

    @property
    def awaits_key(self) -> bool:
        return self.children.__class__ is dict and self.key is None

    def take_key(self, text: str, place: int) -> None:
        if text in self.children and len(self.repeats) < codes.MAX_FINDINGS:
            self.repeats.append(Repeat(text, self.children[text][0], place))
        self.key = (text, place)

    def add(self, node: Node) -> None:
        if self.children.__class__ is list:
            self.children.append(node)
        elif self.key is not None:
            text, place = self.key
            self.children.setdefault(text, (place, node))
            self.key = None

    def open(self, node: Node) -> None:
        if self.awaits_key:  # a list or mapping as a key: refused elsewhere
            self.key = ("", node[0])
        else:
            self.add(node)
        self.stack.append((self.children, self.key))
        self.children, self.key = node[1], None

    def close(self) -> None:
        self.children, self.key = self.stack.pop()

    def done(self) -> Places:
        return Places(self.root[0] if self.root else None, tuple(self.repeats))


def of_yaml(content: bytes) -> Places:
    """Return the places in `content`, as far as it can be read."""
    tree = _Tree()
    anchors: dict[str, tuple[Any, str]] = {}
    try:
        get_event = events(content)
        while len(tree.stack) <= codes.MAX_DEPTH:
            event = get_event()
            if isinstance(event, (DocumentEndEvent, StreamEndEvent)):
                break
            _place_event(tree, anchors, event)
    except yaml.YAMLError:
        pass  # what could be read before the error is still of use
    return tree.done()


def _place_event(tree: _Tree, anchors: dict[str, tuple[Any, str]], event: Any) -> None:
    mark = event.start_mark
    place = (mark.line + 1) << 32 | mark.column + 1
    if isinstance(event, (MappingEndEvent, SequenceEndEvent)):
        tree.close()
    elif isinstance(event, (MappingStartEvent, SequenceStartEvent)):
        children: Any = {} if isinstance(event, MappingStartEvent) else []
        if event.anchor is not None:
            anchors[event.anchor] = (children, "")
        tree.open((place, children))
    elif isinstance(event, (ScalarEvent, AliasEvent)):
        if isinstance(event, AliasEvent):
            children, text = anchors.get(event.anchor or "", (None, ""))
        else:
            children, text = None, event.value
            if event.anchor is not None:
                anchors[event.anchor] = (None, text)
        if tree.awaits_key:
            tree.take_key(text, place)
        else:
            tree.add((place, children))


_TOKEN = re.compile(
    r'[ \t\n\r]*(?:("(?:[^"\\]++|\\.)*+")|([\[{])|([\]}])|([,:])|([^\s,:\[\]{}"]+))'
)


def of_json(text: str) -> Places:
    """Return the places in the JSON `text`, as far as it can be read."""
    tree = _Tree()
    line, start, at = 1, 0, 0
    while token := _TOKEN.match(text, at):
        group = token.lastindex or 0
        begin = token.start(group)
        while (newline := text.find("\n", at, begin)) >= 0:
            line, at, start = line + 1, newline + 1, newline + 1
        place, at = line << 32 | begin - start + 1, token.end()
        if group == 1 and tree.awaits_key:
            try:
                tree.take_key(json.loads(token.group(1)), place)
            except ValueError:
                break
        elif group in (1, 5):
            tree.add((place, None))
        elif group == 2:
            tree.open((place, {} if token.group(2) == "{" else []))
            if len(tree.stack) > codes.MAX_DEPTH:
                break
        elif group == 3:
            if not tree.stack:
                break
            tree.close()
    return tree.done()
