"""Where credentials stand in a value, in clear or by the name of a secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from rmqsync.model.values import is_secret_reference

_CREDENTIALS = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#\s]*@|[^?#\s]*\?(?:[^#\s]*&)?password=[^&#\s])"
)


def has_credentials(value: object) -> bool:
    """
    Tell whether a value holds, at any depth, a URI with a user or a password in it.

    An `amqps` URI may have the password of the client's key in its query (amqp_uri.erl).
    """
    if isinstance(value, str):
        return _CREDENTIALS.search(value) is not None
    if isinstance(value, Mapping):
        return any(has_credentials(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_credentials(item) for item in value)
    return False


def logins_in(value: object) -> Iterable[str]:
    """Return the names of the users that URIs in a value log in as, at any depth."""
    if isinstance(value, str):
        if "://" in value and "@" in value:
            try:
                found = urlsplit(value).username
            except ValueError:  # no URI after all
                return
            if found:
                yield unquote(found)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from logins_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from logins_in(item)


def secrets_in(value: object) -> Iterable[str]:
    """Return the names of the secrets that a value refers to, at any depth."""
    if is_secret_reference(value):
        yield value["secret"]  # type: ignore[index]
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from secrets_in(item)


def secret_addresses(markers: Iterable[object]) -> frozenset[str]:
    """
    Return the addresses of objects that hold secrets, as any marker of a cluster says.

    Markers are untrusted, and need not even be sound: more than hide they cannot do here.
    """
    found: set[str] = set()
    for marker in markers:
        secrets = marker.get("secrets") if isinstance(marker, Mapping) else None
        if isinstance(secrets, Mapping):
            found.update(address for address in secrets if isinstance(address, str))
    return frozenset(found)
