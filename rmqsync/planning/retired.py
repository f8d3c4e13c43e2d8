"""What is live and not declared any more: which of it goes, and whose doing that is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from rmqsync.config.cluster import Prune
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Cause, Ref
from rmqsync.model.definitions import Desired, When
from rmqsync.model.findings import Finding, note
from rmqsync.model.values import Row
from rmqsync.planning.needs import row_needs
from rmqsync.planning.ownership import Ownership, is_owned, was_absent
from rmqsync.planning.rules import Rules


def drains(ref: Ref, desired: Desired, kinds: Registry) -> bool:
    """Tell whether an object is to be unbound now and deleted when it is drained."""
    if not desired.removed:
        return False
    return desired.retired(address_of(kinds[ref.kind], ref.key)).when is When.DRAINED


def is_kept(ref: Ref, row: Row, kept: Collection[str], kinds: Registry) -> bool:
    """
    Tell whether an object stays: `kept` are addresses under `removed:` with `keep: true`.

    What leads to a kept object stays as well: without it that one is of no use.
    """
    around = [ref, *row_needs(ref, row, kinds)] if kept else []
    return any(address_of(kinds[one.kind], one.key) in kept for one in around)


def settled(desired: Desired, own: Ownership, kinds: Registry) -> list[Finding]:
    """Tell which entries of `removed:` are done with: they say nothing of what is made later."""
    retiring = [one for one in desired.removed if not one.keep]
    if not retiring or not own.is_known or own.marker is None:
        return []
    waiting = {name for one in own.marker.outstanding for name in one.addresses}
    named = {one.address.partition(":")[0] for one in retiring}
    declared = {
        address_of(kinds[name], key)
        for past in own.pasts or ()
        for name, rows in past.rows.items()
        if name in named
        for key in rows
    }
    return [
        note(
            "RMQ107",
            f"{one.address} was retired, or never ours: its entry in removed: counts no longer",
            one.source,
            address=one.address,
            hint="take the entry out",
        )
        for one in retiring
        if one.address not in declared and one.address not in waiting
    ]


@dataclass(slots=True)
class Retired:
    """Judges live objects that the definitions do not declare, one by one."""

    desired: Desired
    rules: Rules
    own: Ownership
    context: Context
    kinds: Registry
    kept: Collection[str] = field(init=False)
    altered: set[Ref] = field(default_factory=set)
    """Ours, but changed by somebody since the last run."""
    ours: set[Ref] = field(default_factory=set)
    """Applied once by this repository, as the marker tells."""

    def __post_init__(self) -> None:
        self.kept = self.desired.kept

    def goes(self, ref: Ref, row: Row) -> bool:
        """Tell whether an object is to be deleted."""
        if ref.key in self.desired.absent.get(ref.kind, {}):
            return True
        if self.rules.prune is Prune.NEVER or is_kept(ref, row, self.kept, self.kinds):
            return False
        owned = is_owned(ref, row, self.own, self.context, self.kinds)
        if owned is not False:
            self.ours.add(ref)
            if owned is None:
                self.altered.add(ref)
            return True
        kind = self.kinds[ref.kind]
        if self.rules.prune is not Prune.ALL or kind.never_pruned(row) or kind.of_cluster(row):
            return False
        return not kind.spared_by_prune_all or ref.kind in self.rules.prune_kinds

    def cause(self, ref: Ref) -> Cause:
        """Return whose doing the deletion of an object that goes is."""
        if not self.own.is_judged:
            return Cause.UNKNOWN
        if ref in self.altered:
            return Cause.BOTH
        if ref.key in self.desired.absent.get(ref.kind, {}):
            return Cause.DRIFT if was_absent(ref, self.own) else Cause.GIT
        return Cause.GIT if ref in self.ours else Cause.UNKNOWN
