"""
Values of settings with the place they were written, and how an error about one is collected.

What a value must look like is said in `shapes.py`.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rmqsync.model.findings import Finding, error
from rmqsync.text.document import Document

UNKNOWN_KEY = "RMQ090"
BAD_VALUE = "RMQ091"
MISSING_KEY = "RMQ092"
TWICE = "RMQ093"
UNREADABLE = "RMQ094"


class Bad(Exception):
    """A value that cannot be used; its finding is recorded already."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One file of settings: the text, and the folder that its relative paths start from."""

    document: Document
    folder: str
    findings: list[Finding]
    """Shared by all files of one reading; grows."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands."""

    file: Settled
    path: tuple[str | int, ...]
    value: object
    children: Mapping[str, Node] | None = field(default=None)
    """The members of a mapping that was put together from several; `None`: as written."""

    @property
    def name(self) -> str:
        """The path as people write it: `clusters.shanghai.endpoints[0]`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    def __contains__(self, key: str) -> bool:
        return isinstance(self.value, Mapping) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> Node:
        if self.children is not None:
            return self.children[key]
        assert isinstance(self.value, Mapping)
        return Node(self.file, (*self.path, key), self.value[key])

    def members(self) -> Iterator[tuple[str, Node]]:
        """Yield the members of a mapping, in the order of the file."""
        assert isinstance(self.value, Mapping)
        for key in self.value:
            yield str(key), self[key]

    def elements(self) -> Iterator[Node]:
        """Yield the elements of a list."""
        assert isinstance(self.value, list)
        for index, value in enumerate(self.value):
            yield Node(self.file, (*self.path, index), value)

    def bad(
        self, message: str, hint: str | None = None, *, code: str = BAD_VALUE, key: bool = False
    ) -> Bad:
        """Record an error about this value (with `key`: about its key), to be raised or not."""
        text = f"{self.name}: {message}" if self.path else message
        place = self.file.document.locate(self.path, key=key)
        self.file.findings.append(error(code, text, place, hint=hint))
        return Bad()

    def absolute(self, path: str) -> str:
        """Return `path` as seen from the folder of the file that names it."""
        return os.path.normpath(os.path.join(self.file.folder, path))


def merged(lower: Node, upper: Node, deep: Mapping[str, object] | None = None) -> Node:
    """
    Return the mapping `lower` with the members of `upper` put over it.

    Members that `deep` names are merged in turn, with its value for them as their own `deep`; all
    others are replaced. A member of `upper` without a value takes that of `lower` away.
    """
    if not isinstance(lower.value, Mapping) or not isinstance(upper.value, Mapping):
        return upper
    children = dict(lower.members())
    for name, node in upper.members():
        if node.value is None:
            children.pop(name, None)
        elif deep is not None and name in deep and name in children:
            below = deep[name]
            assert below is None or isinstance(below, Mapping)
            children[name] = merged(children[name], node, below)
        else:
            children[name] = node
    values = {name: node.value for name, node in children.items()}
    return Node(upper.file, upper.path, values, children)
