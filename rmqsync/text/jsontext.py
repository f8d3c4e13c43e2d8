"""JSON to plain data, with the lines of what lies in the top-level sections."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text import codes
from rmqsync.text.scalars import shorten
from rmqsync.text.syntax import place
from rmqsync.text.yamlevents import Tree

_SPACE = re.compile(r"[ \t\n\r]*")
_STRING = re.compile(r'"(?:[^"\\]++|\\[\s\S])*+"?')
"""Also one that never ends, up to the end: to search on inside it would take quadratic time."""

_STRING_OR_BRACKET = re.compile(_STRING.pattern + r"|[\[\]{}]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INFINITIES = frozenset((float("inf"), float("-inf")))


class _Refused(ValueError):
    """A value that Python's decoder takes and JSON, or we, do not."""

    def __init__(self, code: str, message: str, word: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.word = word


def build(file: str, text: str) -> Tree:
    """Return the tree of `text`; what is wrong with it is in `findings`."""
    tree = Tree()
    reader = _Reader(text, tree)
    try:
        tree.data = reader.document()
    except json.JSONDecodeError as problem:
        words = problem.msg[0].lower() + problem.msg[1:]
        finding = error(codes.SYNTAX, f"not JSON: {words}", place(file, text, problem.pos))
        tree.findings.append(finding)
    except _Refused as problem:
        where = _find_word(text, problem.word, reader.at)
        tree.findings.append(error(problem.code, problem.message, place(file, text, where)))
    except RecursionError:
        tree.findings.append(_too_deep(file, text, reader.at))
    else:
        if _is_deep(tree.data):
            tree.findings.append(_too_deep(file, text, 0))
        elif _SURROGATE_ESCAPE.search(text):
            tree.findings.extend(_lone_surrogates(file, text))
    return tree


class _Reader:
    """Decodes the top level itself, to know where each element starts; the rest is `json`'s."""

    def __init__(self, text: str, tree: Tree) -> None:
        self.text = text
        self.tree = tree
        self.at = 0
        self.line = 1
        self.counted = 0
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self.mapping,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )

    def mapping(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            self.tree.has_duplicates = True
        return found

    def document(self) -> Any:
        if not self.skip():
            raise json.JSONDecodeError("the file is empty", self.text, 0)
        data = self.value(2)
        self.skip()
        if self.at != len(self.text):
            raise json.JSONDecodeError("more text after the end", self.text, self.at)
        return data

    def skip(self) -> str:
        """Go to the next token, and return its first character."""
        found = _SPACE.match(self.text, self.at)
        assert found is not None
        self.at = found.end()
        return self.text[self.at : self.at + 1]

    def note(self, node: Any, start: int) -> Any:
        self.line += self.text.count("\n", self.counted, start)
        self.counted = start
        self.tree.lines[id(node)] = self.line
        return node

    def value(self, levels: int) -> Any:
        """Decode a value; mappings and lists in it are noted down to `levels` below."""
        sign, start = self.skip(), self.at
        if sign == "{" and levels == 2:
            return self.top(self.note({}, start))
        if sign == "[" and levels:
            return self.sequence(self.note([], start))
        value, self.at = self.decoder.raw_decode(self.text, start)
        if sign in ("{", "["):
            self.note(value, start)
        return value

    def top(self, node: dict[str, Any]) -> dict[str, Any]:
        self.at += 1
        if self.skip() == "}":
            self.at += 1
            return node
        while True:
            if self.skip() != '"':
                raise json.JSONDecodeError("a key in double quotes is missing", self.text, self.at)
            key, self.at = self.decoder.raw_decode(self.text, self.at)
            if self.skip() != ":":
                raise json.JSONDecodeError("a ':' is missing", self.text, self.at)
            self.at += 1
            if key in node:
                self.tree.has_duplicates = True
            node[key] = self.value(1)
            if self.ends("}"):
                return node

    def sequence(self, node: list[Any]) -> list[Any]:
        self.at += 1
        if self.skip() == "]":
            self.at += 1
            return node
        while True:
            node.append(self.value(0))
            if self.ends("]"):
                return node

    def ends(self, sign: str) -> bool:
        found = self.skip()
        if found not in (sign, ",") or not found:
            raise json.JSONDecodeError(f"a ',' or '{sign}' is missing", self.text, self.at)
        self.at += 1
        return found == sign


def _integer(word: str) -> int:
    try:
        return int(word)
    except ValueError as problem:
        limit = sys.get_int_max_str_digits()
        message = f"a number of {len(word)} digits is too long, at most {limit} are read"
        raise _Refused(codes.LIMIT, message, word) from problem


def _float(word: str) -> float:
    value = float(word)
    if value in _INFINITIES:
        message = f"{shorten(word)} is too large for a floating-point number"
        raise _Refused(codes.NOT_PLAIN, message, word)
    return value


def _constant(word: str) -> Any:
    raise _Refused(codes.NOT_PLAIN, f"{word} is not JSON", word)


def _find_word(text: str, word: str, start: int) -> int:
    """Return where `word` stands outside strings, at or after `start`."""
    for string in _STRING.finditer(text, start):
        found = text.find(word, start, string.start())
        if found >= 0:
            return found
        start = string.end()
    return max(text.find(word, start), 0)


def _is_deep(data: Any) -> bool:
    level = [data] if isinstance(data, (dict, list)) else []
    for _ in range(codes.MAX_DEPTH):
        level = [
            inner
            for node in level
            for inner in (node.values() if node.__class__ is dict else node)
            if inner.__class__ is dict or inner.__class__ is list
        ]
        if not level:
            return False
    return bool(level)


def _too_deep(file: str, text: str, start: int) -> Finding:
    depth, at = 0, start
    for token in _STRING_OR_BRACKET.finditer(text):
        if token.group() in ("[", "{"):
            depth += 1
            at = token.start()
            if depth > codes.MAX_DEPTH:
                break
        elif token.group() in ("]", "}"):
            depth -= 1
    return error(
        codes.LIMIT,
        f"mappings and lists go deeper than {codes.MAX_DEPTH} levels here",
        place(file, text, at),
        hint="flatten the data",
    )


def _lone_surrogates(file: str, text: str) -> list[Finding]:
    found = []
    line, counted = 1, 0
    for string in _STRING.finditer(text):
        start = string.start()
        if not _SURROGATE_ESCAPE.search(text, start, string.end()):
            continue
        if not _SURROGATE.search(json.loads(string.group())):
            continue
        line += text.count("\n", counted, start)
        counted = start
        where = Origin(file, line, start - text.rfind("\n", 0, start))
        hint = "remove the \\u escape, or complete the pair"
        message = "half a surrogate pair, which is not a character"
        found.append(error(codes.SYNTAX, message, where, hint=hint))
        if len(found) >= codes.MAX_FINDINGS:
            break
    return found
