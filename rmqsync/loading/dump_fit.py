"""
What is on a cluster and cannot be declared in files: an export leaves it out and says so.

A name that is too long, a URI with a password in the arguments of a queue, a value that reads like
a reference to a secret; and what cannot be without such an object. Left out, it is unmanaged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rmqsync.kinds.base import Entry, Kind, address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.credentials import secrets_in
from rmqsync.kinds.registry import Registry
from rmqsync.kinds.secrecy import plain_secrets
from rmqsync.loading import codes
from rmqsync.loading.dump_entries import Entries
from rmqsync.loading.schema import entry_checker
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Finding, Severity, warning
from rmqsync.model.values import Key, Row

_DEFAULT_VHOST = "/"
_HINT = "it is left out of the export, and so not managed"


def misfits(
    live: Rows,
    rows: Rows,
    entries: Entries,
    kinds: Registry,
    context: Context,
    covers: Callable[[Kind, Key], bool],
) -> dict[Ref, str]:
    """
    Return what must be left out and why.

    `rows` are those of `live` with their secrets taken out, `entries` are made of them. What
    `covers` says no to may be named without being there.
    """
    found: dict[Ref, str] = {}
    for kind in kinds:
        accepts = entry_checker(kinds, kind.name, frozenset()).accepts
        for key, entry in entries[kind.name].items():
            name = next(iter(secrets_in(live[kind.name][key])), None)
            if name is not None:
                reason = f"it holds {{secret: {name}}}, which in a file names a secret"
            elif not accepts(entry):
                reason = "it does not fit the schema of definitions"
            else:
                reason = next(_reasons(kind, rows[kind.name][key], entry, context), "")
            if reason:
                found[Ref(kind.name, key)] = reason
        for key, problem in kind.check_all(rows, context):
            if problem.severity is Severity.ERROR:
                found.setdefault(Ref(kind.name, key), problem.message)
    _add_dependents(found, rows, kinds, covers)
    return found


def _reasons(kind: Kind, row: Row, entry: Entry, context: Context) -> Iterator[str]:
    for path in plain_secrets(kind, entry):
        place = ".".join(map(str, path))
        yield f"{place} holds a URI with credentials where no reference to a secret can be"
    for problem in kind.check(row, context):
        if problem.severity is Severity.ERROR:
            yield problem.message


def _add_dependents(
    found: dict[Ref, str], rows: Rows, kinds: Registry, covers: Callable[[Kind, Key], bool]
) -> None:
    """Add what names an object that the files will not have; in order of creation, it spreads."""
    for kind in kinds:
        for key, row in rows[kind.name].items():
            ref = Ref(kind.name, key)
            if ref in found:
                continue
            for needed in _needs(kind, row, kinds):
                target = kinds[needed.kind]
                is_there = needed.key in rows[needed.kind] and needed not in found
                if not is_there and covers(target, needed.key):
                    found[ref] = f"it needs {target.sentence(needed.key)}, which is not exported"
                    break


def _needs(kind: Kind, row: Row, kinds: Registry) -> Iterator[Ref]:
    for reference in kind.references(row):
        if reference.strict:
            yield Ref(reference.kind, reference.key)
    if kind.in_vhost and kinds.host is not None and row["vhost"] != _DEFAULT_VHOST:
        yield Ref(kinds.host.name, (row["vhost"],))


def homeless(alone: Entries, kinds: Registry) -> dict[Ref, str]:
    """Return what can only be written with another object, which is not there."""
    return {
        Ref(kind.name, key): "it is declared with what it belongs to, and that is out of scope"
        for kind in kinds
        if kind.section is None and kind.component is None
        for key in alone.get(kind.name, {})
    }


def findings(reasons: dict[Ref, str], kinds: Registry) -> tuple[Finding, ...]:
    """Return a warning for each object that is left out."""
    return tuple(
        warning(
            codes.LEFT_OUT,
            f"{kinds[ref.kind].sentence(ref.key)}: {reason}",
            address=address_of(kinds[ref.kind], ref.key),
            hint=_HINT,
        )
        for ref, reason in sorted(reasons.items())
    )
