"""A definitions export without what is outside a scope; what is left is as the broker wrote it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rmqsync.kinds import KINDS
from rmqsync.kinds.registry import Registry
from rmqsync.loading.scope import Scope


def part_of_export(
    document: Mapping[str, Any], scope: Scope, kinds: Registry = KINDS
) -> dict[str, Any]:
    """
    Return the items of an export that a scope covers, whole, in their order, with all headers.

    What is outside is somebody else's, password hashes included. An item that holds objects of
    several kinds, as a user does its limits, stays where any of these is inside.
    """
    return {
        section: list(_covered(section, items, scope, kinds))
        if section in kinds.by_section and isinstance(items, list)
        else items
        for section, items in document.items()
    }


def _covered(
    section: str, items: list[Any], scope: Scope, kinds: Registry
) -> Iterator[Mapping[str, Any]]:
    host = kinds.host
    known: dict[tuple[str, str], bool] = {}
    for item in items:
        kind = kinds.by_component.get(str(item.get("component"))) or kinds.by_section[section]
        vhost = str(item.get("name" if kind is host else "vhost"))
        what = (kind.name, vhost)  # a scope looks at nothing else
        if what not in known:
            inner = [kinds[one.kind] for one in kind.nested if one.field in item]
            known[what] = any(scope.covers(one, (vhost,)) for one in (kind, *inner))
        if known[what]:
            yield item
