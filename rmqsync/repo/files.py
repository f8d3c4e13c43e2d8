"""A definition file as it was read, and which files are definitions."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import NamedTuple

from rmqsync.model.errors import NoLayer
from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text.codes import MAX_BYTES
from rmqsync.text.nearest import nearest

SUFFIXES = (".yaml", ".yml", ".json")

LEAVES = "RMQ095"
"""A link that leads out of the repository, nowhere, or round in a circle."""
NOT_READ = "RMQ096"
"""A file that cannot be read, is too long, or belongs to another repository."""


class SourceFile(NamedTuple):
    """One file of a layer."""

    path: str
    """As shown to people: one they can open."""
    content: bytes
    digest: str
    """The id that git gives the content, 40 hex digits; the key of parse caches."""
    layer: str
    problem: Finding | None = None
    """Why it cannot be used, where it cannot: there is no content then."""


def digest(content: bytes) -> str:
    """Return the id that git gives `content` as a blob."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def unusable(finding: Finding, layer: str) -> SourceFile:
    """Return what stands for a file that cannot be used, so that all others are told of as well."""
    path = finding.source.file if finding.source is not None else ""
    return SourceFile(path, b"", digest(b""), layer, finding)


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is left out, as `.git` and `.github` are."""
    return name.startswith(".")


def is_definition(name: str) -> bool:
    return name.endswith(SUFFIXES) and not is_hidden(name)


def printable(path: str) -> str:
    """Return a path of the file system as text, bytes that are no UTF-8 as `\\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def leaves(path: str, target: str) -> Finding:
    return error(
        LEAVES,
        f"links to '{target}', which is outside the repository",
        Origin(path),
        hint="copy the file into the repository",
    )


def leads_nowhere(path: str, target: str) -> Finding:
    return error(
        LEAVES, f"links to '{target}', which does not exist", Origin(path), hint="remove the link"
    )


def repeats(path: str, target: str) -> Finding:
    return error(
        LEAVES,
        f"links to '{target}', which this layer reads already",
        Origin(path),
        hint="remove the link",
    )


def too_long(path: str, size_bytes: int) -> Finding:
    return error(
        NOT_READ,
        f"is {size_bytes} bytes long, more than {MAX_BYTES}",
        Origin(path),
        hint="split it",
    )


def foreign(path: str) -> Finding:
    return error(
        NOT_READ,
        "is a repository of its own, whose files have no place in this one's revisions",
        Origin(path),
        hint="copy its files, or name it as the source of a cluster",
    )


def unreadable(path: str, reason: str) -> Finding:
    return error(NOT_READ, f"cannot be read: {reason}", Origin(path))


def no_layer(layer: str, where: str, known: Iterable[str]) -> NoLayer:
    """Return the error for a layer folder that is not there; `known` are folders that are."""
    folders = list(known)
    near = nearest(layer, folders)
    if near is None:
        near = nearest(layer.rpartition("/")[2], [f.rpartition("/")[2] for f in folders])
        near = next((f for f in folders if near and f.rpartition("/")[2] == near), None)
    hint = f"; did you mean '{near}'?" if near else _listed(folders)
    return NoLayer(f"layer folder '{layer}' does not exist in {where}{hint}")


def no_files(layer: str, where: str) -> NoLayer:
    wanted = ", ".join(f"*{suffix}" for suffix in SUFFIXES)
    return NoLayer(f"layer folder '{layer}' in {where} holds no definitions ({wanted})")


def _listed(folders: list[str]) -> str:
    top = sorted({folder.partition("/")[0] for folder in folders})
    if not top:
        return "; there are no folders in it: check source.path"
    more = " …" if len(top) > 5 else ""
    return f"; its folders are {', '.join(top[:5])}{more}"
