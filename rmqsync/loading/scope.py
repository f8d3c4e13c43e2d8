"""What of a cluster a repository manages at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from fnmatch import translate

from rmqsync.kinds.base import Kind
from rmqsync.model.values import Key

_ALL = ("*",)


class Scope:
    """
    Globs over vhosts and kinds.

    Narrowed vhosts leave out cluster-wide kinds, unless a glob other than `*` names these. A vhost
    counts by its own name.
    """

    __slots__ = ("_kinds", "_named", "_vhosts", "everything")

    def __init__(self, vhosts: Iterable[str] = _ALL, kinds: Iterable[str] = _ALL) -> None:
        vhosts, kinds = tuple(vhosts), tuple(kinds)
        self._vhosts = _matcher(vhosts)
        self._kinds = _matcher(kinds)
        named = tuple(glob for glob in kinds if glob != "*")
        self._named = _matcher(_ALL if "*" in vhosts else named)
        self.everything = "*" in vhosts and "*" in kinds
        """Whether there is nothing outside it."""

    def covers(self, kind: Kind, key: Key) -> bool:
        """Tell whether the object `key` of `kind` is inside."""
        if self.everything:
            return True
        if not self._kinds(kind.name):
            return False
        if kind.in_vhost or kind.hosts_vhost_kinds:
            return self._vhosts(key[0])
        return self._named(kind.name)


def _matcher(globs: tuple[str, ...]) -> Callable[[str], bool]:
    if "*" in globs:
        return lambda _: True
    patterns = [re.compile(translate(glob)) for glob in globs]
    known: dict[str, bool] = {}

    def matches(text: str) -> bool:
        if text not in known:
            known[text] = any(pattern.match(text) for pattern in patterns)
        return known[text]

    return matches
