"""Whether two repositories claim the same objects of one cluster."""

from __future__ import annotations

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind
from rmqsync.kinds.registry import Registry

Scope = tuple[tuple[str, ...], tuple[str, ...]]
"""Globs of vhosts, globs of kinds."""


def overlap(one: Scope, other: Scope, kinds: Registry = KINDS) -> str | None:
    """Return something that both scopes hold, in words; `None` where they are apart."""
    vhosts = next((mine for mine in one[0] for theirs in other[0] if _may_meet(mine, theirs)), None)
    for kind in kinds:
        if not (_names(one, kind) and _names(other, kind)):
            continue
        if not (kind.in_vhost or kind.hosts_vhost_kinds):
            if _has_clusterwide(one, kind) and _has_clusterwide(other, kind):
                return f"every {kind.label}"
        elif vhosts is not None:
            return f"each {kind.label} of vhost '{vhosts}'"
    return None


def _names(scope: Scope, kind: Kind) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(kind.name, glob) for glob in scope[1])


def _has_clusterwide(scope: Scope, kind: Kind) -> bool:
    # As `rules.in_scope`: narrowed vhosts leave such kinds out unless these are named.
    return "*" in scope[0] or any(glob == kind.name for glob in scope[1])


def _may_meet(one: str, other: str) -> bool:
    """Tell whether some text fits two globs; `[…]` is taken for any one character."""
    mine, theirs = _parts(one), _parts(other)
    # above[n]: whether the parts of `mine` from here on meet those of `theirs` from n on.
    above = [all(part == "*" for part in theirs[n:]) for n in range(len(theirs) + 1)]
    for part in reversed(mine):
        meets = [False] * len(theirs) + [part == "*" and above[-1]]
        for n in reversed(range(len(theirs))):
            if "*" in (part, theirs[n]):
                meets[n] = above[n] or meets[n + 1]
            else:
                fits = part == theirs[n] or "?" in (part, theirs[n])
                meets[n] = fits and above[n + 1]
        above = meets
    return above[0]


def _parts(glob: str) -> tuple[str, ...]:
    """Return a glob as `*`, `?` for any one character, and characters that stand for themselves."""
    parts: list[str] = []
    rest = glob
    while rest:
        sign, rest = rest[0], rest[1:]
        if sign == "[" and "]" in rest[1:]:
            rest = rest[rest.index("]", 1) + 1 :]
            sign = "?"
        parts.append(sign)
    return tuple(parts)
