"""
`${name}` in strings of a definition.

Keys are left alone, and `$${` stands for a literal `${`. What is replaced lies in new mappings and
lists that know the place of the old ones; paths stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rmqsync.loading import codes
from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text.document import Document
from rmqsync.text.nearest import did_you_mean
from rmqsync.text.scalars import shorten

_MARK = re.compile(r"(\$?)\$\{(?:([^${}]*)\})?")
_ESCAPES = re.compile(rb"\\[uUx\r\n]")
_NOT_UTF8 = (b"\xff\xfe", b"\xfe\xff", b"\x00")


def may_hold(content: bytes, word: bytes) -> bool:
    """Tell whether a string in YAML or JSON text may hold `word`, perhaps behind escapes."""
    if word in content or content.startswith(_NOT_UTF8):
        return True
    return b"\\" in content and _ESCAPES.search(content) is not None


class Interpolated(Document):
    """A document with the values of variables in it."""

    __slots__ = ("_base", "_old")

    def __init__(self, base: Document, data: Any, old: Mapping[int, Any]) -> None:
        super().__init__(base.file, data)
        self._base = base
        self._old = old

    def line(self, node: dict[str, Any] | list[Any]) -> int:
        return self._base.line(self._old.get(id(node), node))

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> Origin:
        return self._base.locate(path, key=key)


def interpolate(document: Document, variables: Mapping[str, str]) -> tuple[Document, list[Finding]]:
    """Return `document` with variables replaced, and what could not be; unknown ones stay."""
    work = _Interpolation(document, variables)
    data = work.value(document.data, ())
    if data is document.data:
        return document, work.findings
    return Interpolated(document, data, work.old), work.findings


class _Interpolation:
    def __init__(self, document: Document, variables: Mapping[str, str]) -> None:
        self.document = document
        self.variables = variables
        self.old: dict[int, Any] = {}
        self.findings: list[Finding] = []

    def value(self, value: Any, path: tuple[str | int, ...]) -> Any:
        """Return `value` itself when there is nothing to replace in it."""
        if value.__class__ is str:
            return self.text(value, path) if "${" in value else value
        new: Any
        if value.__class__ is dict:
            new = {name: self.value(item, (*path, name)) for name, item in value.items()}
            changed = any(new[name] is not item for name, item in value.items())
        elif value.__class__ is list:
            new = [self.value(item, (*path, number)) for number, item in enumerate(value)]
            changed = any(one is not other for one, other in zip(new, value, strict=True))
        else:
            return value
        if not changed:
            return value
        self.old[id(new)] = value
        return new

    def text(self, text: str, path: tuple[str | int, ...]) -> str:
        def replaced(found: re.Match[str]) -> str:
            escape, name = found.groups()
            if escape:
                return found.group()[1:]
            if name in self.variables:
                return self.variables[name]
            self.unknown(found.group(), name, path)
            return found.group()

        return _MARK.sub(replaced, text)

    def unknown(self, text: str, name: str | None, path: tuple[str | int, ...]) -> None:
        where = self.document.locate(path)
        if name is None:
            message, hint = "'${' is never closed by '}'", None
        else:
            message = f"'{shorten(text)}' names no variable"
            hint = did_you_mean(name, self.variables)
        known = ", ".join(sorted(self.variables)) or "none"
        hint = hint or f"known variables are {known}; write $${{ for a literal ${{"
        self.findings.append(error(codes.VARIABLE, message, where, hint=hint))
