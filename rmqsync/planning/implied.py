"""
What goes with an object when it is deleted or replaced.

The broker removes the bindings of a queue or an exchange, the rights of a user, and everything in
a vhost; on 4.3 also the topic permissions of an exchange. Which object refers to which is what the
kinds themselves say (`Kind.references`), so nothing here knows a kind by name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Row


def implied_losses(
    going: Iterable[Ref], live: Rows, context: Context, kinds: Registry = KINDS
) -> Mapping[Ref, tuple[Ref, ...]]:
    """
    Return for each object that goes the live objects that the broker removes along with it.

    One pass over the live rows of the kinds that can be taken down, whatever the number of objects
    that go. An object with nothing to take down is missing in the result.
    """
    wanted = set(going)
    takes = {
        name: kinds[name].takes_down - kinds[name].spares(context)
        for name in {ref.kind for ref in wanted}
    }
    host = kinds.host
    found: defaultdict[Ref, list[Ref]] = defaultdict(list)
    for name in set().union(*takes.values()):
        kind = kinds[name]
        for key, row in live.get(name, {}).items():
            owners = {Ref(one.kind, one.key) for one in kind.references(row)}
            if kind.in_vhost and host is not None:
                owners.add(Ref(host.name, (key[0],)))
            for owner in owners & wanted:
                if name in takes[owner.kind]:
                    found[owner].append(Ref(name, key))
    order = {kind.name: kind.rank for kind in kinds}
    return {
        owner: tuple(sorted(taken, key=lambda ref: (order[ref.kind], ref.key)))
        for owner, taken in found.items()
    }


def owners(ref: Ref, row: Row, context: Context, kinds: Registry = KINDS) -> set[Ref]:
    """Return the objects along with which the broker removes this one, whether they go or not."""
    kind = kinds[ref.kind]
    found = {Ref(one.kind, one.key) for one in kind.references(row)}
    if kind.in_vhost and kinds.host is not None:
        found.add(Ref(kinds.host.name, (ref.key[0],)))
    return {
        one
        for one in found
        if ref.kind in kinds[one.kind].takes_down - kinds[one.kind].spares(context)
    }
