"""
Regular expressions as the broker reads them: PCRE, unanchored, on the bytes of the name.

4.2.8 and 4.3.2 bound their length (rabbit_re.erl).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from rmqsync.kinds.base import Problem
from rmqsync.kinds.context import Context

LIMIT_BYTES = 1024
_SHOWN = 200
"""Characters of a bad pattern in a message: one of megabytes would bury what is wrong with it."""


def pattern_problems(
    pattern: str, path: tuple[str | int, ...], context: Context
) -> Iterable[Problem]:
    """Yield what the broker would refuse in a regular expression."""
    reason = compile_error(pattern)
    if reason:
        shown = pattern if len(pattern) <= _SHOWN else pattern[:_SHOWN] + "…"
        yield Problem("RMQ025", path, f"'{shown}' is no regular expression: {reason}")
    size = len(pattern.encode("utf-8", "surrogatepass"))
    if size > LIMIT_BYTES and not context.before(4, 2, 8):
        yield Problem("RMQ026", path, f"{size} bytes of pattern, the broker takes {LIMIT_BYTES}")


@lru_cache(maxsize=4096)
def compile_error(pattern: str) -> str | None:
    if pattern.isalnum():
        return None
    import pcre2  # not needed by most runs; the import is not free

    try:
        pcre2.compile(pattern)
    except pcre2.LibraryError as error:
        return str(error)
    return None
