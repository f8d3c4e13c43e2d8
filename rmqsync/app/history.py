"""Past runs: which there are, and one of them by the beginning of its id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from rmqsync.app.ports import RunStore
from rmqsync.model.errors import UsageError
from rmqsync.model.runs import RunRecord
from rmqsync.text.nearest import did_you_mean

_SHOWN = 5


def list_runs(
    store: RunStore,
    known: Iterable[str],
    patterns: Sequence[str] = (),
    since: str | None = None,
    limit: int | None = None,
) -> Sequence[RunRecord]:
    """
    Return runs, newest first. `patterns` are names of clusters or globs; none: all clusters.

    Clusters that are no longer in the settings, whose names are `known`, still have runs. Raises
    `UsageError` for a pattern that matches neither, and `HistoryError`.
    """
    if not patterns:
        return store.runs(since=since, limit=limit)
    names = dict.fromkeys((*known, *store.clusters()))
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            hint = did_you_mean(pattern, names) or f"there are {', '.join(names)}"
            raise UsageError(f"there is no cluster '{pattern}', now or in the history; {hint}")
    chosen = [name for name in names if any(fnmatchcase(name, p) for p in patterns)]
    return store.runs(clusters=chosen, since=since, limit=limit)


def find_run(store: RunStore, beginning: str) -> Sequence[RunRecord]:
    """
    Return one run with its documents, a record for each cluster, by name of the cluster.

    Raises `UsageError` where none or several runs have an id that begins so, and `HistoryError`.
    """
    wanted = beginning.lower()
    found = store.find(wanted) if wanted else ()
    ids = list(dict.fromkeys(record.run for record in found))
    if len(ids) > 1:
        shown = ", ".join(ids[:_SHOWN])
        more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN else ""
        raise UsageError(f"'{beginning}' may be one of {len(ids)} runs: {shown}{more}")
    if not found:
        raise UsageError(f"there is no run '{beginning}' in the history; {_hint(store, wanted)}")
    return sorted(found, key=lambda record: record.cluster)


def _hint(store: RunStore, wanted: str) -> str:
    ids = store.ids()
    if not ids:
        return "it is empty"
    length = max(len(wanted), 8)
    short = {one[:length]: one for one in reversed(ids)}
    near = did_you_mean(wanted, short)
    return near or f"the last one is {ids[0]}, all are listed by: rmqsync history"
