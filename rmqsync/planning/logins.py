"""What logs in, by a URI, as a user that is to go. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context, UnsetSecret
from rmqsync.kinds.credentials import logins_in
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Desired, Rows
from rmqsync.model.findings import Finding, warning
from rmqsync.model.values import Row
from rmqsync.planning.foreign import some


def lost_logins(
    changes: Iterable[Change], desired: Desired, live: Rows, context: Context, kinds: Registry
) -> Iterator[Finding]:
    """
    Yield a warning for each user that goes and that what stays logs in as.

    Which broker a URI is for cannot be told from here: it may be another one, with a user of the
    same name.
    """
    changes = tuple(changes)
    users = [one for one in changes if kinds[one.ref.kind].upon_removal is not None]
    going = {one.ref.key[0]: one for one in users if one.action is Action.DELETE}
    if not going:
        return
    gone = {one.ref for one in changes if one.action is Action.DELETE}
    found: dict[str, list[str]] = {}
    for kind in kinds:
        if not kind.holds_secrets or kind.upon_removal is not None:
            continue
        rows = {**live.get(kind.name, {}), **desired.rows.get(kind.name, {})}
        for key, row in rows.items():
            if Ref(kind.name, key) not in gone:
                for name in going.keys() & set(_logins(row, context)):
                    found.setdefault(name, []).append(address_of(kind, key))
    for name, addresses in sorted(found.items()):
        change = going[name]
        address = address_of(kinds[change.ref.kind], change.ref.key)
        verb = "logs" if len(addresses) == 1 else "log"
        yield warning(
            "RMQ119",
            f"{some(sorted(addresses))} {verb} in as user '{name}', which goes: where that is on "
            "this cluster, it stops for good, and what federation keeps upstream for it may expire",
            change.source,
            address=address,
            hint="let it log in as another user first, and remove this one in a later run",
        )


def _logins(row: Row, context: Context) -> Iterable[str]:
    for value in row.values():
        try:
            yield from logins_in(context.resolve(value))
        except UnsetSecret:  # nobody can tell
            continue
