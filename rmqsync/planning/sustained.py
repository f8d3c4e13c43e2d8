"""
Which changes are held since the broker would delete more by itself than they say. Pure.

An auto-delete exchange goes with the last binding from it, whoever removes that and whoever made
the exchange, and takes with it all that leads to it. What counts is the moment: deletions come
after what the run creates, replacements and what is removed first (`Kind.removed_first`) before it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from typing import TypeAlias

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key, Row
from rmqsync.planning.foreign import some

_OVERRIDE = (
    "another binding from it, applied first; or auto_delete: false, or state: absent, for it"
)

Takers: TypeAlias = defaultdict[Ref, defaultdict[Ref, set[Ref]]]
"""By what goes with its last, and by the change that takes some of these: which ones."""


def hold_last(changes: Sequence[Change], live: Rows, kinds: Registry = KINDS) -> tuple[Change, ...]:
    """
    Return the changes; those that would take down what is to stay are held.

    Call it again, with the guards that look at what is sent, until it holds no more: an exchange
    whose deletion is held is to stay, and a binding whose creation is held keeps none.
    """
    holds = bared([one for one in changes if one.hold is None], live, kinds)
    held = [replace(one, hold=holds[one.ref]) if one.ref in holds else one for one in changes]
    return _with_successors(held, live, kinds)


def bared(
    sent: Sequence[Change],
    live: Rows,
    kinds: Registry = KINDS,
    doubtful: Set[Ref] = frozenset(),
) -> dict[Ref, Hold]:
    """
    Return the changes that would take down what is to stay, with why they must wait.

    `sent` is all that the run has made or will make, `live` is what was there before it. What is
    `doubtful` may be gone: it keeps nothing, though whoever takes it may take the last.
    """
    deletions = [one for one in sent if one.action is Action.DELETE]
    first = [one for one in sent if one.action is Action.REPLACE or _goes_first(one, live, kinds)]
    then = _then(sent, live)
    # Also of what is to be deleted later: a replacement could not put back what leads from it.
    early = _takers(first, live, (live, then), kinds)
    late = _takers(deletions, live, (then,), kinds)
    for ref in [ref for one in deletions for ref in (one.ref, *one.impact.implied)]:
        late.pop(ref, None)
    if not early and not late:
        return {}
    names = {ref.kind for by in (*early.values(), *late.values()) for ref in _all(by)}
    there = _keepers({name: live.get(name, {}) for name in names}, (live, then), kinds)
    new = _keepers({name: _created(sent, name) for name in names}, (then,), kinds)
    lost: defaultdict[Ref, set[Ref]] = defaultdict(set)
    for takers, kept in ((early, there), (late, there | new)):
        left = kept - {(one, ref) for one, by in takers.items() for ref in _all(by)}
        for one in takers.keys() - {one for one, ref in left if ref not in doubtful}:
            for ref in takers[one]:
                lost[ref].add(one)
    return {ref: _hold(sorted(ones), kinds) for ref, ones in lost.items()}


def _then(sent: Iterable[Change], live: Rows) -> Rows:
    """Return what is live with what replaces it: so it is once deletions begin."""
    then = dict(live)
    for change in sent:
        if change.action is Action.REPLACE and change.after is not None:
            then[change.ref.kind] = {**then[change.ref.kind], change.ref.key: change.after}
    return then


def _takers(
    changes: Iterable[Change], live: Rows, worlds: Sequence[Rows], kinds: Registry
) -> Takers:
    takers: Takers = defaultdict(lambda: defaultdict(set))
    for change in changes:
        for ref in (change.ref, *change.impact.implied):
            row = live.get(ref.kind, {}).get(ref.key)
            for one in _sustained(ref.kind, row, worlds, kinds) if row is not None else ():
                if one != change.ref:  # what is replaced goes, and comes again
                    takers[one][change.ref].add(ref)
    return takers


def _keepers(rows: Rows, worlds: Sequence[Rows], kinds: Registry) -> set[tuple[Ref, Ref]]:
    """Return what keeps something there, each after that."""
    return {
        (one, Ref(name, key))
        for name, found in rows.items()
        for key, row in found.items()
        for one in _sustained(name, row, worlds, kinds)
    }


def _created(sent: Iterable[Change], name: str) -> dict[Key, Row]:
    return {
        one.ref.key: one.after
        for one in sent
        if one.ref.kind == name and one.action is Action.CREATE and one.after is not None
    }


def _sustained(name: str, row: Row, worlds: Sequence[Rows], kinds: Registry) -> set[Ref]:
    """Return what goes with the last such object, in any of the states that it is seen in."""
    found = (kinds[name].sustains(row, rows) for rows in worlds)
    return {one for one in found if one is not None}


def _goes_first(change: Change, live: Rows, kinds: Registry) -> bool:
    if change.action is not Action.DELETE or change.before is None:
        return False
    return kinds[change.ref.kind].removed_first(change.before, live)


def _all(by: dict[Ref, set[Ref]]) -> set[Ref]:
    return set().union(*by.values())


def _with_successors(changes: Sequence[Change], live: Rows, kinds: Registry) -> tuple[Change, ...]:
    """Hold what has no effect while another is there, as that one's deletion is held."""
    first = {
        (change.ref.kind, change.ref.key[:4]): change
        for change in changes
        if change.hold is not None and _goes_first(change, live, kinds)
    }
    return tuple(
        replace(change, hold=_waiting(first[change.ref.kind, change.ref.key[:4]], kinds))
        if change.hold is None
        and change.action is Action.CREATE
        and (change.ref.kind, change.ref.key[:4]) in first
        else change
        for change in changes
    )


def _waiting(change: Change, kinds: Registry) -> Hold:
    assert change.hold is not None
    name = kinds[change.ref.kind].sentence(change.ref.key)
    return replace(change.hold, reason=f"{name} has to go first, and is held")


def _hold(refs: Sequence[Ref], kinds: Registry) -> Hold:
    names = [address_of(kinds[ref.kind], ref.key) for ref in refs]
    sort = (
        "are auto-delete, with the last binding from each"
        if names[1:]
        else ("is auto-delete, with the last binding from it")
    )
    reason = f"it would take down {some(names)}, which {sort}"
    return Hold(HoldCode.TAKES_FOREIGN, reason, _OVERRIDE)
