"""What is live and not declared any more: which of it goes, and whose doing that is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from rmqsync.config.cluster import Prune
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Cause, Change, Ref
from rmqsync.model.definitions import Desired, Rows, When
from rmqsync.model.findings import Finding, note
from rmqsync.model.values import Row
from rmqsync.planning.implied import owners
from rmqsync.planning.needs import row_needs
from rmqsync.planning.ownership import Ownership, is_owned, was_absent, was_ours
from rmqsync.planning.rules import Rules, in_scope


def drains(change: Change, desired: Desired, kinds: Registry) -> bool:
    """
    Tell whether a deletion is one of what is to be unbound now and deleted when it is drained.

    Only what holds messages drains, and no stream does. An exchange that stays unbound until the
    next run would drop what is published meanwhile, and confirm it.
    """
    kind = kinds[change.ref.kind]
    if change.action is not Action.DELETE or change.before is None:
        return False
    if not (kind.is_counted or kind.hosts_vhost_kinds) or kind.keeps_what_is_read(change.before):
        return False
    return is_to_drain(change.ref, desired, kinds)


def is_to_drain(ref: Ref, desired: Desired, kinds: Registry) -> bool:
    """Tell whether `removed:` says of an object that it is to be deleted once it is drained."""
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
    """Judges live objects that the definitions do not declare."""

    desired: Desired
    live: Rows
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

    def going(self, extra: Sequence[tuple[Ref, Row]]) -> list[tuple[Ref, Row]]:
        """Return which of all that is not declared is to be deleted."""
        gone = [(ref, row) for ref, row in extra if self._goes(ref, row)]
        going = {ref for ref, _ in gone}
        stay: set[Ref] = set()
        # The larger first: what hangs on one asks whether that goes.
        for ref, row in sorted(gone, key=lambda one: self.kinds[one[0].kind].rank):
            if self._stays_with_another(ref, row, going, stay):
                stay.add(ref)
                going.remove(ref)
        self.ours &= going
        self.altered &= going
        return [(ref, row) for ref, row in gone if ref in going]

    def _goes(self, ref: Ref, row: Row) -> bool:
        if self._is_absent(ref):
            return True
        if self.rules.prune is Prune.NEVER or is_kept(ref, row, self.kept, self.kinds):
            return False
        owned = is_owned(ref, row, self.own, self.context, self.kinds)
        if owned is not False:
            self.ours.add(ref)
            if owned is None:
                self.altered.add(ref)
            return True
        return self.rules.prune is Prune.ALL and not self._is_spared(ref, row)

    def _is_absent(self, ref: Ref) -> bool:
        return ref.key in self.desired.absent.get(ref.kind, {})

    def _is_spared(self, ref: Ref, row: Row) -> bool:
        """Tell whether `prune: all` leaves an object alone that nobody declared."""
        kind = self.kinds[ref.kind]
        if kind.never_pruned(row) or kind.of_cluster(row):
            return True
        return kind.spared_by_prune_all and ref.kind not in self.rules.prune_kinds

    def _stays_with_another(
        self, ref: Ref, row: Row, going: Collection[Ref], stay: Collection[Ref]
    ) -> bool:
        """
        Tell whether an object was only to go since a larger one would, which stays.

        A queue without its bindings gets nothing any more, a user without rights may do nothing.
        """
        if self._is_absent(ref):
            return False
        larger = owners(ref, row, self.context, self.kinds)
        leaving = [one for one in larger if one in going]
        if any(ref.kind in self.kinds[one.kind].parts for one in leaving):
            return False
        if leaving and not any(self._is_ignored(one) for one in larger):
            return False
        return any(one in stay or self._holds(one, ref) for one in larger)

    def _is_ignored(self, ref: Ref) -> bool:
        """Tell whether an object is not even to be touched, nor what leads to it."""
        return self.rules.ignores(address_of(self.kinds[ref.kind], ref.key))

    def _holds(self, larger: Ref, ref: Ref) -> bool:
        row = self.live.get(larger.kind, {}).get(larger.key)
        if row is None or larger.key in self.desired.rows.get(larger.kind, {}):
            return False
        kind = self.kinds[larger.kind]
        is_ignored = self._is_ignored(larger)
        in_sight = in_scope(self.rules.scope, kind, larger.key)
        if ref in self.ours:  # a binding that git gave up by itself is to go
            return (is_ignored or not in_sight) and was_ours(larger, self.own, self.kinds)
        if is_ignored or kind.never_pruned(row):
            return True
        is_named = ref.kind in self.rules.prune_kinds
        return in_sight and not is_named and self._is_spared(larger, row)

    def cause(self, ref: Ref) -> Cause:
        """Return whose doing the deletion of an object that goes is."""
        if not self.own.is_judged:
            return Cause.UNKNOWN
        if ref in self.altered:
            return Cause.BOTH
        if self._is_absent(ref):
            return Cause.DRIFT if was_absent(ref, self.own) else Cause.GIT
        return Cause.GIT if ref in self.ours else Cause.UNKNOWN
