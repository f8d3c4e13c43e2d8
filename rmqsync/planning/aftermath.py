"""What deletions do to what is in no definitions, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change
from rmqsync.model.findings import Finding, note
from rmqsync.planning.foreign import some


def aftermath(changes: Iterable[Change], kinds: Registry) -> Iterator[Finding]:
    """Yield a note for each kind of which a change deletes one, and that does more than that."""
    going = [one for one in changes if one.action is Action.DELETE]
    for kind in kinds:
        if kind.upon_removal is None:
            continue
        found = [address_of(kind, one.ref.key) for one in going if one.ref.kind == kind.name]
        if found:
            yield note("RMQ115", f"{some(found)}: {kind.upon_removal}", address=found[0])
