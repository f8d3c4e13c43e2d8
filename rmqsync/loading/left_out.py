"""
What a compiled set leaves out though a file says it, each with a finding.

The broker's own objects, which exports hold and nobody manages; the name and the tags of the
cluster that an export was made of; the user that rmqsync logs in as, with its rights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rmqsync.kinds.base import Kind, address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.compiled import finding_at
from rmqsync.loading.merge import Slot, Table
from rmqsync.loading.rows import is_default
from rmqsync.model.changes import Ref
from rmqsync.model.findings import Finding, Origin, Severity, warning
from rmqsync.model.values import Key, Row


def leave_out(
    kind: Kind, rows: dict[Key, Row], table: Table, context: Context, own: Ref | None
) -> Iterator[Finding]:
    """Remove from `rows` what nobody manages; yield why."""
    if not is_default(kind, "broker_owned"):
        owned = kind.broker_owned
        for key in [key for key, row in rows.items() if owned(row)]:
            slot = table[key]
            problems = [] if slot.source.has_header else list(kind.check(rows[key], context))
            if any(problem.severity is Severity.ERROR for problem in problems):
                continue  # the check of all rows reports them
            del rows[key]
            yield _left_out(kind, key, slot, "is the broker's own")
    if not is_default(kind, "of_cluster"):
        for key in [key for key, row in rows.items() if kind.of_cluster(row)]:
            if table[key].source.has_header:
                del rows[key]
                reason = "says which cluster an export was made of"
                yield _left_out(kind, key, table[key], reason)
    if own is not None:
        for key in [key for key, row in rows.items() if _is_own(kind, key, row, own)]:
            del rows[key]
            yield finding_at(
                kind,
                key,
                table[key],
                (),
                codes.OWN_USER,
                f"{kind.sentence(key)} is left out: rmqsync logs in as '{own.key[0]}' and never "
                "changes that user or its rights",
                "remove it from the definitions",
                Severity.WARNING,
            )


def cannot_be_absent(kind: Kind, keys: Mapping[Key, Origin], own: Ref | None) -> Iterator[Finding]:
    """Yield a warning for each object that is never deleted, though `state: absent` says so."""
    for key, origin in keys.items():
        row = _identity(kind, key)
        if own is not None and _is_own(kind, key, row, own):
            reason = f"rmqsync logs in as '{own.key[0]}' and never changes that user or its rights"
        elif kind.broker_owned(row) or kind.of_cluster(row):
            reason = "it is the broker's own"
        else:
            continue
        yield warning(
            codes.NEVER_ABSENT,
            f"{kind.sentence(key)} is not deleted: {reason}",
            origin,
            address=address_of(kind, key),
            hint="remove the entry",
        )


def _identity(kind: Kind, key: Key) -> Row:
    """Return a row with all that an object has whose identity alone is known."""
    names = ["vhost"] if kind.in_vhost else []
    names += [one.name for one in kind.identity]
    row: Row = dict.fromkeys((one.name for one in kind.fields), "")
    return {**row, "arguments": {}, **dict(zip(names, key, strict=False))}


def _is_own(kind: Kind, key: Key, row: Row, own: Ref) -> bool:
    if kind.name == own.kind:
        return key == own.key
    return any(ref.kind == own.kind and ref.key == own.key for ref in kind.references(row))


def kinds_of_users(kinds: Registry, own: Ref) -> frozenset[str]:
    """Return the kinds whose objects may be, or name, the user that rmqsync logs in as."""
    return frozenset(
        kind.name
        for kind in kinds
        if kind.name == own.kind
        or any(ref.kind == own.kind for ref in kind.references(kind.complete(dict(kind.example))))
    )


def _left_out(kind: Kind, key: Key, slot: Slot, reason: str) -> Finding:
    return finding_at(
        kind,
        key,
        slot,
        (),
        codes.LEFT_OUT,
        f"{kind.sentence(key)} is left out: it {reason}",
        None,
        Severity.WARNING,
    )
