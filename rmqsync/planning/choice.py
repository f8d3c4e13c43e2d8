"""What `--target` and `--exclude` leave of the changes of a run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Finding, note
from rmqsync.planning.foreign import some
from rmqsync.planning.held_along import ends
from rmqsync.planning.implied import implied_losses
from rmqsync.planning.needs import needs
from rmqsync.planning.rules import Rules


class Choice(NamedTuple):
    changes: list[Change]
    doomed: frozenset[Ref]
    """All that may go with a larger object: it is to go by itself, chosen or not."""
    findings: tuple[Finding, ...] = ()


def choose(
    changes: list[Change], live: Rows, context: Context, rules: Rules, kinds: Registry
) -> Choice:
    """
    Leave out what was not chosen, and what cannot be made without that.

    What would go with a larger object that is left out waits for that one: a queue that stays would
    be unbound else, and what is published meanwhile be dropped.
    """
    admitted = [one for one in changes if not rules.leaves_out(_address(one, kinds))]
    doomed = frozenset(_deleted(admitted))
    chosen, findings = _possible(_targeted(admitted, rules, kinds), changes, live, context, kinds)
    if len(chosen) == len(changes):
        return Choice(chosen, doomed)
    here = _deleted(chosen)
    implied = implied_losses(_deleted(changes) - here, live, context, kinds)
    with_those_left = {ref for found in implied.values() for ref in found}
    waiting = here & with_those_left
    if not waiting:
        return Choice(chosen, doomed, findings)
    finding = _told([one for one in chosen if one.ref in waiting], kinds)
    chosen = [one for one in chosen if one.ref not in waiting]
    return Choice(chosen, doomed, (*findings, finding))


def _address(change: Change, kinds: Registry) -> str:
    return address_of(kinds[change.ref.kind], change.ref.key)


def _deleted(changes: Sequence[Change]) -> set[Ref]:
    return {change.ref for change in changes if change.action is Action.DELETE}


def _targeted(changes: list[Change], rules: Rules, kinds: Registry) -> list[Change]:
    """Keep what `--target` names, and what has to be made for that."""
    if not rules.targets:
        return changes
    by_ref = {change.ref: change for change in changes}
    wanted = {one.ref for one in changes if rules.is_target(_address(one, kinds))}
    todo = list(wanted)
    while todo:
        for needed in needs(by_ref[todo.pop()], kinds):
            if needed in by_ref and needed not in wanted:
                wanted.add(needed)
                todo.append(needed)
    return [change for change in changes if change.ref in wanted]


def _possible(
    chosen: list[Change], changes: list[Change], live: Rows, context: Context, kinds: Registry
) -> tuple[list[Change], tuple[Finding, ...]]:
    """Leave out what needs a creation that is left out, and what that was to take the place of."""
    coming = {one.ref: needs(one, kinds) for one in chosen if one.action is Action.CREATE}
    lacking = {one.ref for one in changes if one.action is Action.CREATE} - coming.keys()
    without: set[Ref] = set()
    while more := {
        ref
        for ref, needed in coming.items()
        if ref not in without and not needed.isdisjoint(lacking | without)
    }:
        without |= more
    if not without:
        return chosen, ()
    superseded = _superseded(chosen, without, live, context, kinds)
    return (
        [one for one in chosen if one.ref not in without | superseded],
        tuple(_without(chosen, without, superseded, kinds)),
    )


def _superseded(
    chosen: Sequence[Change],
    without: Collection[Ref],
    live: Rows,
    context: Context,
    kinds: Registry,
) -> set[Ref]:
    """Return the deletions that take a binding whose place one of these was to take."""
    places = {end for ref in without if ref.kind == BINDING for end in ends(ref)}
    if not places:
        return set()
    going = _deleted(chosen)
    taken = implied_losses(going, live, context, kinds)
    return {
        ref
        for ref in going
        for one in (ref, *taken.get(ref, ()))
        if one.kind == BINDING and not places.isdisjoint(ends(one))
    }


def _without(
    chosen: Sequence[Change],
    without: Collection[Ref],
    superseded: Collection[Ref],
    kinds: Registry,
) -> Iterator[Finding]:
    left = [_address(one, kinds) for one in chosen if one.ref in without]
    yield note(
        "RMQ116",
        f"{some(left)} cannot be made without what `--target` or `--exclude` leaves out, and "
        f"{'is' if len(left) == 1 else 'are'} left out as well",
    )
    kept = [_address(one, kinds) for one in chosen if one.ref in superseded]
    if kept:
        yield note(
            "RMQ116",
            f"{some(kept)} {'stays' if len(kept) == 1 else 'stay'}: a binding that was to take the "
            "place is left out",
        )


def _told(waiting: Sequence[Change], kinds: Registry) -> Finding:
    return note(
        "RMQ111",
        f"{some([_address(one, kinds) for one in waiting])} would go with what `--target` or "
        "`--exclude` leaves out, and waits for that",
    )
