"""The fuse: how many deletions one run may make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Hold, HoldCode
from rmqsync.model.counts import number_of
from rmqsync.planning.rules import Rules

_FLOOR = 10
"""Below so many owned objects the share of deletions says nothing."""


def max_deletes(
    changes: Sequence[Change], rules: Rules, owned: int, kinds: Registry
) -> tuple[Change, ...]:
    """Hold all deletions where a run would make too many of them, implied ones included."""
    counted = {
        change.ref
        for change in changes
        if change.action is Action.DELETE
        and change.hold is None
        and address_of(kinds[change.ref.kind], change.ref.key) not in rules.approved
    }
    gone = {
        ref
        for change in changes
        if change.ref in counted
        for ref in (change.ref, *change.impact.implied)
    }
    limits = rules.max_deletes
    bindings = sum(1 for ref in gone if not kinds[ref.kind].fields)
    objects = len(gone) - bindings
    reason, of = None, f" of {owned} objects"
    if objects > limits.objects:
        reason = f"{_too_many(objects, 'deletion')} max_deletes.objects, {limits.objects}"
    elif bindings > limits.bindings:
        reason = f"{_too_many(bindings, 'deleted binding')} {limits.bindings}, max_deletes"
    elif owned >= _FLOOR and len(gone) > limits.share * owned:
        reason = f"{_too_many(len(gone), 'deletion', of)} {limits.share:.0%}"
    if reason is None:
        return tuple(changes)
    hold = Hold(HoldCode.MAX_DELETES, reason, f"--max-deletes {len(gone)}")
    return tuple(
        replace(change, hold=hold) if change.ref in counted else change for change in changes
    )


def _too_many(number: int, noun: str, of: str = "") -> str:
    return f"{number_of(number, noun)}{of} {'is' if number == 1 else 'are'} more than"
