"""The known word that somebody probably meant."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 100
"""Characters of a word that are compared at most: longer ones are no typing errors."""


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word closest to `word`, `None` when nothing is close."""
    import difflib

    words = list(known)
    if len(word) > _LONGEST:
        return None
    plain = _plain(word)
    for candidate in words:
        if _plain(candidate) == plain:
            return candidate
    by_plain = {_plain(candidate): candidate for candidate in reversed(words)}
    close = difflib.get_close_matches(plain, list(by_plain), n=1, cutoff=0.65)
    return by_plain[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known word, `None` when nothing is close."""
    found = nearest(word, known)
    return None if found is None else f"did you mean '{found}'?"


def _plain(word: str) -> str:
    return word.casefold().replace("-", "_").replace(" ", "_")
