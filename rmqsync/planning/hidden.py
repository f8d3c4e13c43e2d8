"""
Values that are secret though nothing in them says so: a secret stood, or stands, for them.

Of a declared parameter the reference tells. Once it is declared otherwise, or not at all, the live
value is still there: then what was applied last tells, and the markers, which name every object
with a secret in it. They are untrusted, but more than hide they cannot do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.fields import Secrecy
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Change, FieldChange
from rmqsync.planning.ownership import NOBODY, Ownership, holds_secret


def hiding(
    change: Change,
    addresses: frozenset[str],
    own: Ownership = NOBODY,
    kinds: Registry = KINDS,
) -> Change:
    """Return a change that shows no text of an object in whose place a secret is or was."""
    kind = kinds[change.ref.kind]
    if not kind.holds_secrets or not _was_secret(change, addresses, own, kinds):
        return change
    names = {one.name for one in kind.fields if one.secret is not Secrecy.NONE}
    return replace(
        change,
        fields=tuple(_hidden(one, names) for one in change.fields),
        left=tuple(_hidden(one, names) for one in change.left),
    )


def _was_secret(change: Change, addresses: frozenset[str], own: Ownership, kinds: Registry) -> bool:
    if address_of(kinds[change.ref.kind], change.ref.key) in addresses:
        return True
    if not own.is_judged:
        return False
    rows = (past.row(change.ref) for past in own.last(change.ref, kinds) or ())
    return any(row is not None and holds_secret(row) for row in rows)


def _hidden(one: FieldChange, names: set[str]) -> FieldChange:
    if one.sensitive or one.path[0] not in names:
        return one
    has_text = any(map(_holds_text, (one.before, one.after, one.last)))
    return one._replace(sensitive=True) if has_text else one


def _holds_text(value: object) -> bool:
    """Tell whether there is any text in a value: a secret is one."""
    if isinstance(value, Mapping):
        return any(map(_holds_text, value.values()))
    if isinstance(value, list):
        return any(map(_holds_text, value))
    return isinstance(value, str)
