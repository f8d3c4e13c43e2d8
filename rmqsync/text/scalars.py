"""
What an unquoted YAML scalar means, by the core schema of YAML 1.2.2 (§10.3.2).

Only what is listed there is anything but a string: `no`, `on`, `1:20`, `1_000` and dates are
strings. `.inf` and `.nan` are numbers that JSON, and so the broker, has no words for.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from rmqsync.text import codes

Scalar: TypeAlias = "str | int | float | bool | None"

TAG_PREFIX = "tag:yaml.org,2002:"

CONSTANTS: dict[str, Scalar] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}

_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL = re.compile(r"0o[0-7]+\Z")
_HEX = re.compile(r"0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z")
_STARTS_NUMBER = frozenset("0123456789+-.")
_INFINITIES = frozenset((float("inf"), float("-inf")))


class BadScalar(ValueError):
    """A scalar that is written like a number, or tagged as one, and cannot be used as one."""

    def __init__(self, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def resolve(text: str) -> Scalar:
    """Return the value of the unquoted scalar `text`; raises `BadScalar`."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in _STARTS_NUMBER:
        return text
    if _DECIMAL.match(text):
        return _integer(text, 10)
    if _FLOAT.match(text):
        return _float(text)
    if _OCTAL.match(text):
        return _integer(text, 8)
    if _HEX.match(text):
        return _integer(text, 16)
    if _NOT_FINITE.match(text):
        raise BadScalar(
            codes.NOT_PLAIN,
            f"{text} is a number that JSON does not have, so no broker can be given it",
            f"write a finite number, or '{text}' in quotes if a string is meant",
        )
    return text


def resolve_tagged(tag: str, text: str) -> Scalar:
    """Return the value of a scalar that carries a tag of the core schema; raises `BadScalar`."""
    name = tag.removeprefix(TAG_PREFIX) if tag.startswith(TAG_PREFIX) else None
    if tag == "!" or name == "str":
        return text
    value = resolve(text)
    # `bool` is an `int` to Python; the names of the classes keep them apart.
    found = "null" if value is None else value.__class__.__name__
    if name == "float" and found == "int":
        return _float(text)
    if name in ("null", "bool", "int", "float"):
        if found == name:
            return value
        raise BadScalar(codes.NOT_PLAIN, f"'{shorten(text)}' is tagged !!{name} but is none")
    raise BadScalar(
        codes.NOT_PLAIN,
        f"the tag {show_tag(tag)} makes this more than plain data",
        "remove the tag; secrets are written {secret: NAME}",
    )


def show_tag(tag: str) -> str:
    return shorten("!!" + tag.removeprefix(TAG_PREFIX) if tag.startswith(TAG_PREFIX) else tag)


def shorten(text: str, length: int = 60) -> str:
    """Cut `text` to `length` characters for a message, and make it one printable line."""
    cut = text if len(text) <= length else text[: length - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def _integer(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError as error:
        # Decimal text is limited by the interpreter (4,300 digits), since it takes quadratic time.
        raise BadScalar(
            codes.LIMIT,
            f"a number of {len(text)} characters is too long",
            "quote it if a string is meant",
        ) from error


def _float(text: str) -> float:
    value = float(text)
    if value in _INFINITIES:
        raise BadScalar(
            codes.NOT_PLAIN,
            f"{shorten(text)} is too large for a floating-point number",
            "quote it if a string is meant",
        )
    return value
