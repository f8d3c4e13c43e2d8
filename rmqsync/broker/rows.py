"""What an export says besides rows: whose we are, what belongs to others, which defaults count."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from rmqsync.kinds.policy import POLICY
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.marker import PREFIX

_USER = "user"
_NAMED_BY_OTHERS = ("exchange", "queue")
_UNDEFINED = (None, "", "undefined")


class Permission(NamedTuple):
    """What a user may do in one vhost: patterns, searched for anywhere in a name."""

    configure: str
    write: str
    read: str


Rights: TypeAlias = Mapping[str, Permission]
"""Of one user, by vhost."""


def own_rights(document: Mapping[str, Any], user: str) -> Rights:
    """Return the permissions of `user` that an export holds."""
    return {
        item["vhost"]: Permission(item["configure"], item["write"], item["read"])
        for item in document.get("permissions") or ()
        if item.get("user") == user
    }


def markers(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an export holds of markers: their values, unread, by owner."""
    return {
        item["name"].removeprefix(PREFIX): item.get("value")
        for item in document.get("global_parameters") or ()
        if str(item.get("name")).startswith(PREFIX)
    }


def fences(document: Mapping[str, Any]) -> frozenset[Ref]:
    """Return the policies of an export that keep publishers out of queues."""
    return frozenset(
        Ref(POLICY.name, POLICY.key(item))
        for item in document.get(POLICY.export_section) or ()
        if POLICY.broker_owned(item)
    )


def without_user(rows: Rows, user: str, kinds: Registry) -> Rows:
    """Return `rows` without a user, and without its limits and rights."""
    found = dict(rows)
    for kind in kinds:
        is_user = kind.name == _USER
        if kind.name in rows and (is_user or any(f.name == _USER for f in kind.identity)):
            field = "name" if is_user else _USER
            kept = {key: row for key, row in rows[kind.name].items() if row[field] != user}
            found[kind.name] = kept
    return found


def default_queue_types(vhosts: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the default queue type of each vhost that has one; 3.10 says "undefined"."""
    found = {}
    for vhost in vhosts:
        metadata = vhost.get("metadata") or {}
        default = vhost.get("default_queue_type", metadata.get("default_queue_type"))
        if default not in _UNDEFINED:
            found[vhost["name"]] = str(default)
    return found


def foreign(
    document: Mapping[str, Any],
    listings: Mapping[str, Iterable[Mapping[str, Any]]],
    kinds: Registry,
    user: str | None,
) -> frozenset[Ref]:
    """Return what is there though not in rows, and may be named by what is: queues, exchanges."""
    found = {Ref(_USER, (user,))} if user is not None else set()
    for name in _NAMED_BY_OTHERS:
        kind = kinds[name]
        items: Iterable[Any] = listings.get(name) or document.get(kind.export_section) or ()
        for item in items:
            if kind.broker_owned({"arguments": {}, **item}):
                found.add(Ref(name, kind.key(item)))
    return frozenset(found)
