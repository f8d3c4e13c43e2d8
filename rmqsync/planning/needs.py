"""What must be there before an object can be made."""

from __future__ import annotations

from rmqsync.kinds import KINDS
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Change, Ref
from rmqsync.model.values import Row


def needs(change: Change, kinds: Registry = KINDS) -> set[Ref]:
    """Return the objects that must be there before a change can be made."""
    if change.after is None:
        return set()
    return row_needs(change.ref, change.after, kinds)


def row_needs(ref: Ref, row: Row, kinds: Registry = KINDS) -> set[Ref]:
    """Return the objects that a row refers to and cannot be declared without."""
    kind = kinds[ref.kind]
    found = {Ref(one.kind, one.key) for one in kind.references(row) if one.strict}
    if kind.in_vhost and kinds.host is not None:
        found.add(Ref(kinds.host.name, (ref.key[0],)))
    return found
