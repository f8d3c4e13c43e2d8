"""The calls of a kind whose objects have one URL each: PUT declares, DELETE removes."""

from __future__ import annotations

from collections.abc import Callable

from rmqsync.kinds.base import Request
from rmqsync.kinds.context import Context
from rmqsync.model.values import Row

Path = Callable[[Row], tuple[str, ...]]
"""Row → parts of the URL's path, below `/api`, not encoded."""


def declare_at(
    path: Path, body: Callable[[Row], Row]
) -> Callable[[Row | None, Row, Context], tuple[Request, ...]]:
    """Return a `declare` that sends `body`, every field of it, whatever was there before."""

    def declare(before: Row | None, after: Row, context: Context) -> tuple[Request, ...]:
        del before, context
        return (Request("PUT", path(after), body(after)),)

    return declare


def remove_at(path: Path) -> Callable[[Row, tuple[str, ...]], tuple[Request, ...]]:
    """Return a `remove` that needs no handles."""

    def remove(row: Row, handles: tuple[str, ...]) -> tuple[Request, ...]:
        del handles
        return (Request("DELETE", path(row)),)

    return remove
