"""What was applied from here, and is to be unmanaged since the settings leave it alone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rmqsync.config.cluster import Prune
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.counts import number_of
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.findings import Finding, note, warning
from rmqsync.planning.foreign import some
from rmqsync.planning.ownership import Ownership, was_ours
from rmqsync.planning.retired import is_kept
from rmqsync.planning.rules import Rules, in_scope


def out_of_sight(
    desired: Desired, live: Rows, rules: Rules, own: Ownership, kinds: Registry = KINDS
) -> Iterator[Finding]:
    """
    Tell of what a narrower scope leaves behind, until a run has moved the marker on.

    From then on the marker does not say any more that it was ours.
    """
    if not _is_open(rules, own):
        return
    left = list(_left(desired, live, rules, own, kinds))
    if not left:
        return
    them = "it" if len(left) == 1 else "them"
    yield warning(
        "RMQ114",
        f"outside of `scope` in the settings by now: {number_of(len(left), 'object')} applied from "
        f"here ({some(left)}); nothing is changed or deleted there, and the next run leaves {them} "
        "unmanaged",
        address=left[0],
        hint="widen `scope` again before that run to have them managed, or deleted, from here; "
        "later, declaring them again takes them back",
    )


def let_be(
    desired: Desired, live: Rows, rules: Rules, own: Ownership, kinds: Registry = KINDS
) -> Iterator[Finding]:
    """
    Tell of what git gave up and `ignore` or `prune: never` spares, until the marker has moved on.

    From then on the marker does not say any more that it was ours.
    """
    spares_all = rules.prune is Prune.NEVER
    if not (spares_all or rules.ignore) or own.marker is None or not own.is_judged:
        return
    ignored: list[str] = []
    spared: list[str] = []
    for ref in _given_up(desired, live, rules, own, kinds):
        address = address_of(kinds[ref.kind], ref.key)
        if rules.ignores(address):
            ignored.append(address)
        elif spares_all:
            spared.append(address)
    if ignored:
        yield _told_of(ignored, "under `ignore`", "take it out of `ignore`", warning)
    if spared:
        yield _told_of(spared, "under `prune: never`", "set `prune: owned`", note)


def _told_of(
    addresses: list[str], rule: str, hint: str, finding: Callable[..., Finding]
) -> Finding:
    them = "it" if len(addresses) == 1 else "them"
    return finding(
        "RMQ117",
        f"no longer in the definitions, and {rule} in the settings: "
        f"{number_of(len(addresses), 'object')} applied from here ({some(addresses)}); nothing of "
        f"that is deleted, and the next run leaves {them} unmanaged",
        address=addresses[0],
        hint=f"{hint} before that run to have {them} deleted; later, declaring {them} again takes "
        f"{them} back",
    )


def _given_up(
    desired: Desired, live: Rows, rules: Rules, own: Ownership, kinds: Registry
) -> Iterator[Ref]:
    """Yield what is there, was applied last, is declared no more, and will not be remembered."""
    for kind in kinds:
        declared = desired.rows.get(kind.name, {}).keys() | desired.absent.get(kind.name, {}).keys()
        for key in sorted(live.get(kind.name, {}).keys() - declared):
            ref = Ref(kind.name, key)
            row = live[kind.name][key]
            if not in_scope(rules.scope, kind, key) or is_kept(ref, row, desired.kept, kinds):
                continue
            if not own.entry_of(ref, kinds)[0] and was_ours(ref, own, kinds):
                yield ref


def _is_open(rules: Rules, own: Ownership) -> bool:
    """Tell whether the scope may have been narrowed since: else what was applied is not read."""
    marker = own.marker
    if marker is None or not own.is_judged:
        return False
    now = (rules.scope.vhosts, rules.scope.kinds)
    # A run that was killed has written the scope already, and not what it applied.
    return (marker.scope_vhosts, marker.scope_kinds) != now or len(marker.entries) > 1


def _left(
    desired: Desired, live: Rows, rules: Rules, own: Ownership, kinds: Registry
) -> Iterator[str]:
    for kind in kinds:
        for key in sorted(live.get(kind.name, ())):
            ref = Ref(kind.name, key)
            if in_scope(rules.scope, kind, key) or not was_ours(ref, own, kinds):
                continue
            address = address_of(kind, key)
            if address not in desired.kept and not rules.ignores(address):
                yield address
