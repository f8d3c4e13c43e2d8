"""
What has gone by itself, as it was declared to, and what cannot be made without it.

Neither is made again: such an object until its definition changes in git, what hangs on it until it
is there again, whoever makes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rmqsync.analysis.policies import QUEUE, PolicyIndex
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Change, Ref
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.findings import Finding, note
from rmqsync.model.values import Row, same
from rmqsync.planning.needs import row_needs
from rmqsync.planning.ownership import Ownership

Missing = Sequence[tuple[Ref, Row]]
"""Declared objects that are not there, with their rows."""


def completed(
    missing: Missing, live: Rows, own: Ownership, context: Context, kinds: Registry
) -> dict[Ref, Ref]:
    """Return the missing objects not to be made, each with the one that has gone: itself often."""
    if not own.is_judged:
        return {}
    made = [(ref, row) for ref, row in missing if _was_made(ref, row, own, kinds)]
    gone = {ref: ref for ref in _going(made, live, context, kinds)}
    # One step is enough: nothing is declared inside of what is declared inside of these.
    hanging = {
        ref: needed
        for ref, row in (missing if gone else ())
        for needed in row_needs(ref, row, kinds)
        if needed in gone and ref not in gone
    }
    return gone | hanging


def _going(found: Missing, live: Rows, context: Context, kinds: Registry) -> Iterator[Ref]:
    """Yield the objects that go by themselves: by their definition, or by the policies there."""
    policies = None
    for ref, row in found:
        if kinds[ref.kind].goes_by_itself(row):
            yield ref
        elif ref.kind == QUEUE:
            policies = policies or PolicyIndex(live, context)
            if "expires" in policies.of(ref, row).definition:
                yield ref


def _was_made(ref: Ref, wanted: Row, own: Ownership, kinds: Registry) -> bool:
    """Tell whether an object was made before, as it is declared now."""
    marker = own.marker
    if marker is not None and own.current is not None and own.entry_of(ref, kinds) == (False, None):
        entries = marker.entries
        if entries and all(one.content == own.current.content for one in entries):
            return marker.running is None
    last = own.last(ref, kinds)
    return last is not None and all(
        row is not None and same(row, wanted) for row in (past.row(ref) for past in last)
    )


def may_repeat(change: Change, own: Ownership, kinds: Registry) -> bool:
    """
    Tell whether a change may have work done that was done before, as a shovel copies messages.

    Where it is not known what was applied last, it may have been this.
    """
    kind = kinds[change.ref.kind]
    if not kind.starts_over or change.after is None or not kind.goes_by_itself(change.after):
        return False
    if change.before is not None:
        return kind.goes_by_itself(change.before)
    if not own.is_judged or own.marker is None:
        return False
    last = own.last(change.ref, kinds)
    rows = None if last is None else [past.row(change.ref) for past in last]
    return rows is None or any(row is not None and kind.goes_by_itself(row) for row in rows)


def completed_notes(
    found: Mapping[Ref, Ref], desired: Desired, kinds: Registry
) -> Iterable[Finding]:
    """Say of each object why it is not made."""
    for ref, gone in found.items():
        kind = kinds[ref.kind]
        if ref == gone:
            reason = (
                "goes by itself, and has gone since it was made: it is not made again until its "
                "definition changes"
            )
        else:
            needed = kinds[gone.kind].sentence(gone.key)
            reason = f"needs {needed}, which has gone by itself: it is made once that is there"
        yield note(
            "RMQ099",
            f"{kind.sentence(ref.key)} {reason}",
            desired.source(ref),
            address=address_of(kind, ref.key),
        )
