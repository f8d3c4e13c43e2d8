"""What a server has said that it does not give, so that it is not asked for at every turn."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable

REMEMBERED_S = 3600
"""Then it is asked for again: somebody may have put it back."""
_MOST = 1000


class Lost:
    """
    Requests that were refused, and the server's words.

    Of several objects in one request nobody knows which is lost: others may still be had.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` counts seconds."""
        self._clock = clock
        self._known: dict[bytes, tuple[float, str]] = {}

    def add(self, names: Iterable[str], words: str) -> None:
        if len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[_key(names)] = self._clock() + REMEMBERED_S, words

    def words(self, names: Iterable[str]) -> str | None:
        """Return what was said to this very request; `None` where it may be asked for."""
        until, words = self._known.get(_key(names), (0.0, None))
        return words if self._clock() < until else None


def _key(names: Iterable[str]) -> bytes:
    return hashlib.sha256(" ".join(sorted(names)).encode("ascii")).digest()
