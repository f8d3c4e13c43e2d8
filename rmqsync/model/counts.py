"""How many of something there are, as people say it."""

from __future__ import annotations


def number_of(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 queue` or `2 queues`; `plural` where that is not the noun with an `s`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
