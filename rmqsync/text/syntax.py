"""What is wrong with a text before it means anything: encoding, characters, the parser's words."""

from __future__ import annotations

import re

import yaml

from rmqsync.model.findings import Finding, Origin, error
from rmqsync.text import codes

_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_ASCII_ALLOWED = bytes([9, 10, 13, *range(32, 256)])
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_YAML_REFUSED = re.compile("[\x7f-\x9f\u2028\u2029\ufffe\uffff]")

_WORDS = {
    "mapping values are not allowed in this context": (
        "a 'key: value' does not fit here",
        "check the indentation; text that holds ': ' must be quoted",
    ),
    "mapping values are not allowed here": (
        "a 'key: value' does not fit here",
        "check the indentation; text that holds ': ' must be quoted",
    ),
    "could not find expected ':'": (
        "a key without a ':' after it",
        "write 'key: value', and check the indentation",
    ),
    "did not find expected key": (
        "this line does not fit what is above it",
        "indent it like its neighbours",
    ),
    "did not find expected '-' indicator": (
        "this line does not fit the list above it",
        "start it with '- ', or indent it like its neighbours",
    ),
    "found unexpected end of stream": ("the quoted text never ends", "close the quote"),
    "found undefined tag handle": ("a tag of unknown meaning", "rmqsync reads plain data only"),
}


def explain(file: str, problem: yaml.YAMLError, content: bytes) -> Finding:
    """Return a parser's error as a finding, in words that say what to do."""
    if not isinstance(problem, yaml.MarkedYAMLError) or problem.problem_mark is None:
        return error(codes.SYNTAX, f"not YAML: {' '.join(str(problem).split())}", Origin(file))
    mark = problem.problem_mark
    place = Origin(file, mark.line + 1, mark.column + 1)
    words = problem.problem or "a syntax error"
    message, hint = _WORDS.get(words, (None, None))
    if message is None and "cannot start any token" in words:
        message, hint = _bad_start(mark.line, mark.column, content)
    if message is None:
        message = f"not YAML: {words}"
    if problem.context and problem.context_mark and problem.context_mark.line != mark.line:
        message += f" ({problem.context}, line {problem.context_mark.line + 1})"
    return error(codes.SYNTAX, message, place, hint=hint)


def _bad_start(line: int, column: int, content: bytes) -> tuple[str, str]:
    lines = content.decode("utf-8").splitlines()
    text = lines[line] if line < len(lines) else ""
    sign = text[column : column + 1]
    # A tab is found where it stands by one parser, and where its line starts by the other.
    if sign == "\t" or "\t" in text[: len(text) - len(text.lstrip())]:
        return "a tab in the indentation", "YAML is indented with spaces"
    return f"text cannot start with {sign}", "put it in quotes"


def decode(file: str, content: bytes) -> tuple[str, bytes] | Finding:
    """Return `content` as text and as UTF-8 without a byte order mark, or what is wrong."""
    if len(content) > codes.MAX_BYTES:
        size = f"{len(content) / 1_000_000:.1f} MB"
        limit = f"{codes.MAX_BYTES // 1_000_000} MB"
        return error(
            codes.LIMIT, f"the file has {size}, more than {limit}", Origin(file), hint="split it"
        )
    for mark, name in _BOMS:
        if content.startswith(mark):
            return error(
                codes.SYNTAX, f"the file is {name}", Origin(file, 1, 1), hint="save it as UTF-8"
            )
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as problem:
        return _not_utf8(file, content, problem.start)
    if content.translate(None, _ASCII_ALLOWED):
        return _character(file, text, _CONTROL)
    return text, content


def check_yaml_characters(file: str, text: str) -> Finding | None:
    """Return a finding for the characters that JSON takes and YAML parsers read in another way."""
    if text.isascii() and "\x7f" not in text:
        return None
    if not _YAML_REFUSED.search(text):
        return None
    return _character(file, text, _YAML_REFUSED)


def place(file: str, text: str, index: int) -> Origin:
    """Return the line and column of the character at `index`."""
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return Origin(file, before.count("\n") + 1, len(before) - before.rfind("\n"))


def _not_utf8(file: str, content: bytes, start: int) -> Finding:
    origin = place(file, content[:start].decode("utf-8") + "?", len(content[:start].decode()))
    bytes_ = content[start : start + 3]
    what = f"the byte 0x{content[start]:02x} is not UTF-8"
    if len(bytes_) == 3 and bytes_[0] == 0xED and bytes_[1] >= 0xA0:
        what = "half a surrogate pair, which is not a character"
    return error(codes.SYNTAX, what, origin, hint="save the file as UTF-8")


def _character(file: str, text: str, refused: re.Pattern[str]) -> Finding:
    found = refused.search(text)
    assert found is not None
    sign = ord(found.group())
    return error(
        codes.SYNTAX,
        f"the character U+{sign:04X} cannot stand in a file as it is",
        place(file, text, found.start()),
        hint=f'remove it, or write "\\u{sign:04x}" in double quotes',
    )
