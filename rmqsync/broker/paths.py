"""
Paths of the management API, built from raw segments.

Every byte outside letters, digits and `-._~` is escaped: names hold slashes, percent signs, spaces.
The server takes dot segments away even when they are written `%2E` (seen on 3.10.8, 4.0.5, 4.3.6:
405), so what is called `.` or `..` has no address; only a binding's properties key is decoded a
second time by rabbit_mgmt_wm_binding.erl, and may be escaped twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

_DOTS = frozenset((".", ".."))
_HANDLE = 6
"""Position of the properties key in bindings/VHOST/e/SOURCE/q/DESTINATION/KEY."""


class Unaddressable(ValueError):
    """An object whose name cannot stand in a path."""


def path_of(segments: Iterable[str]) -> str:
    """Return `segments` escaped and joined; raises `Unaddressable`."""
    parts = tuple(segments)
    return "/".join(_escaped(parts, index) for index in range(len(parts)))


def query_of(pairs: Iterable[tuple[str, str]]) -> str:
    """Return `?name=value&…`, or nothing."""
    text = "&".join(f"{name}={quote(value, safe=',')}" for name, value in pairs)
    return f"?{text}" if text else ""


def _escaped(parts: tuple[str, ...], index: int) -> str:
    part = parts[index]
    if part in _DOTS:
        if parts[0] == "bindings" and index == _HANDLE:
            return part.replace(".", "%252E")
        raise Unaddressable(
            f"the management API cannot address anything called '{part}'; use rabbitmqctl"
        )
    if not part:
        raise Unaddressable("the management API cannot address an empty name")
    return quote(part, safe="", errors="surrogatepass")
