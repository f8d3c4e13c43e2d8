"""
Values of settings with the place they were written, and how an error about one is collected.

What a value must look like is said in `shapes.py`.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

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
class File:
    """One file of settings: the text, and the folder that its relative paths start from."""

    document: Document
    folder: str
    findings: list[Finding]
    """Shared by all files of one reading; grows."""
    kinds: tuple[str, ...] = ()
    """The kinds of objects there are; none: not checked."""


@dataclass(frozen=True, slots=True)
class Node:
    """One value and where it stands."""

    file: File
    path: tuple[str | int, ...]
    value: object
    children: Mapping[str, Node] | Sequence[Node] | None = None
    """Members or elements that were put together from several places; `None`: as written."""

    @property
    def name(self) -> str:
        """The path as people write it: `clusters.shanghai.endpoints[0]`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text

    def __contains__(self, key: str) -> bool:
        """Tell whether there is a member `key` that has a value."""
        return isinstance(self.value, Mapping) and self.value.get(key) is not None

    def __getitem__(self, key: str) -> Node:
        if isinstance(self.children, Mapping):
            return self.children[key]
        assert isinstance(self.value, Mapping)
        return Node(self.file, (*self.path, key), self.value[key])

    def get(self, key: str) -> Node | None:
        """Return a member that has a value."""
        if key not in self:
            return None
        return self[key]

    def members(self) -> Iterator[tuple[str, Node]]:
        """Yield the members of a mapping, in the order of the file."""
        assert isinstance(self.value, Mapping)
        for key in self.value:
            yield str(key), self[key]

    def elements(self) -> Iterator[Node]:
        """Yield the elements of a list."""
        assert isinstance(self.value, list)
        if isinstance(self.children, tuple):
            yield from self.children
            return
        for index, value in enumerate(self.value):
            yield Node(self.file, (*self.path, index), value)

    def followed_by(self, other: Node) -> Node:
        """Return one list of the elements of both."""
        elements = (*self.elements(), *other.elements())
        return Node(self.file, self.path, [node.value for node in elements], elements)

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


def merged(lower: Node, upper: Node) -> Node:
    """
    Return the mapping `lower` with the members of `upper` put over it.

    A member of `upper` without a value takes that of `lower` away, since it counts as left out.
    """
    if not isinstance(lower.value, Mapping) or not isinstance(upper.value, Mapping):
        return upper
    members = {**dict(lower.members()), **dict(upper.members())}
    return assembled(upper, members)


def assembled(node: Node, members: Mapping[str, Node]) -> Node:
    """Return a mapping that stands where `node` does, with members from anywhere."""
    values = {name: member.value for name, member in members.items()}
    return Node(node.file, node.path, values, members)
