"""
A file's text as plain data that knows its lines: `parse` for YAML and JSON alike.

Three readers, one result: `yamllines` for the plain shape that machines and tidy people write,
`yamlevents` for all of YAML, `jsontext` for JSON. Only `places` knows columns, and is asked late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rmqsync.model.errors import InvalidDefinitions
from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text import amount, codes, jsontext, places, yamlevents, yamllines
from rmqsync.text.scalars import shorten
from rmqsync.text.syntax import check_yaml_characters, decode


class Document:
    """Plain data and where it was written. Parts that came from one alias are one object."""

    __slots__ = ("_content", "_has_more_lines", "_is_json", "_lines", "_places", "data", "file")

    def __init__(
        self,
        file: str,
        data: Any,
        *,
        lines: dict[int, int] | None = None,
        content: bytes = b"",
        is_json: bool = False,
    ) -> None:
        self.file = file
        """As shown in messages."""
        self.data = data
        """dict, list, str, int, float, bool or None, and nothing else; not to be changed."""
        self._lines = lines or {}
        self._content = content
        self._is_json = is_json
        self._has_more_lines = is_json
        self._places: places.Places | None = None

    def line(self, node: dict[str, Any] | list[Any]) -> int:
        """
        Return the line on which this very mapping or list of `data` starts, 0 if unknown.

        In JSON only the top level, its sections and their elements are known at once; asking for
        anything below costs a scan of the text, once.
        """
        found = self._lines.get(id(node))
        if found is None and self._has_more_lines:
            self._has_more_lines = False
            self._lines.update(places.lines(self._all_places(), self.data))
            found = self._lines.get(id(node))
        return found or 0

    def locate(self, path: Sequence[str | int], *, key: bool = False) -> Origin:
        """
        Return where the value at `path` stands, or its key.

        Of a path that the text does not have, the key of the nearest ancestor it has. The first
        call reads the text once more.
        """
        return places.find(self.file, self._all_places(), path, key=key)

    def _all_places(self) -> places.Places:
        if self._places is None:
            self._places = _places(self._content, is_json=self._is_json)
        return self._places


def parse(file: str, content: bytes) -> Document:
    """Read `content`; raises `InvalidDefinitions` with every finding that its text allows."""
    decoded = decode(file, content)
    if isinstance(decoded, Finding):
        raise InvalidDefinitions([decoded])
    text, content = decoded
    tree, is_json = _read(file, text, content)
    findings = tree.findings
    if tree.has_duplicates:
        findings = [*findings, *_duplicates(file, content, is_json=is_json)]
    if len(findings) >= codes.MAX_FINDINGS:
        more = "there is more wrong with this file than is told here"
        findings = [*findings, error(codes.LIMIT, more, Origin(file), hint="mend this first")]
    if findings:
        raise InvalidDefinitions(findings)
    return Document(file, tree.data, lines=tree.lines, content=content, is_json=is_json)


def _read(file: str, text: str, content: bytes) -> tuple[yamlevents.Tree, bool]:
    must_be_json = file.lower().endswith(".json")
    if must_be_json or text.lstrip()[:1] in ("{", "["):
        refused = amount.too_many(file, text, content, is_json=True)
        tree = yamlevents.Tree(findings=[refused]) if refused else jsontext.build(file, text)
        if must_be_json or not tree.findings:
            return tree, True
    refused = check_yaml_characters(file, text) or amount.too_many(
        file, text, content, is_json=False
    )
    if refused is not None:
        return yamlevents.Tree(findings=[refused]), False
    return yamllines.build(text) or yamlevents.build(file, content), False


def _places(content: bytes, *, is_json: bool) -> places.Places:
    return places.of_json(content.decode("utf-8")) if is_json else places.of_yaml(content)


def _duplicates(file: str, content: bytes, *, is_json: bool) -> list[Finding]:
    return [
        error(
            codes.DUPLICATE_KEY,
            f"the key '{shorten(repeat.key)}' stands here again, "
            f"first at {places.origin(file, repeat.first)}",
            places.origin(file, repeat.again),
            hint="keep one of them",
        )
        for repeat in _places(content, is_json=is_json).repeats
    ]
