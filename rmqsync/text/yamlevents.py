"""
YAML to plain data through the parser's events: every legal file, and every finding in an illegal.

The loop is ours, not PyYAML's composer and constructor: it takes a sixth of their time, knows the
line of each mapping and list, and reads scalars by YAML 1.2. `places` finds exact columns later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text import codes
from rmqsync.text.scalars import TAG_PREFIX, BadScalar, resolve, resolve_tagged, shorten, show_tag
from rmqsync.text.syntax import explain
from rmqsync.text.yamlparser import events, is_too_deep

EXPANSION_FACTOR = 10
EXPANSION_FREE = 100_000
"""Aliases may make a file stand for this many times its own nodes, plus this many."""


@dataclass(slots=True)
class Tree:
    """What a text holds. `data` is of use only when there are no findings and no duplicates."""

    data: Any = None
    lines: dict[int, int] = field(default_factory=dict)
    """The line of each mapping and list, by `id()`."""
    findings: list[Finding] = field(default_factory=list)
    has_duplicates: bool = False
    """A key came twice in one mapping; `places` says where."""
    has_anchors: bool = False


class _State:
    """Where a container stands: a list, or a mapping that waits for a key."""


_LIST = _State()
_AWAITS_KEY = _State()


@dataclass(slots=True)
class _Anchor:
    value: Any
    is_open: bool = False


class _TooMany(Exception):
    """Enough findings to stop."""


class _Builder:
    """Everything about events that is rare: tags, anchors, bad keys."""

    def __init__(self, file: str, max_depth: int) -> None:
        self.file = file
        self.max_depth = max_depth
        self.tree = Tree()
        self.anchors: dict[str, _Anchor] = {}
        self.weights: dict[int, tuple[int, int]] = {}
        self.repeated = 0

    def complain(
        self, event: Any, message: str, hint: str | None = None, code: str = codes.NOT_PLAIN
    ) -> None:
        mark = event.start_mark
        place = Origin(self.file, mark.line + 1, mark.column + 1)
        self.tree.findings.append(error(code, message, place, hint=hint))
        if len(self.tree.findings) >= codes.MAX_FINDINGS:
            raise _TooMany

    def plain(self, event: Any) -> Any:
        try:
            return resolve(event.value)
        except BadScalar as bad:
            self.complain(event, bad.message, bad.hint, bad.code)
            return None

    def marked(self, event: Any) -> Any:
        """Return the value of a scalar with a tag or an anchor."""
        if event.tag is not None:
            try:
                value = resolve_tagged(event.tag, event.value)
            except BadScalar as bad:
                self.complain(event, bad.message, bad.hint, bad.code)
                value = None
        else:
            value = self.plain(event) if event.implicit[0] else event.value
        if event.anchor is not None:
            self.tree.has_anchors = True
            self.anchors[event.anchor] = _Anchor(value)
        return value

    def start(self, event: Any, node: Any, name: str) -> _Anchor | None:
        """Note the tag and the anchor of a mapping or list, if it has any."""
        if event.tag not in (None, "!", TAG_PREFIX + name):
            self.complain(
                event,
                f"the tag {show_tag(event.tag)} makes this more than plain data",
                "remove the tag",
            )
        if event.anchor is None:
            return None
        self.tree.has_anchors = True
        anchor = self.anchors[event.anchor] = _Anchor(node, is_open=True)
        return anchor

    def alias(self, event: Any, depth: int) -> Any:
        name = shorten(event.anchor)
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            self.complain(event, f"the alias *{name} has no anchor &{name} before it")
        elif anchor.is_open:
            self.complain(event, f"the alias *{name} stands inside what it stands for")
        else:
            nodes, height = self.weigh(anchor.value)
            if depth + height <= self.max_depth:
                self.repeated += nodes
                return anchor.value
            self.too_deep(event)
        return None

    def weigh(self, value: Any) -> tuple[int, int]:
        """Return how many nodes `value` stands for, and how deep they go; each is walked once."""
        if value.__class__ is not dict and value.__class__ is not list:
            return 1, 0
        known = self.weights.get(id(value))
        if known is None:
            inner = [self.weigh(v) for v in (value.values() if value.__class__ is dict else value)]
            known = 1 + sum(n for n, _ in inner), 1 + max((h for _, h in inner), default=0)
            self.weights[id(value)] = known
        return known

    def check_expansion(self) -> None:
        total, _ = self.weigh(self.tree.data)
        own = total - self.repeated
        if self.repeated and total > EXPANSION_FACTOR * max(own, 0) + EXPANSION_FREE:
            self.tree.findings.append(
                error(
                    codes.LIMIT,
                    "the aliases of this file stand for too many values: written out there would "
                    f"be {shorten(str(total), 20)}",
                    Origin(self.file),
                    hint="write the values out, or split the file",
                )
            )

    def key(self, event: Any, value: Any, node: dict[Any, Any]) -> Any:
        """Return what stands for a key that is repeated or none; the tree is of no use then."""
        if isinstance(value, str) and value in node:
            self.tree.has_duplicates = True
        elif value == "<<":
            self.complain(
                event,
                "merge keys (<<) are not part of YAML 1.2",
                "write the keys out; where a key named << is meant, quote it",
            )
        elif isinstance(event, ScalarEvent):
            shown = shorten(event.value) or "(empty)"
            quoted = shorten(event.value)
            self.complain(event, f"the key {shown} is not a string", f'quote it: "{quoted}"')
        else:
            self.complain(event, "a key must be a string")
        return object()

    def too_deep(self, event: Any) -> None:
        self.complain(
            event,
            f"mappings and lists go deeper than {self.max_depth} levels here",
            "flatten the data",
            codes.LIMIT,
        )


def build(
    file: str, content: bytes, *, max_depth: int = codes.MAX_DEPTH, unbounded: bool = False
) -> Tree:
    """
    Return the tree of `content`, which is UTF-8 without a byte order mark.

    `unbounded` is for a text that libyaml finds too deep before it tells where.
    """
    builder = _Builder(file, max_depth)
    try:
        finished = _run(builder, events(content, unbounded=unbounded))
    except yaml.YAMLError as problem:
        if not unbounded and is_too_deep(problem):
            return build(file, content, max_depth=max_depth, unbounded=True)
        builder.tree.findings.append(explain(file, problem, content))
        return builder.tree
    except _TooMany:
        return builder.tree
    if finished and builder.repeated and not builder.tree.findings:
        builder.check_expansion()
    return builder.tree


def _run(builder: _Builder, get_event: Callable[[], Any]) -> bool:  # noqa: C901 - one loop, for speed
    """Fill the builder's tree; returns False when it gave up before the end."""
    values: dict[str, Any] = {}
    strings: dict[str, str] = {}
    lines = builder.tree.lines
    roots: list[Any] = []
    node: Any = roots
    key: Any = _LIST
    stack: list[tuple[Any, Any, _Anchor | None]] = []
    max_depth = builder.max_depth
    new: Any
    while True:
        event = get_event()
        kind = event.__class__
        if kind is ScalarEvent:
            if event.tag is not None or event.anchor is not None:
                new = builder.marked(event)
            elif event.implicit[0]:
                text = event.value
                if text in values:
                    new = values[text]
                else:
                    new = values[text] = builder.plain(event)
            else:
                text = event.value
                new = strings.setdefault(text, text)
            if key is _LIST:
                node.append(new)
            elif key is not _AWAITS_KEY:
                node[key] = new
                key = _AWAITS_KEY
            elif (
                new.__class__ is str and new not in node and (new != "<<" or not event.implicit[0])
            ):
                key = new
            else:
                key = builder.key(event, new, node)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            is_mapping = kind is MappingStartEvent
            new = {} if is_mapping else []
            anchor = None
            if event.tag is not None or event.anchor is not None:
                anchor = builder.start(event, new, "map" if is_mapping else "seq")
            lines[id(new)] = event.start_mark.line + 1
            if key is _LIST:
                node.append(new)
            elif key is not _AWAITS_KEY:
                node[key] = new
                key = _AWAITS_KEY
            else:
                key = builder.key(event, new, node)
                node[object()] = new  # keeps it alive: `lines` goes by identity
            stack.append((node, key, anchor))
            if len(stack) > max_depth:
                builder.too_deep(event)
                return False
            node = new
            key = _AWAITS_KEY if is_mapping else _LIST
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            node, key, anchor = stack.pop()
            if anchor is not None:
                anchor.is_open = False
        elif kind is AliasEvent:
            new = builder.alias(event, len(stack))
            if key is _LIST:
                node.append(new)
            elif key is not _AWAITS_KEY:
                node[key] = new
                key = _AWAITS_KEY
            elif new.__class__ is str and new not in node:
                key = new
            else:
                key = builder.key(event, new, node)
        elif kind is DocumentStartEvent and roots:
            builder.complain(
                event, "a second document starts here", "put it into a file of its own", "RMQ001"
            )
            return False
        elif kind is StreamEndEvent:
            break
    if roots:
        builder.tree.data = roots[0]
    return True
