"""
Which policy and operator policy is in effect for a queue or an exchange, and what both say.

One of each, by priority, of those in the vhost that are for this sort of object and whose pattern
matches; they are not layered. For queues a policy or operator policy with one key that the type of
the queue does not support is passed over as a whole; exchanges accept any (rabbit_policy.erl
`match_all/3` and `merge_operator_definitions/2`, rabbit_queue_type.erl `is_policy_applicable`).
Held to what brokers of three generations say in `tests/analysis`.

Among equal priorities the broker takes whichever its table has first: such a result is marked
ambiguous, and names the first by name. The default exchange has no policy whatever the patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

from rmqsync.analysis.merging import merged
from rmqsync.analysis.patterns import Matcher, dialect, matcher
from rmqsync.kinds.context import Context
from rmqsync.kinds.policy_keys import disqualifies
from rmqsync.kinds.queue import TYPE, queue_type
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Rows
from rmqsync.model.values import JsonValue, Key, Row, same

QUEUE, EXCHANGE = "queue", "exchange"
POLICY, OPERATOR = "policy", "operator_policy"
POLICIES = frozenset({POLICY, OPERATOR})
_OF_TYPE = {"classic": "classic_queues", "quorum": "quorum_queues", "stream": "streams"}


class Effective(NamedTuple):
    """What the broker shows as `policy`, `operator_policy` and `effective_policy_definition`."""

    policy: str | None
    operator_policy: str | None
    definition: Mapping[str, JsonValue]
    """Of both, merged; empty where there is neither."""
    ambiguous: bool = False
    """Others of the same priority match as well: the broker may have chosen one of those."""


class Altered(NamedTuple):
    """An object whose effective policy differs."""

    ref: Ref
    before: Effective
    after: Effective


class Candidate(NamedTuple):
    """A policy, with what it takes to tell quickly whether it applies."""

    row: Row
    matches: Matcher

    @property
    def order(self) -> tuple[float, str]:
        return (-self.row["priority"], self.row["name"])


def candidate(row: Row, context: Context) -> Candidate:
    return Candidate(row, matcher(row["pattern"], dialect(context)))


def is_for(row: Row, sort: str, context: Context) -> bool:
    """Tell whether a policy is for exchanges, or for queues of a type, as far as names go."""
    target, definition = row["apply-to"], row["definition"]
    if sort == EXCHANGE:
        return target in ("all", "exchanges")
    if target not in ("all", "queues") and target != _OF_TYPE.get(sort):
        return False
    return not any(disqualifies(key, sort, context) for key in definition)


def sort_of(ref: Ref, row: Row, context: Context, *, live: bool = False) -> str:
    """
    Return what decides which policies an object may have: `exchange`, or the type of the queue.

    A live queue without a type of its own is a classic one, whatever its vhost's default.
    """
    if ref.kind == EXCHANGE:
        return EXCHANGE
    if not live:
        return queue_type(row, context)
    own = row["arguments"].get(TYPE)
    return own if isinstance(own, str) and own else "classic"


class PolicyIndex:
    """The policies of some definitions, ready to be asked about many objects."""

    def __init__(self, rows: Rows, context: Context) -> None:
        self._context = context
        self._by_vhost: dict[tuple[str, str], list[Candidate]] = {}
        self._by_sort: dict[tuple[str, str, str], list[Candidate]] = {}
        for kind in (POLICY, OPERATOR):
            for row in rows.get(kind, {}).values():
                found = self._by_vhost.setdefault((kind, row["vhost"]), [])
                found.append(candidate(row, context))
        for found in self._by_vhost.values():
            found.sort(key=lambda one: one.order)
        self._merged: dict[tuple[int, int], Mapping[str, JsonValue]] = {}

    def of(self, ref: Ref, row: Row, *, live: bool = False) -> Effective:
        """Return what is in effect for a queue or an exchange; `live` as in `sort_of`."""
        sort = sort_of(ref, row, self._context, live=live)
        ((_, found),) = self._of_names(row["vhost"], sort, [row["name"]])
        return found

    def all(self, rows: Rows, *, live: bool = False) -> dict[Ref, Effective]:
        """Return what is in effect for every queue and exchange of `rows`."""
        groups: dict[tuple[str, str, str], dict[str, Key]] = {}
        for kind in (QUEUE, EXCHANGE):
            for key, row in rows.get(kind, {}).items():
                sort = sort_of(Ref(kind, key), row, self._context, live=live)
                groups.setdefault((kind, row["vhost"], sort), {})[row["name"]] = key
        found = {}
        for (kind, vhost, sort), keys in groups.items():
            for name, effective in self._of_names(vhost, sort, list(keys)):
                found[Ref(kind, keys[name])] = effective
        return found

    def _of_names(self, vhost: str, sort: str, names: list[str]) -> Iterable[tuple[str, Effective]]:
        policies = self._winners(POLICY, vhost, sort, names)
        operators = self._winners(OPERATOR, vhost, sort, names)
        for name in names:
            policy, is_tied = policies.get(name, (None, False))
            operator, is_tied_too = operators.get(name, (None, False))
            yield (
                name,
                Effective(
                    None if policy is None else policy["name"],
                    None if operator is None else operator["name"],
                    self._both(policy, operator),
                    is_tied or is_tied_too,
                ),
            )

    def _winners(
        self, kind: str, vhost: str, sort: str, names: Sequence[str]
    ) -> dict[str, tuple[Row, bool]]:
        """Return the policy of each name that has one, and whether there are others like it."""
        found: dict[str, tuple[Row, bool]] = {}
        left = names
        for _, group in groupby(self._candidates(kind, vhost, sort), lambda one: one.order[0]):
            if not left:
                break
            before = len(found)
            for one in group:
                for name in one.matches.select(left):
                    other = found.get(name)
                    found[name] = (one.row, False) if other is None else (other[0], True)
            if len(found) > before:
                left = [name for name in left if name not in found]
        return found

    def _candidates(self, kind: str, vhost: str, sort: str) -> list[Candidate]:
        key = (kind, vhost, sort)
        if key not in self._by_sort:
            self._by_sort[key] = [
                one
                for one in self._by_vhost.get((kind, vhost), ())
                if is_for(one.row, sort, self._context)
            ]
        return self._by_sort[key]

    def _both(self, policy: Row | None, operator: Row | None) -> Mapping[str, JsonValue]:
        key = (id(policy), id(operator))
        if key not in self._merged:
            self._merged[key] = merged(
                {} if policy is None else policy["definition"],
                {} if operator is None else operator["definition"],
                self._context,
            )
        return self._merged[key]


def effective(
    kind: str,
    row: Row,
    policies: Iterable[Row],
    operator_policies: Iterable[Row],
    context: Context,
    *,
    live: bool = False,
) -> Effective:
    """Return what is in effect for one queue or exchange, given the policies there are."""
    rows: Rows = {
        POLICY: {(one["vhost"], one["name"]): one for one in policies},
        OPERATOR: {(one["vhost"], one["name"]): one for one in operator_policies},
    }
    key = (row["vhost"], row["name"])
    return PolicyIndex(rows, context).of(Ref(kind, key), row, live=live)


def changed(before: Rows, after: Rows, context: Context) -> list[Altered]:
    """
    Return the queues and exchanges on both sides whose effective policy differs, by key.

    `before` is live. Costs a comparison of the policies where these and the types are as they were.
    """
    vhosts = _vhosts_with_other_policies(before, after)
    old: Rows = {}
    new: Rows = {}
    for kind in (QUEUE, EXCHANGE):
        for key, row in before.get(kind, {}).items():
            other = after.get(kind, {}).get(key)
            if other is None:
                continue
            if key[0] in vhosts or _is_of_other_sort(Ref(kind, key), row, other, context):
                old.setdefault(kind, {})[key] = row
                new.setdefault(kind, {})[key] = other
    if not old:
        return []
    was = PolicyIndex(before, context).all(old, live=True)
    will_be = PolicyIndex(after, context).all(_with_types(new, old), live=True)
    return [
        Altered(ref, one, will_be[ref]) for ref, one in sorted(was.items()) if one != will_be[ref]
    ]


def _vhosts_with_other_policies(before: Rows, after: Rows) -> set[str]:
    found = set()
    for kind in (POLICY, OPERATOR):
        mine, theirs = before.get(kind, {}), after.get(kind, {})
        for key in mine.keys() | theirs.keys():
            one, other = mine.get(key), theirs.get(key)
            if one is None or other is None or not same(one, other):
                found.add(key[0])
    return found


def _is_of_other_sort(ref: Ref, before: Row, after: Row, context: Context) -> bool:
    if ref.kind == EXCHANGE or before["arguments"] == after["arguments"]:
        return False
    own = after["arguments"].get(TYPE)
    return bool(own) and own != sort_of(ref, before, context, live=True)


def _with_types(after: Rows, before: Rows) -> Rows:
    """Give queues that are declared without a type the one they have: it stays what it is."""
    queues = dict(after.get(QUEUE, {}))
    for key, row in queues.items():
        if not row["arguments"].get(TYPE):
            own = before[QUEUE][key]["arguments"].get(TYPE)
            queues[key] = {**row, "arguments": {**row["arguments"], TYPE: own}}
    return {**after, QUEUE: queues}
