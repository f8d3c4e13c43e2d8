"""When to use colour, and how to write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def use_color(
    flag: Literal["auto", "always", "never"], stream_isatty: bool, environ: Mapping[str, str]
) -> bool:
    """
    Tell whether to write colour: the flag, then NO_COLOR, FORCE_COLOR, TERM and the stream.

    Set to nothing, a variable counts as not set; `FORCE_COLOR=0` turns colour off.
    """
    if flag != "auto":
        return flag == "always"
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR")
    if forced:
        return forced.lower() not in ("0", "false")
    return stream_isatty and environ.get("TERM") != "dumb"


class Style:
    """Wraps text in ANSI codes, or leaves it as it is."""

    __slots__ = ("_before", "_plain")

    def __init__(self, color: bool) -> None:
        self._plain = not color
        self._before = {name: f"\x1b[{code}m" for name, code in _CODES.items()}

    def __call__(self, text: str, *names: str) -> str:
        if self._plain or not text:
            return text
        return "".join([self._before[name] for name in names]) + text + "\x1b[0m"
