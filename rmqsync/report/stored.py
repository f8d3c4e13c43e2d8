"""
Changes of secrets as people mean them, not as they are stored.

A password is declared as itself and kept by the broker as a hash with the name of its algorithm. A
password that is not the live one differs in three fields then, and means one thing.
"""

from __future__ import annotations

from collections.abc import Sequence

from rmqsync.kinds.base import Kind
from rmqsync.kinds.fields import Secrecy
from rmqsync.model.changes import ABSENT, FieldChange


def as_meant(kind: Kind, fields: Sequence[FieldChange]) -> tuple[FieldChange, ...]:
    """
    Return the fields of an update without those that say how the secret beside them was stored.

    A secret that comes stands for the one that goes: it is the same field to people.
    """
    stored = {one.name for one in kind.fields if one.of_secret}
    if not stored:
        return tuple(fields)
    secrets = {one.name for one in kind.fields if one.secret is Secrecy.VALUE}
    coming = [one for one in fields if one.path[0] in secrets and one.before is ABSENT]
    going = [one for one in fields if one.path[0] in secrets and one.after is ABSENT]
    if not (coming and going):
        return tuple(fields)
    return tuple(
        one._replace(before=going[0].before) if one in coming else one
        for one in fields
        if one not in going and not (one.path[0] in stored and one.after is ABSENT)
    )
