"""
Compile what the entries of a marker name, from git or from what was kept of it.

That is the memory of rmqsync: there is no state file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rmqsync.app.claim import Claim
from rmqsync.app.ports import Checkout
from rmqsync.kinds import KINDS
from rmqsync.loading.compile import Layers, Options, ParseCache, compile_rows
from rmqsync.model.definitions import Desired
from rmqsync.model.errors import InvalidDefinitions, SourceError, SourceUnavailable
from rmqsync.model.marker import Entry
from rmqsync.model.values import JsonValue, canonical
from rmqsync.planning.ownership import Past

PastOf = Callable[[Entry], Past | None]


def current_entry(checkout: Checkout, layers: tuple[str, ...], options: Options) -> Entry:
    """Return what a run of these definitions applies. Raises as `Checkout.tree` does."""
    return Entry(
        commit=checkout.revision.commit,
        tree=checkout.tree(layers),
        path=checkout.base or ".",
        layers=layers,
        vars=dict(options.vars),
    )


def past_of(
    checkout: Checkout, current: Entry, desired: Desired, options: Options, claim: Claim
) -> PastOf:
    """
    Return what compiles the entries of a marker, each once.

    It raises `SourceUnavailable` where an entry cannot be read now, but maybe later.
    """
    known: dict[tuple[object, ...], Past | None] = {}
    cache = ParseCache()

    def look_up(entry: Entry) -> Past | None:
        if entry.commit is None:
            return None  # of a folder without history nobody knows what came first
        if entry.content == current.content:
            return past_from(desired)
        if entry.content not in known:
            known[entry.content] = _found(checkout, entry, options, cache, claim)
        return known[entry.content]

    return look_up


def _found(
    checkout: Checkout, entry: Entry, options: Options, cache: ParseCache, claim: Claim
) -> Past | None:
    past, away = None, None
    try:
        past = _compiled(checkout, entry, options, cache)
    except SourceUnavailable as problem:
        away = problem
    past = past or _kept(claim, entry)
    if past is None and away is not None and not claim.forget_revision:
        # Without it drift looks like what was never read: an unattended run would overwrite it.
        raise SourceUnavailable(
            f"commit {(entry.commit or '')[:12]}, which was applied last, cannot be read now, so "
            f"nothing is compared: {away}"
        ) from away
    return past


def _compiled(checkout: Checkout, entry: Entry, options: Options, cache: ParseCache) -> Past | None:
    if checkout.past is None:
        return None
    found = checkout.past.with_tree(entry.tree, entry.path, entry.layers, entry.commit)
    if found is None:
        return None
    try:
        layers: Layers = [(layer, found.files(layer)) for layer in entry.layers]
    except SourceUnavailable:
        raise
    except (SourceError, InvalidDefinitions):
        return None
    then = replace(options, vars=entry.vars, scope_vhosts=("*",), scope_kinds=("*",))
    rows = compile_rows(layers, then, cache=cache)
    return None if rows is None else past_from(rows)


def past_from(desired: Desired) -> Past:
    return Past(desired.rows, {kind: set(keys) for kind, keys in desired.absent.items()})


def store_key(entry: Entry) -> str:
    """Return what a compiled set is kept under: equal for what compiles to the same."""
    value: list[JsonValue] = [entry.tree, entry.path, list(entry.layers), dict(entry.vars)]
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()


def keep_compiled(claim: Claim, entry: Entry, desired: Desired) -> None:
    """Keep what was applied, for when its commit cannot be read any more."""
    if claim.store is None or entry.commit is None:
        return
    document = {
        "rows": {kind: list(rows.values()) for kind, rows in desired.rows.items() if rows},
        "absent": {kind: [list(key) for key in keys] for kind, keys in desired.absent.items()},
    }
    claim.store.save(store_key(entry), json.dumps(document))


def _kept(claim: Claim, entry: Entry) -> Past | None:
    text = claim.store.load(store_key(entry)) if claim.store is not None else None
    if text is None:
        return None
    try:
        document: Any = json.loads(text)
        rows = {
            kind: {KINDS[kind].key(row): row for row in found}
            for kind, found in document["rows"].items()
        }
        absent = {kind: {tuple(key) for key in keys} for kind, keys in document["absent"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return Past(rows, absent)
