"""Exit codes, and which one counts of several."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    DONE = 0
    FAILED = 1
    """An error, and nothing was done."""
    CHANGES = 2
    """Only with `--detailed-exitcode`."""
    HELD = 3
    """Something was held back by a guard; what did not depend on it was done."""
    PARTIAL = 4
    """Applied in part, or the result could not be verified."""
    STALE = 5
    """A saved plan that no longer fits."""
    USAGE = 64
    INTERRUPTED = 130
    TERMINATED = 143


_WORST_FIRST = (
    Exit.USAGE,
    Exit.STALE,
    Exit.FAILED,
    Exit.PARTIAL,
    Exit.HELD,
    Exit.CHANGES,
    Exit.DONE,
)


def worst(codes: Iterable[Exit]) -> Exit:
    """Return the one of several exit codes that counts."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), Exit.DONE)
