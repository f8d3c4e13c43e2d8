"""Secrets in definitions: only by name, only where one can be, only those that are known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rmqsync.kinds.base import Kind, address_of
from rmqsync.kinds.fields import Secrecy
from rmqsync.kinds.secrecy import plain_secrets
from rmqsync.loading import codes
from rmqsync.loading.compiled import Path, finding_at, layers_of, locate
from rmqsync.loading.merge import Slot, Table
from rmqsync.loading.options import Options
from rmqsync.model.findings import Finding, error
from rmqsync.model.values import Key, Row, is_secret_reference
from rmqsync.text.nearest import did_you_mean


def secret_findings(
    kind: Kind,
    rows: dict[Key, Row],
    table: Table,
    options: Options,
    *,
    has_credentials: bool,
    has_references: bool,
) -> Iterator[Finding]:
    """
    Yield what is wrong with secrets in the rows of one kind.

    The flags tell whether any file holds a URI with credentials, or the word `secret`.
    """
    if not options.allow_plain_secrets and (kind.holds_secrets or has_credentials):
        for key in rows:
            slot: Slot | None = table[key]
            while slot is not None:  # a layer that is overridden is in the repository all the same
                if kind.holds_secrets or slot.source.has_credentials:
                    yield from _plain(kind, key, slot)
                slot = slot.earlier
    for key, row in rows.items() if has_references else ():
        if any(one.source.has_secrets for one in layers_of(table[key])):
            yield from _references(kind, key, row, table[key], options)


def _plain(kind: Kind, key: Key, slot: Slot) -> Iterator[Finding]:
    for path in plain_secrets(kind, slot.node):
        source = slot.source
        yield error(
            codes.PLAIN_SECRET,
            f"{path[-1]} of {kind.sentence(key)} is a secret in plain text"
            if isinstance(path[-1], str)
            else f"{kind.sentence(key)} holds a secret in plain text",
            source.document.locate((*source.path_of(slot.node), *path)),
            address=address_of(kind, key),
            hint="write {secret: NAME} and declare it in rmqsync.yaml, or allow it with "
            "--allow-plain-secrets",
        )


def _references(kind: Kind, key: Key, row: Row, slot: Slot, options: Options) -> Iterator[Finding]:
    may_hold = {one.name for one in kind.fields if one.secret is not Secrecy.NONE}
    for name, value in row.items():
        for path, secret in secret_paths(value, (name,)):
            if name in may_hold:
                yield from _known(kind, key, slot, path, secret, options)
            elif len(path) > 1 and not slot.source.has_header:
                yield finding_at(
                    kind,
                    key,
                    slot,
                    path,
                    codes.MISPLACED_SECRET,
                    f"{_dotted(path)} of {kind.sentence(key)} cannot hold a secret",
                    "secrets are whole passwords, URIs and values of parameters",
                )


def _known(
    kind: Kind, key: Key, slot: Slot, path: Path, name: str, options: Options
) -> Iterator[Finding]:
    if options.secrets is None:
        return
    patterns = options.secrets.get(name)
    where = locate(slot, (*path, "secret"))
    address = address_of(kind, key)
    if patterns is None:
        known = ", ".join(sorted(options.secrets)) or "none"
        yield error(
            codes.UNKNOWN_SECRET,
            f"no secret is called '{name}'",
            where,
            address=address,
            hint=did_you_mean(name, options.secrets)
            or f"rmqsync.yaml declares {known}; `include:` takes in the secrets.yaml that export "
            "wrote",
        )
    elif not any(pattern.matches(address) for pattern in patterns):
        allowed = ", ".join(pattern.text for pattern in patterns)
        yield error(
            codes.FOREIGN_SECRET,
            f"the secret '{name}' is not for {address}",
            where,
            address=address,
            hint=f"it is for {allowed}; rmqsync.yaml decides",
        )


def secret_paths(value: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Yield where in a value secrets are named, and which."""
    if value.__class__ is dict:
        if is_secret_reference(value):
            yield path, value["secret"]
            return
        for name, inner in value.items():
            yield from secret_paths(inner, (*path, name))
    elif value.__class__ is list:
        for number, inner in enumerate(value):
            yield from secret_paths(inner, (*path, number))


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
