"""Secrets that definitions name and that have no value here: where, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.loading import codes
from rmqsync.loading.compiled import Compiled, locate
from rmqsync.loading.secrets import secret_paths
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired
from rmqsync.model.findings import Finding, Origin, warning


def unset_secrets(
    desired: Desired, context: Context, missing: Callable[[str], str]
) -> list[Finding]:
    """
    Return a warning for each secret without a value: what names it is not compared.

    `missing` says why there is none, by the name of the secret.
    """
    return [_told(name, refs, desired, missing) for name, refs in _uses(desired, context).items()]


def _uses(desired: Desired, context: Context) -> dict[str, list[Ref]]:
    """Return the secrets without a value that definitions name, and who names them."""
    found: dict[str, list[Ref]] = {}
    for kind, rows in desired.rows.items():
        if not KINDS[kind].holds_secrets:
            continue
        for key, row in rows.items():
            for name in dict.fromkeys(name for _, name in secret_paths(row)):
                if context.secret(name) is None:
                    found.setdefault(name, []).append(Ref(kind, key))
    return found


def _told(name: str, refs: list[Ref], desired: Desired, missing: Callable[[str], str]) -> Finding:
    first = min(refs, key=lambda ref: desired.source(ref) or Origin(""))
    address = address_of(KINDS[first.kind], first.key)
    what = f"{address} names" if len(refs) == 1 else f"{address} and {len(refs) - 1} more name"
    them = "is" if len(refs) == 1 else "are"
    return warning(
        codes.UNSET_SECRET,
        f"{missing(name)}; {what} it, {them} not compared, and cannot be applied",
        _place(desired, first, name),
        address=address,
        hint="give it a value where rmqsync runs",
    )


def _place(desired: Desired, ref: Ref, name: str) -> Origin | None:
    """Return where an object names a secret."""
    if not isinstance(desired, Compiled):
        return desired.source(ref)
    row = desired.rows[ref.kind][ref.key]
    path = next(path for path, one in secret_paths(row) if one == name)
    return locate(desired.tables[ref.kind][ref.key], (*path, "secret"))
