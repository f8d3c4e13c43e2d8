"""
What planning a cluster leaves for the next time: files as they were parsed, compiled sets, drafts.

For whoever plans the same clusters again and again: where neither files nor broker have changed,
all that is left to do is to see that. Clusters with the same files and options share their set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rmqsync.app.ports import CompiledStore
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import Layers, Options, ParseCache, check_for_cluster, compile_layers
from rmqsync.loading.compiled import Compiled
from rmqsync.loading.remembered import key_of, remembered, text_of
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.findings import Finding
from rmqsync.planning.draft import Draft, draft
from rmqsync.planning.ownership import NOBODY, Ownership
from rmqsync.planning.rules import Rules

_WORTH_KEEPING = 200_000
"""Bytes of definitions from which reading what was compiled beats compiling."""


_SPARE = 8_000_000
"""Bytes of files of earlier commits that stay parsed; in memory they take several times that."""


class Compared(NamedTuple):
    """What came of a compiled set and a cluster."""

    findings: Sequence[Finding]
    draft: Draft


class _Set(NamedTuple):
    files: tuple[tuple[int, str, str], ...]
    """Number of the layer, path and digest of each."""
    options: Options
    desired: Desired


class _Comparison(NamedTuple):
    desired: Desired
    live: Live
    context: Context
    rules: Rules
    own: Ownership
    asked: Mapping[str, str | None]
    """The secrets that were looked at, with their values."""
    result: Compared


class Memory:
    """Thread-safe, as long as no cluster is planned twice at once."""

    def __init__(self, store: CompiledStore | None = None) -> None:
        """`store` keeps compiled sets for later processes, once `keep` is called."""
        self._parsed = ParseCache()
        self._store = store
        self._unkept: dict[str, Compiled] = {}
        self._sets: dict[str, _Set] = {}
        self._comparisons: dict[str, _Comparison] = {}

    def compiled(self, cluster: str, layers: Layers, options: Options) -> Desired:
        """Return the compiled set of these files; raises `InvalidDefinitions`."""
        files = tuple(
            (number, file.path, file.digest)
            for number, (_, found) in enumerate(layers)
            for file in found
        )
        for known in tuple(self._sets.values()):
            if known.files == files and known.options == options:
                desired = known.desired
                break
        else:
            self._sets.pop(cluster, None)
            desired = self._compile(layers, options, files)
            used = {(path, digest) for _, path, digest in files}
            for known in tuple(self._sets.values()):
                used.update((path, digest) for _, path, digest in known.files)
            self._parsed.keep(used, _SPARE)
        self._sets[cluster] = _Set(files, options, desired)
        return desired

    def forget(self, cluster: str) -> None:
        """Give up what was kept of a cluster; equal sets of others stay."""
        self._sets.pop(cluster, None)
        self._comparisons.pop(cluster, None)

    @property
    def has_unkept(self) -> bool:
        """Whether `keep` has anything to do."""
        return bool(self._unkept)

    def keep(self) -> None:
        """Keep what was compiled for the next process; never raises."""
        while self._store is not None and self._unkept:
            key, compiled = self._unkept.popitem()
            self._store.save(key, text_of(compiled))

    def _compile(
        self, layers: Layers, options: Options, files: tuple[tuple[int, str, str], ...]
    ) -> Desired:
        def anew() -> Desired:
            return compile_layers(layers, options, cache=self._parsed)

        size = sum(len(file.content) for _, found in layers for file in found)
        if self._store is None or size < _WORTH_KEEPING or options.allow_plain_secrets:
            return anew()
        key = key_of(files, options, self._store.build)
        text = self._store.load(key)
        found = None if text is None else remembered(text, anew)
        if found is not None:
            return found
        desired = anew()
        if isinstance(desired, Compiled):
            self._unkept[key] = desired
        return desired

    def compared(
        self,
        cluster: str,
        desired: Desired,
        live: Live,
        context: Context,
        rules: Rules,
        own: Ownership = NOBODY,
    ) -> Compared:
        """Return what differs; raises `InvalidDefinitions` for what cannot be on this cluster."""
        known = self._comparisons.pop(cluster, None)
        if known is not None and _is_same(known, desired, live, context, rules, own):
            self._comparisons[cluster] = known
            return known.result
        asked: dict[str, str | None] = {}
        watched = replace(context, secret=_noting(context.secret, asked))
        findings = check_for_cluster(desired, live, watched)
        result = Compared(findings, draft(desired, live, watched, rules, own=own))
        self._comparisons[cluster] = _Comparison(desired, live, context, rules, own, asked, result)
        return result


def _noting(
    secret: Callable[[str], str | None], asked: dict[str, str | None]
) -> Callable[[str], str | None]:
    def look_up(name: str) -> str | None:
        asked[name] = value = secret(name)
        return value

    return look_up


def _is_same(
    known: _Comparison,
    desired: Desired,
    live: Live,
    context: Context,
    rules: Rules,
    own: Ownership,
) -> bool:
    # A reader that finds nothing new returns the same rows: they need not be gone through.
    return (
        known.desired is desired
        and known.live.rows is live.rows
        and known.live == replace(live, requests=known.live.requests)
        and known.rules == rules
        and known.own.key == own.key
        and known.context == replace(context, secret=known.context.secret)
        and all(context.secret(name) == value for name, value in known.asked.items())
    )
