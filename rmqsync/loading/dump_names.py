"""
Names for what an export writes: folders of vhosts, and secrets.

Broker names may hold anything; these are safe on every file system and in every shell, tell one
from another without regard to case, and are the same every time for the same cluster.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from rmqsync.model.address import digest8

DEFAULT_FOLDER = "_default"
"""Of the vhost `/`."""

_LONGEST_BYTES = 100
_UNSAFE = re.compile(r"[^\w.-]+")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?\Z", re.I)
_NO_SLUG = re.compile(r"[^a-z0-9]+")


def folders(vhosts: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Return a folder for each vhost; `taken` are names that stand beside them."""
    names = {vhost: _folder(vhost) for vhost in sorted(vhosts)}
    counts = Counter(_plain(name) for name in names.values())
    counts.update(_plain(name) for name in (*taken, DEFAULT_FOLDER))
    return {
        vhost: name if vhost == "/" or counts[_plain(name)] == 1 else _marked(name, vhost)
        for vhost, name in names.items()
    }


def _folder(vhost: str) -> str:
    if vhost == "/":
        return DEFAULT_FOLDER
    name = _UNSAFE.sub("_", unicodedata.normalize("NFC", vhost)).lstrip(".-").rstrip(".")
    if not name.strip("_") or _DEVICES.match(name) or len(name.encode()) > _LONGEST_BYTES:
        return _marked(name, vhost)
    return name


def _marked(name: str, vhost: str) -> str:
    """Return a name that is this vhost's alone."""
    short = name.encode()[:_LONGEST_BYTES].decode("utf-8", "ignore").strip("_.-")
    # Windows takes `con.x` for the device, and `con-x.y` for a file.
    stem = short.replace(".", "_") if _DEVICES.match(short) else short
    return f"{stem or 'vhost'}-{digest8(vhost)}"


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKC", name.casefold())


def slug(parts: Iterable[str]) -> str:
    """Return parts of a name as `lower_case_words`; one without a letter for that as a digest."""
    words = (_NO_SLUG.sub("_", part.lower()).strip("_") or digest8(part) for part in parts)
    return "_".join(words)[:_LONGEST_BYTES].rstrip("_")


def secret_name(words: Iterable[str], path: Iterable[str | int]) -> str:
    """Return the name of a secret by where its value stands; others may come to the same."""
    return slug("default" if word == "/" else word for word in (*words, *map(str, path)))
