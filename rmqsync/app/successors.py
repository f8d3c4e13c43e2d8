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
from rmqsync.planning.held_along import ends, ends_of

Results = Mapping[Ref, Result]


def unbound(
    step: Sequence[Change], unmade: Iterable[Change], lacks: Mapping[Ref, Ref]
) -> dict[Ref, str]:
    """
    Return deletions that take a binding whose successor was not made, and why they wait.

    The successor may have another key and another destination: any that is to lead on from the same
    exchange is one. So is the exchange itself, where it was to become another one. `lacks` as
    `analysis.lacking` finds it: a successor that leads to what has no way out is none yet.
    """
    why: dict[Key, str] = {}
    for one in unmade:
        if one.ref.kind == BINDING and one.action is Action.CREATE:
            was = f"{named([one.ref])} is to take its place, and was not made"
            why.update(dict.fromkeys(ends(one.ref), was))
        elif one.ref.kind == EXCHANGE and one.action is Action.REPLACE:
            was = "was not replaced, and what leads on from it stays until it is"
            why["from", *one.ref.key] = f"{named([one.ref])} {was}"
    for ref, policy in lacks.items():
        if ref.kind == BINDING:
            was = f"{named([policy])} was not applied, and what is to take its place needs that"
            for end in ends(ref):
                why.setdefault(end, was)
    found = {}
    for change in step if why else ():
        if change.action is Action.DELETE:
            reason = next((why[end] for end in ends_of(change) if end in why), None)
            if reason is not None:
                found[change.ref] = reason
    return found


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
