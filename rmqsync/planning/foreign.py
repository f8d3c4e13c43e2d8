"""What a deletion would take down that is not ours to lose. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rmqsync.config.cluster import Prune
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode, Ref
from rmqsync.model.definitions import Rows
from rmqsync.planning.needs import row_needs
from rmqsync.planning.retired import is_kept
from rmqsync.planning.rules import Rules, in_scope

_NAMED = 3
"""How many objects a reason names before it counts the rest."""


def takes_foreign(
    change: Change,
    deleted: Collection[Ref],
    kept: Collection[str],
    live: Rows,
    rules: Rules,
    kinds: Registry,
) -> Hold | None:
    """
    Hold what would take down objects that are not ours to lose.

    `deleted` is all that is to go anyway, `kept` are addresses that `removed:` keeps. A replacement
    puts back what it takes down, declared or not. But what `ignore` or `protect` names is not even
    to be touched.
    """
    if change.action not in (Action.DELETE, Action.REPLACE):
        return None
    implied = {ref: address_of(kinds[ref.kind], ref.key) for ref in change.impact.implied}
    spared = [one for one in implied.values() if _is_set_apart(one, rules)]
    if spared:
        return _hold(spared, "under `ignore` or `protect` in the settings")
    if change.action is Action.REPLACE:
        return None
    stranded = [
        implied[ref]
        for ref in (implied if rules.protect else ())
        for one in _ends(ref, change, live, kinds)
        if one in deleted and rules.protects(address_of(kinds[one.kind], one.key))
    ]
    if stranded:
        return _hold(stranded, "without which what is under `protect` would be left alone")
    excluded = [one for one in implied.values() if rules.leaves_out(one)]
    if excluded:
        return _hold(excluded, "which `--exclude` leaves out")
    rest = {ref: one for ref, one in implied.items() if ref not in deleted}
    # Also what is a part of the object: a user's permissions in another repository's vhosts.
    outside = [
        one for ref, one in rest.items() if not in_scope(rules.scope, kinds[ref.kind], ref.key)
    ]
    if outside:
        return _hold(outside, "outside of `scope` in the settings")
    parts = kinds[change.ref.kind].parts
    stay = [
        one
        for ref, one in rest.items()
        if one in kept or (ref.kind not in parts and _stays(ref, change, live, kept, rules, kinds))
    ]
    if not stay:
        return None
    override = "state: absent for each of them as well"
    return _hold(stay, "which this repository does not manage", override)


def _stays(
    ref: Ref,
    change: Change,
    live: Rows,
    kept: Collection[str],
    rules: Rules,
    kinds: Registry,
) -> bool:
    """Tell whether what is not to go by itself may not go with another either."""
    if rules.prune is not Prune.ALL or is_kept(ref, live[ref.kind][ref.key], kept, kinds):
        return True
    ends = _ends(ref, change, live, kinds)
    return any(_is_set_apart(address_of(kinds[one.kind], one.key), rules) for one in ends)


def _is_set_apart(address: str, rules: Rules) -> bool:
    return rules.ignores(address) or rules.protects(address)


def _ends(ref: Ref, change: Change, live: Rows, kinds: Registry) -> set[Ref]:
    """Return what an object that would go connects, besides what it goes with."""
    if ref.kind in kinds[change.ref.kind].parts:
        return set()
    needed = row_needs(ref, live[ref.kind][ref.key], kinds)
    return {one for one in needed if one != change.ref and not kinds[one.kind].hosts_vhost_kinds}


def _hold(addresses: Sequence[str], what: str, override: str | None = None) -> Hold:
    return Hold(HoldCode.TAKES_FOREIGN, f"it would take down {some(addresses)}, {what}", override)


def some(names: Sequence[str]) -> str:
    """Return the first few names, and how many more there are."""
    shown = ", ".join(names[:_NAMED])
    rest = len(names) - _NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown
