"""
Walks a layer folder: which files are definitions, and where links lead.

Works on any `Tree`, so that a folder and a revision answer alike. Paths are relative to the root of
the repository, with `/`; the root is the empty path. Files and folders whose name starts with a dot
are left out. A link counts by its own name, and may lead to a file or folder of the same
repository; a folder that would be read twice in one layer is an error, for all in it would be too.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple, Protocol

from rmqsync.model.findings import Finding
from rmqsync.repo import files
from rmqsync.repo.local import reason


class Sort(Enum):
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    REPOSITORY = "repository"
    OTHER = "other"


class Tree(Protocol):
    """The files of a repository at one time."""

    def entries(self, folder: str) -> Mapping[str, Sort]:
        """Return what is in a folder, by name. Raises `OSError` where it cannot be read."""
        ...

    def target(self, link: str) -> str:
        """Return what a link holds, as it is written."""
        ...


class Place(NamedTuple):
    """Where a path leads once all links are followed."""

    path: str
    sort: Sort


class Outside(Exception):
    """A link leaves the repository."""


class Nowhere(Exception):
    """Something on the path does not exist, or links go round in a circle."""


_MOST_LINKS = 40


def follow(tree: Tree, path: str) -> Place:
    """Return where `path` leads. Raises `Outside` or `Nowhere`."""
    waiting = path.split("/")[::-1]
    place = Place("", Sort.FOLDER)
    links = 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if place.sort is not Sort.FOLDER:
            raise Nowhere
        if part == "..":
            if not place.path:
                raise Outside
            place = Place(place.path.rpartition("/")[0], Sort.FOLDER)
            continue
        sort = tree.entries(place.path).get(part)
        if sort is None:
            raise Nowhere
        below = joined(place.path, part)
        if sort is not Sort.LINK:
            place = Place(below, sort)
            continue
        links += 1
        target = tree.target(below)
        if target.startswith("/"):
            raise Outside
        if links > _MOST_LINKS or not target:
            raise Nowhere
        waiting += target.split("/")[::-1]
    return place


class Found(NamedTuple):
    """One definition file."""

    path: str
    """As it was come by, below the layer's own path."""
    real: str
    """With all links followed."""


class Walk:
    """One layer being walked; `found` and `findings` are the result."""

    def __init__(self, tree: Tree, shown: str) -> None:
        """`shown` goes before every path of a finding."""
        self.found: list[Found] = []
        self.findings: list[Finding] = []
        self._tree = tree
        self._shown = shown
        self._seen: set[str] = set()

    def run(self, path: str, real: str) -> None:
        """Walk the folder `path`, which really is `real`. Links come last: folders go before."""
        links = self._folder(path, real)
        while links:
            path, real = links.pop(0)
            links += self._link(path, real)
        self.found.sort()

    def _folder(self, path: str, real: str, link: str | None = None) -> list[tuple[str, str]]:
        """Walk one folder and those below; return the links in them."""
        if real in self._seen:
            if link is not None:
                self._add(files.repeats(self._name(link), self._tree.target(link)))
            return []
        self._seen.add(real)
        try:
            entries = self._tree.entries(real)
        except OSError as problem:
            self._add(files.unreadable(self._name(path), reason(problem)))
            return []
        links = []
        for name in sorted(entries):
            if files.is_hidden(name):
                continue
            below, really, sort = joined(path, name), joined(real, name), entries[name]
            if sort is Sort.FOLDER:
                links += self._folder(below, really, link)
            elif sort is Sort.LINK:
                links.append((below, really))
            else:
                self._entry(below, really, sort)
        return links

    def _entry(self, path: str, real: str, sort: Sort) -> None:
        if sort is Sort.REPOSITORY:
            self._add(files.foreign(self._name(path)))
        elif files.is_definition(path.rpartition("/")[2]):
            if sort is Sort.FILE:
                self.found.append(Found(path, real))
            else:
                self._add(files.unreadable(self._name(path), "it is no regular file"))

    def _link(self, path: str, link: str) -> list[tuple[str, str]]:
        try:
            place = follow(self._tree, link)
        except Outside:
            self._add(files.leaves(self._name(path), self._tree.target(link)))
        except (Nowhere, OSError):
            self._add(files.leads_nowhere(self._name(path), self._tree.target(link)))
        else:
            if place.sort is Sort.FOLDER:
                return self._folder(path, place.path, link)
            self._entry(path, place.path, place.sort)
        return []

    def _name(self, path: str) -> str:
        return files.printable(self._shown + path)

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)


def joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name
