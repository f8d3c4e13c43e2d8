"""A set of rows as one definitions document, as the broker imports it."""

from __future__ import annotations

from typing import Any

from rmqsync.kinds import KINDS
from rmqsync.kinds.registry import Registry
from rmqsync.model.definitions import Rows


def compile_document(rows: Rows, kinds: Registry = KINDS) -> dict[str, Any]:
    """
    Return `rows` as a definitions document, in the order of creation.

    Sections without objects are left out. Secrets must have been resolved. What hangs on another
    object in the document (limits of a user) is only there together with that object.
    """
    document: dict[str, Any] = {}
    for kind in kinds:
        for _, row in sorted(rows.get(kind.name, {}).items()):
            kind.embed(document, row)
    return document
