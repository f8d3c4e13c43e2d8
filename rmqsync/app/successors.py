"""
What takes the place of bindings that are to go, and what becomes of these where it is not made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rmqsync.analysis.dead_letters import BINDING
from rmqsync.analysis.policies import EXCHANGE
from rmqsync.kinds import KINDS
from rmqsync.model.changes import Action, Change, Outcome, Ref, Result
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key
from rmqsync.planning.held_along import Successors, ends, in_place

Results = Mapping[Ref, Result]


def unbound(
    step: Sequence[Change],
    changes: Sequence[Change],
    unmade: Iterable[Change],
    lacks: Mapping[Ref, Ref],
) -> dict[Ref, str]:
    """
    Return deletions that take a binding whose successor was not made, and why they wait.

    The successor may have another key and another destination: any that is to lead on from the same
    exchange is one, or from one that is new where the exchange goes. So is the exchange itself,
    where it was to become another one. `lacks` as `analysis.lacking` finds it: a successor that
    leads to what has no way out is none yet.
    """
    found = Successors(changes)
    why: dict[Key, str] = {}
    for one in unmade:
        for end in found.ends_of_new(one):
            why[end] = f"{named([one.ref])} {in_place(end)}, and was not made"
        if one.ref.kind == EXCHANGE and one.action is Action.REPLACE:
            was = "was not replaced, and what leads on from it stays until it is"
            why["from", *one.ref.key] = f"{named([one.ref])} {was}"
    for ref, policy in lacks.items():
        if ref.kind == BINDING:
            was = f"{named([policy])} was not applied, and what is to take its place needs that"
            for end in ends(ref):
                why.setdefault(end, was)
    waiting = {}
    for change in step if why else ():
        if change.action is Action.DELETE:
            reason = next((why[end] for end in found.ends_of_gone(change) if end in why), None)
            if reason is not None:
                waiting[change.ref] = reason
    return waiting


def removed_for(
    step: Sequence[Change], changes: Iterable[Change], results: Results, live: Rows
) -> dict[Ref, Change]:
    """
    Return the deletions that came first so that bindings of a step count, and those were not made.

    The keys are these bindings. Arguments as in `reliance.first_wave`.
    """
    unmade = {
        change.ref.key[:4]: change.ref
        for change in step
        if change.ref.kind == BINDING
        and change.action is Action.CREATE
        and not is_made(results, change.ref)
    }
    return {
        unmade[change.ref.key[:4]]: change
        for change in (changes if unmade else ())
        if change.ref.kind == BINDING
        and change.action is Action.DELETE
        and change.before is not None
        and change.ref.key[:4] in unmade
        and is_made(results, change.ref)
        and KINDS[BINDING].removed_first(change.before, live)
    }


def is_made(results: Results, ref: Ref) -> bool:
    return ref in results and results[ref].outcome is Outcome.APPLIED


def named(refs: Sequence[Ref]) -> str:
    more = f", as {len(refs) - 1} more," if len(refs) > 1 else ""
    return f"{KINDS[refs[0].kind].sentence(refs[0].key)}{more}"
