"""What `--target` and `--exclude` leave of the changes of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Finding, note
from rmqsync.planning.foreign import some
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
    Leave out what was not chosen.

    What would go with a larger object that is left out waits for that one: a queue that stays would
    be unbound else, and what is published meanwhile be dropped.
    """
    admitted = [one for one in changes if not rules.leaves_out(_address(one, kinds))]
    doomed = frozenset(_deleted(admitted))
    chosen = _targeted(admitted, rules, kinds)
    if len(chosen) == len(changes):
        return Choice(chosen, doomed)
    here = _deleted(chosen)
    implied = implied_losses(_deleted(changes) - here, live, context, kinds)
    with_those_left = {ref for found in implied.values() for ref in found}
    waiting = here & with_those_left
    if not waiting:
        return Choice(chosen, doomed)
    finding = _told([one for one in chosen if one.ref in waiting], kinds)
    return Choice([one for one in chosen if one.ref not in waiting], doomed, (finding,))


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


def _told(waiting: Sequence[Change], kinds: Registry) -> Finding:
    return note(
        "RMQ111",
        f"{some([_address(one, kinds) for one in waiting])} would go with what `--target` or "
        "`--exclude` leaves out, and waits for that",
    )
