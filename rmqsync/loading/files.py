"""
One file of a layer: parsed once for each content, then seen with the variables of a cluster.

What depends on the text only is in `Parsed` and kept by `ParseCache`; what also depends on the
cluster is in `Source`.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from rmqsync.kinds.credentials import has_credentials
from rmqsync.kinds.registry import Registry
from rmqsync.loading.schema import definitions_checker
from rmqsync.loading.variables import interpolate, may_hold
from rmqsync.model.errors import InvalidDefinitions
from rmqsync.model.findings import Finding, Origin
from rmqsync.text.document import Document, parse

VERSION_KEYS = ("rabbit_version", "rabbitmq_version")
"""Header keys that mark a broker's own export."""


class SourceFile(Protocol):
    """One file of a layer, as a checkout gives it."""

    @property
    def path(self) -> str: ...

    @property
    def content(self) -> bytes: ...

    @property
    def digest(self) -> str: ...

    @property
    def problem(self) -> Finding | None:
        """Why the file cannot be used: there is no content then."""


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A file of a layer in memory."""

    path: str
    content: bytes
    digest: str
    problem: Finding | None = None


class Parsed:
    """What can be said about a file without knowing the cluster."""

    __slots__ = (
        "_credentials",
        "_fits",
        "_may_have_uris",
        "document",
        "findings",
        "has_secrets",
        "has_variables",
        "size",
    )

    def __init__(self, file: SourceFile) -> None:
        content = file.content
        self.size = len(content)
        self.has_variables = may_hold(content, b"${")
        self.has_secrets = may_hold(content, b"secret")
        self._may_have_uris = may_hold(content, b"://")
        self._credentials: bool | None = None
        self._fits: tuple[Registry, tuple[Finding, ...]] | None = None
        self.document: Document | None = None
        self.findings: tuple[Finding, ...] = ()
        if file.problem is not None:
            self.findings = (replace(file.problem, source=Origin(file.path)),)
            return
        try:
            self.document = parse(file.path, content)
        except InvalidDefinitions as found:
            self.findings = found.findings

    def misfits(self, kinds: Registry) -> tuple[Finding, ...]:
        """Return what does not fit the schema, before variables are replaced."""
        if self._fits is None or self._fits[0] is not kinds:
            self._fits = (kinds, _misfits(self.document, kinds))
        return self._fits[1]

    @property
    def has_credentials(self) -> bool:
        """Whether there is a URI with a user or a password in it, anywhere."""
        if self._credentials is None:
            data = self.document.data if self.document else None
            self._credentials = self._may_have_uris and has_credentials(data)
        return self._credentials


def _misfits(document: Document | None, kinds: Registry) -> tuple[Finding, ...]:
    if document is None or document.data is None:
        return ()
    checker = definitions_checker(kinds)
    return () if checker.accepts(document.data) else tuple(checker.findings(document))


def _has_header(data: object) -> bool:
    """Tell whether a file says by which broker it was exported."""
    return isinstance(data, dict) and any(name in data for name in VERSION_KEYS)


FileKey = tuple[str, str]
"""Path and digest."""


class ParseCache:
    """Parsed files by path and digest, the least recently used ones dropped."""

    def __init__(self, max_bytes: int = 200_000_000) -> None:
        self._max_bytes = max_bytes
        self._size = 0
        self._known: OrderedDict[FileKey, Parsed] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, used: Collection[FileKey], spare_bytes: int) -> None:
        """Drop what is not used, but for so many bytes of what was asked for last."""
        with self._lock:
            for key in reversed(tuple(self._known)):
                if key in used:
                    continue
                spare_bytes -= self._known[key].size
                if spare_bytes < 0:
                    self._size -= self._known.pop(key).size

    def get(self, file: SourceFile) -> Parsed:
        """Return the parsed file; one that cannot be read has findings and no document."""
        if file.problem is not None:
            return Parsed(file)
        key = (file.path, file.digest)
        with self._lock:
            found = self._known.get(key)
            if found is not None:
                self._known.move_to_end(key)
                return found
        parsed = Parsed(file)
        with self._lock:
            if key not in self._known:
                self._known[key] = parsed
                self._size += parsed.size
            while self._size > self._max_bytes and len(self._known) > 1:
                self._size -= self._known.popitem(last=False)[1].size
        return parsed


class Source:
    """One file as one cluster sees it."""

    __slots__ = (
        "data",
        "document",
        "findings",
        "has_credentials",
        "has_header",
        "has_secrets",
        "is_sound",
        "layer",
        "paths",
        "vhost",
    )

    def __init__(
        self,
        parsed: Parsed,
        layer: int,
        variables: Mapping[str, str],
        kinds: Registry,
    ) -> None:
        assert parsed.document is not None
        document = parsed.document
        self.layer = layer
        self.has_credentials = parsed.has_credentials
        self.has_secrets = parsed.has_secrets
        self.findings: list[Finding] = []
        """What is wrong with the file as such."""
        misfits: tuple[Finding, ...]
        # In what a broker exported, `${` is nobody's variable.
        if parsed.has_variables and not _has_header(document.data):
            document, self.findings = interpolate(document, variables)
            misfits = _misfits(document, kinds)
            self.has_credentials |= any(map(has_credentials, variables.values()))
        else:
            misfits = parsed.misfits(kinds)
        self.findings += misfits
        self.document = document
        self.is_sound = not misfits
        """Whether everything in it fits the schema."""
        self.data: dict[str, Any] = document.data if document.data.__class__ is dict else {}
        self.has_header = _has_header(self.data)
        """Whether it is an export that a broker wrote."""
        self.paths: dict[int, tuple[str | int, ...]] | None = None
        """Of every mapping and list, by `id()`; made when something is to be said about one."""

    @property
    def file(self) -> str:
        return self.document.file

    def path_of(self, node: object) -> tuple[str | int, ...]:
        """Return the path of a mapping of this file; of what is not in it, the empty one."""
        if self.paths is None:
            self.paths = {}
            todo: list[tuple[tuple[str | int, ...], Any]] = [((), self.data)]
            while todo:
                path, value = todo.pop()
                self.paths.setdefault(id(value), path)
                members = value.items() if value.__class__ is dict else enumerate(value)
                todo.extend(
                    ((*path, step), item)
                    for step, item in members
                    if item.__class__ is dict or item.__class__ is list
                )
        return self.paths.get(id(node), ())
