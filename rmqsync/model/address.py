"""
Addresses: `kind:vhost/name`, every part percent-encoded.

Letters, digits, `.`, `_` and `-` stand for themselves. In a pattern raw `*`, `?` and `[` are globs,
since an address can never hold them unencoded.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from functools import lru_cache
from urllib.parse import quote, unquote

from rmqsync.model.values import Key

_PLAIN = re.compile(r"[A-Za-z0-9._-]*\Z")


@lru_cache(4096)  # of ten thousand bindings, a few hundred have parts of their own
def encode(part: str) -> str:
    """Percent-encode every byte of `part` but letters, digits, `.`, `_` and `-`."""
    if _PLAIN.match(part):
        return part
    # `quote` leaves `~` alone whatever is asked of it; here it separates a digest.
    return quote(part, safe="", errors="surrogatepass").replace("~", "%7E")


def decode(part: str) -> str:
    return unquote(part, errors="surrogatepass")


def address(kind: str, key: Key) -> str:
    """Return the address of the object `key` of `kind`; bindings have one of their own."""
    return f"{kind}:" + "/".join(encode(part) for part in key)


def digest8(text: str) -> str:
    """Return 8 hex digits that stand for `text` (a binding's canonical arguments)."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


class Pattern:
    """A glob over addresses, as in `ignore`, `protect`, `--target`; matches the whole address."""

    __slots__ = ("_match", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._match = re.compile(fnmatch.translate(text)).match

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def matches(self, text: str) -> bool:
        return self._match(text) is not None


def is_pattern(text: str) -> bool:
    """Tell whether `text` holds a glob; an override must name exactly one address."""
    return any(sign in text for sign in "*?[")
