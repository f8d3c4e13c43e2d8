"""
Policies as they are and as a run makes them, and which may be in effect in between.

All policy changes of a vhost are seen together. They are made in steps (`step_of`): operator
policies, policies, then deletions the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from rmqsync.analysis.dangers import Settings
from rmqsync.analysis.policies import (
    EXCHANGE,
    OPERATOR,
    POLICY,
    QUEUE,
    Candidate,
    candidate,
    is_for,
    sort_of,
)
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Key, Row


@dataclass(frozen=True, slots=True, eq=False)
class Version:
    """A policy as it is, or as it will be."""

    candidate: Candidate
    change: int | None
    """The number of the change that makes or ends it; `None` for one that stays as it is."""
    is_new: bool

    def stands(self, made: frozenset[int]) -> bool:
        """Tell whether it is there once the changes of these numbers are made, and no others."""
        return self.change is None or (self.change in made) is self.is_new

    @property
    def definition(self) -> Settings:
        found: Settings = self.candidate.row["definition"]
        return found


Pair = tuple[Version | None, Version | None]
"""A policy and an operator policy that are in effect together."""


class Subject(NamedTuple):
    """A live queue or exchange, and every version of a policy that is for it, best first."""

    ref: Ref
    sort: str
    row: Row
    policies: Sequence[Version]
    operators: Sequence[Version]

    @property
    def numbers(self) -> frozenset[int]:
        """The changes that concern it."""
        both = (*self.policies, *self.operators)
        return frozenset(one.change for one in both if one.change is not None)

    def pairs(self, made: frozenset[int]) -> list[Pair]:
        """Return what may be in effect: one pair, or several where priorities are equal."""
        return list(product(_best(self.policies, made), _best(self.operators, made)))


def subjects(
    vhost: str, changes: Sequence[Change], live: Rows, context: Context
) -> Iterator[Subject]:
    """Yield what the policy changes of a vhost are about; they are numbered as they come."""
    versions = {kind: _versions(vhost, kind, changes, live, context) for kind in (POLICY, OPERATOR)}
    for (kind, sort), rows in _objects(vhost, changes, live, context).items():
        names = [key[1] for key in rows]
        policies, operators = (
            _matching(versions[one], sort, names, context) for one in (POLICY, OPERATOR)
        )
        for key, row in rows.items():
            found = Subject(
                Ref(kind, key), sort, row, policies.get(key[1], ()), operators.get(key[1], ())
            )
            if found.numbers:
                yield found


def step_of(change: Change) -> int:
    """Return when a change is made: operator policies, policies, then deletions in reverse."""
    is_policy = change.ref.kind == POLICY
    if change.action is Action.DELETE:
        return 2 if is_policy else 3
    return 1 if is_policy else 0


def _versions(
    vhost: str, kind: str, changes: Sequence[Change], live: Rows, context: Context
) -> list[Version]:
    numbers = {c.ref.key: n for n, c in enumerate(changes) if c.ref.kind == kind}
    found = [
        Version(candidate(row, context), numbers.get(key), is_new=False)
        for key, row in live.get(kind, {}).items()
        if key[0] == vhost
    ]
    for change in changes:
        if change.ref.kind == kind and change.after is not None:
            one = candidate(change.after, context)
            found.append(Version(one, numbers[change.ref.key], is_new=True))
    return sorted(found, key=lambda one: one.candidate.order)


def _objects(
    vhost: str, changes: Sequence[Change], live: Rows, context: Context
) -> dict[tuple[str, str], dict[Key, Row]]:
    """Return the live objects that any of the changes is about, by kind and sort."""
    groups: dict[tuple[str, str], dict[str, Key]] = {}
    for kind in (QUEUE, EXCHANGE):
        for key, row in live.get(kind, {}).items():
            if key[0] == vhost:
                sort = sort_of(Ref(kind, key), row, context, live=True)
                groups.setdefault((kind, sort), {})[key[1]] = key
    sides = [row for c in changes for row in (c.before, c.after) if row is not None]
    found: dict[tuple[str, str], dict[Key, Row]] = {}
    for (kind, sort), keys in groups.items():
        about: set[str] = set()
        for row in sides:
            if is_for(row, sort, context):
                about.update(candidate(row, context).matches.select(keys))
        if about:
            found[kind, sort] = {keys[name]: live[kind][keys[name]] for name in sorted(about)}
    return found


def _matching(
    versions: Sequence[Version], sort: str, names: Sequence[str], context: Context
) -> dict[str, list[Version]]:
    """Return the versions that match each name, best first."""
    found: dict[str, list[Version]] = {}
    for one in versions:
        if is_for(one.candidate.row, sort, context):
            for name in one.candidate.matches.select(names):
                found.setdefault(name, []).append(one)
    return found


def _best(versions: Sequence[Version], made: frozenset[int]) -> Sequence[Version | None]:
    standing = [one for one in versions if one.stands(made)]
    if not standing:
        return (None,)
    highest = standing[0].candidate.row["priority"]
    return [one for one in standing if one.candidate.row["priority"] == highest]
