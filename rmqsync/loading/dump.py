"""
Live rows to a tree of definitions, as people would have written it by hand.

A folder for each vhost and in it a file for each page of kinds; what is cluster-wide lies beside
them. Defaults are left out, bindings stand with their destination, rights with their user, secrets
are references. The tree compiles to the very rows it came from, but for what `findings` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple

from rmqsync.kinds.base import Entry, Kind
from rmqsync.kinds.context import Context
from rmqsync.kinds.credentials import secret_addresses
from rmqsync.kinds.registry import Registry
from rmqsync.loading import dump_fit
from rmqsync.loading.dump_entries import Entries, entry_of, nest
from rmqsync.loading.dump_names import folders
from rmqsync.loading.dump_secrets import Secret, SecretBook
from rmqsync.model.definitions import Live, Rows
from rmqsync.model.findings import Finding
from rmqsync.model.values import Key, Row
from rmqsync.text.dump import to_yaml


class _Page(NamedTuple):
    """One file to be."""

    vhost: str | None
    """Whose folder it is in."""
    name: str
    is_inside: bool
    """Whether its objects live in that vhost: it then says so at its top."""

    @property
    def order(self) -> tuple[str, str]:
        return (self.vhost or "", self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeOptions:
    """How the tree is to be written."""

    schema: str = ""
    """Of definitions, for editors: a URL, or a path as seen from the root of the tree. Empty: no
    line about it."""
    covers: Callable[[Kind, Key], bool] = lambda _kind, _key: True
    """Tells what is to be exported at all: nothing outside the scope of the cluster."""
    inline_hashes: bool = False
    """Leave password hashes in the files; URIs with credentials are taken out all the same."""


@dataclass(frozen=True, slots=True)
class ExportTree:
    """What an export writes. Nothing in `files` is secret, but for hashes that were left there."""

    files: Mapping[str, str]
    """Text by path, with `/`, relative to the root."""
    secrets: Mapping[str, Secret]
    """By the names that `files` refers to."""
    counts: Mapping[str, int]
    """How many objects there are of each kind."""
    findings: tuple[Finding, ...]
    """What is on the cluster and not in the files, and why."""


def tree(live: Live, kinds: Registry, context: Context, options: TreeOptions) -> ExportTree:
    """Return the tree of all that `live` has; `context` is of the cluster itself."""
    marked = secret_addresses(live.markers.values())
    book = SecretBook(inline_hashes=options.inline_hashes, addresses=marked)
    rows: Rows = {
        kind.name: {
            key: book.take(kind, key, row) for key, row in _exported(live, kind, options.covers)
        }
        for kind in kinds
    }
    secrets = book.name()
    entries: Entries = {
        kind.name: {key: entry_of(kind, row, context) for key, row in rows[kind.name].items()}
        for kind in kinds
    }
    reasons = dump_fit.misfits(live.rows, rows, entries, kinds, context, options.covers)
    for ref in reasons:
        del entries[ref.kind][ref.key]
    alone = nest(entries, rows, kinds)
    for ref, reason in dump_fit.homeless(alone, kinds).items():
        reasons[ref] = reason
        del alone[ref.kind][ref.key], entries[ref.kind][ref.key]
    secrets = {name: one for name, one in secrets.items() if one.ref not in reasons}
    files = dict(_files(_pages(alone, rows, kinds), options))
    counts = {name: len(found) for name, found in entries.items() if found}
    return ExportTree(files, secrets, counts, dump_fit.findings(reasons, kinds))


def _exported(
    live: Live, kind: Kind, covers: Callable[[Kind, Key], bool]
) -> Iterator[tuple[Key, Row]]:
    """Give the rows to export, in order: not the cluster's name, which no other may be given."""
    for key, row in sorted(live.rows.get(kind.name, {}).items(), key=itemgetter(0)):
        if covers(kind, key) and not kind.is_nothing(row) and not kind.of_cluster(row):
            yield key, row


def _pages(alone: Entries, rows: Rows, kinds: Registry) -> dict[_Page, dict[str, list[Entry]]]:
    """Sort entries into files: by page, then by section."""
    pages: dict[_Page, dict[str, list[Entry]]] = {}
    for kind in kinds:
        for key, entry in alone.get(kind.name, {}).items():
            section, written = _written(kind, rows[kind.name][key], entry)
            vhost = key[0] if kind.in_vhost or kind.hosts_vhost_kinds else None
            if kind.in_vhost:
                written.pop("vhost", None)
            page = _Page(vhost, kind.page or section, kind.in_vhost)
            pages.setdefault(page, {}).setdefault(section, []).append(written)
    for sections in pages.values():
        for section, found in sections.items():
            sections[section] = kinds.by_section[section].gather(found)
    return pages


def _written(kind: Kind, row: Row, entry: Entry) -> tuple[str, Entry]:
    if kind.section is not None:
        return kind.section, entry
    # Only ever nested, and what it belongs to is out of scope: as the broker exports it.
    return kind.export_section, dict(kind.to_export(row) or {})


def _files(
    pages: Mapping[_Page, dict[str, list[Entry]]], options: TreeOptions
) -> Iterator[tuple[str, str]]:
    vhosts = {page.vhost for page in pages if page.vhost is not None}
    beside = [f"{page.name}.yaml" for page in pages if page.vhost is None]
    folder = folders(vhosts, beside)
    for page, sections in sorted(pages.items(), key=lambda pair: pair[0].order):
        path = (
            f"{page.name}.yaml" if page.vhost is None else f"{folder[page.vhost]}/{page.name}.yaml"
        )
        data: dict[str, Any] = {"vhost": page.vhost} if page.is_inside else {}
        names = sorted(sections, key=lambda section: section != page.name)
        data |= {name: sections[name] for name in names}
        yield path, to_yaml(_literal(data), header=_header(options.schema, path))


def _literal(value: Any) -> Any:
    """Keep what looks like a variable from being taken for one; keys never are."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, dict):
        return {name: _literal(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return value


def _header(schema: str, path: str) -> str:
    if not schema:
        return ""
    is_relative = "://" not in schema and not schema.startswith("/")
    up = "../" * path.count("/") if is_relative else ""
    return f"# yaml-language-server: $schema={up}{schema}"
