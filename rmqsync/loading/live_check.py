"""What only a look at the cluster can tell about a compiled set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading import codes
from rmqsync.loading.compiled import Compiled, finding_at
from rmqsync.loading.problems import as_finding, problems_of
from rmqsync.loading.rows import is_default
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.errors import InvalidDefinitions
from rmqsync.model.findings import Finding


def check_for_cluster(
    desired: Desired, live: Live, context: Context, kinds: Registry = KINDS
) -> Sequence[Finding]:
    """
    Check a compiled set against the version of a cluster and what is on it.

    Returns what `compile_layers` has not said yet; raises `InvalidDefinitions` on errors.
    """
    if not isinstance(desired, Compiled):
        return ()
    said = set(desired.findings)
    found: dict[Finding, None] = {}
    for kind in kinds:
        for finding in _of_kind(kind, desired, live, context):
            if finding not in said:
                found[finding] = None
    found.update(dict.fromkeys(_unsettled(desired, live, kinds)))
    if any(finding.is_error for finding in found):
        raise InvalidDefinitions(found)
    return tuple(sorted(found, key=lambda finding: finding.order))


def still_true(desired: Desired, live: Live) -> tuple[Finding, ...]:
    """Return the findings of a compiled set but for names of what the cluster does have."""
    if not isinstance(desired, Compiled) or not desired.dangling:
        return desired.findings
    return tuple(
        finding
        for finding in desired.findings
        if (ref := desired.dangling.get(finding)) is None
        or not (ref.key in live.rows.get(ref.kind, {}) or ref in live.foreign)
    )


def _of_kind(kind: Kind, desired: Compiled, live: Live, context: Context) -> Iterator[Finding]:
    rows, table = desired.rows.get(kind.name, {}), desired.tables[kind.name]
    if kind.name in desired.asks_context and _differs(desired.context, context):
        yield from problems_of(kind, rows, table, context)
    if not is_default(kind, "creation_problems"):
        there = live.rows.get(kind.name, {})
        for key in rows.keys() - there.keys():
            for problem in kind.creation_problems(rows[key], context):
                yield as_finding(kind, key, table[key], problem)


_TELLING = ("version", "default_queue_types", "features", "exchange_types")


def _differs(one: Context, other: Context) -> bool:
    """Tell whether two contexts say different things; secrets are no matter to checks."""
    return any(getattr(one, name) != getattr(other, name) for name in _TELLING)


def _unsettled(desired: Compiled, live: Live, kinds: Registry) -> Iterator[Finding]:
    """Look for what is neither declared nor has to be, on the cluster."""
    for name, key, reference in desired.open_references:
        there = live.rows.get(reference.kind, {})
        if reference.key in there or Ref(reference.kind, reference.key) in live.foreign:
            continue
        kind, target = kinds[name], kinds[reference.kind]
        if key in desired.rows.get(name, {}):
            yield finding_at(
                kind,
                key,
                desired.tables[name][key],
                reference.path,
                codes.UNDECLARED,
                f"{target.sentence(reference.key)} is neither declared nor on the cluster, but "
                f"{kind.sentence(key)} needs it",
                f"declare it under {target.section or target.name}",
            )
