"""
Whether our own user may make the calls that a plan needs, asked before the first of them.

Queues, exchanges and bindings are declared by the HTTP user's own permissions in the vhost, which
an administrator need not have; all else takes the administrator tag alone, and import asks for no
permissions at all (rabbit_mgmt_util.erl `with_channel`, rabbit_definitions.erl). Which permission
an operation takes on what: docs/access-control.md, rabbit_channel.erl.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from rmqsync.broker.rows import Permission, Rights
from rmqsync.kinds.base import Request

_ALL = Permission(".*", ".*", ".*")


class Need(NamedTuple):
    """A right that one call takes."""

    vhost: str
    right: str
    """`configure`, `write` or `read`."""
    name: str
    """Of the queue or exchange."""


def needs(request: Request) -> Iterator[Need]:
    """Yield the rights that a call takes besides the administrator tag."""
    if request.method == "GET":
        return
    match request.path:
        case ("queues", vhost, name):
            yield Need(vhost, "configure", name)
            yield from _for_target(request.body, "x-dead-letter-exchange", vhost, name)
        case ("exchanges", vhost, name):
            yield Need(vhost, "configure", name)
            yield from _for_target(request.body, "alternate-exchange", vhost, name)
        case ("bindings", vhost, "e", source, "q" | "e", destination, *_):
            yield Need(vhost, "read", source)
            yield Need(vhost, "write", destination)


def missing(user: str, rights: Rights, requests: Iterable[Request]) -> tuple[str, ...]:
    """
    Return the `rabbitmqctl` commands that grant what `requests` need and `rights` lack.

    One for each vhost, sorted; nothing is missing when there is none.
    """
    lacking: set[str] = set()
    matched: dict[tuple[str, str], bool] = {}
    for request in requests:
        for need in needs(request):
            if need.vhost in lacking:
                continue
            permission = rights.get(need.vhost)
            if permission == _ALL:
                continue
            pattern = getattr(permission, need.right) if permission is not None else ""
            pair = (pattern, need.name)
            if pair not in matched:
                matched[pair] = _matches(*pair)
            if not matched[pair]:
                lacking.add(need.vhost)
    return tuple(
        f"rabbitmqctl set_permissions -p {shlex.quote(vhost)} {shlex.quote(user)} '.*' '.*' '.*'"
        for vhost in sorted(lacking)
    )


def _for_target(body: Any, argument: str, vhost: str, name: str) -> Iterator[Need]:
    arguments = body.get("arguments") if isinstance(body, Mapping) else None
    target = arguments.get(argument) if isinstance(arguments, Mapping) else None
    if isinstance(target, str):
        yield Need(vhost, "read", name)
        yield Need(vhost, "write", target or "amq.default")


def _matches(pattern: str, name: str) -> bool:
    if pattern in ("", "^$"):
        return False
    if pattern == ".*":
        return True
    import pcre2  # most users may do everything; the import is not free

    try:
        return pcre2.compile(pattern).search(name) is not None
    except pcre2.LibraryError:
        return False
