"""What `--target` and `--exclude` leave of the changes of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.planning.needs import needs
from rmqsync.planning.rules import Rules


class Choice(NamedTuple):
    changes: list[Change]
    doomed: frozenset[Ref]
    """All that may go with a larger object: it is to go by itself, chosen or not."""


def choose(changes: list[Change], rules: Rules, kinds: Registry) -> Choice:
    """Leave out what was not chosen."""
    admitted = [one for one in changes if not rules.leaves_out(_address(one, kinds))]
    doomed = frozenset(_deleted(admitted))
    return Choice(_targeted(admitted, rules, kinds), doomed)


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
