"""
Which queues and exchanges lose the exchange that they hand on to: dead letters, or what has no way.

An exchange goes whoever names it. What is dead-lettered to one that is not there is dropped, and so
is what an alternate exchange that is not there would have got (rabbit_dead_letter.erl `publish/5`,
rabbit_exchange.erl `process_alternate/2`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.dead_letters import AE, DLX, setting
from rmqsync.analysis.policies import EXCHANGE, POLICIES, QUEUE, Effective, PolicyIndex, sort_of
from rmqsync.analysis.policy_losses import Threat
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows

_KEYS = {
    QUEUE: (DLX, Danger.DEAD_LETTERS),
    EXCHANGE: (AE, Danger.ALTERNATE),
}
"""What names it, and what it is to lose that."""


def leaving(changes: Iterable[Change]) -> frozenset[Ref]:
    """Return the exchanges that are to be deleted by themselves, not with their vhost."""
    return frozenset(
        one.ref for one in changes if one.ref.kind == EXCHANGE and one.action is Action.DELETE
    )


def ways_out(changes: Iterable[Change], live: Rows, context: Context) -> tuple[Threat, ...]:
    """
    Return what the deletions of exchanges among `changes`, all made, take from what stays.

    What has the exchange by a policy keeps it until that policy is changed, and what is not deleted
    itself may need it: so `changes` are those that will be sent, and no others.
    """
    changes = tuple(changes)
    gone = leaving(changes)
    if not gone:
        return ()
    after = _after(changes, live, {ref.key[0] for ref in gone})
    objects = {kind: after.get(kind, {}) for kind in _KEYS}
    effective = PolicyIndex(after, context).all(objects, live=True)
    return tuple(_threats(effective, after, gone, context))


def _after(changes: Iterable[Change], live: Rows, vhosts: Set[str]) -> Rows:
    """Return the policies there will be, and what will be left of the queues and exchanges."""
    after: Rows = {
        kind: {key: row for key, row in live.get(kind, {}).items() if key[0] in vhosts}
        for kind in (*POLICIES, *_KEYS)
    }
    for change in changes:
        kind, key = change.ref
        rows = after.get(kind)
        if rows is None:
            continue
        if change.after is None:
            rows.pop(key, None)
        elif key in rows or (kind in POLICIES and key[0] in vhosts):
            rows[key] = change.after
    return after


def _threats(
    effective: dict[Ref, Effective], after: Rows, gone: Set[Ref], context: Context
) -> Iterator[Threat]:
    for ref, found in effective.items():
        row = after[ref.kind][ref.key]
        if sort_of(ref, row, context, live=True) == "stream":
            continue  # nothing is dead-lettered from it
        key, danger = _KEYS[ref.kind]
        definitions = [found.definition]
        if found.ambiguous:  # any of them may be the one
            definitions = [one["definition"] for kind in POLICIES for one in after[kind].values()]
        for definition in definitions:
            name = setting(row["arguments"], definition, key)
            exchange = Ref(EXCHANGE, (ref.key[0], str(name)))
            if name is not None and exchange in gone:
                yield Threat(exchange, ref, danger, None)
