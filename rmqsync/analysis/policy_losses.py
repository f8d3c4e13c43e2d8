"""
Which changes of policies may cost messages that queues hold now.

A *threat* is one way in which one change may do so for one queue or exchange; whether it comes true
depends on what the queue holds, which `lost` judges.

All policy changes of a run are seen together. They are made in steps (`_step`): what stands between
two steps, or within one, can be the truth for a moment, and a moment is enough to drop messages.
What needs longer than that is judged by the end alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import NamedTuple

from rmqsync.analysis.dangers import EXCHANGE_RULES, QUEUE_RULES, Danger, Rule, Settings
from rmqsync.analysis.dead_letters import AE, BINDING, DLX
from rmqsync.analysis.federation import buffers
from rmqsync.analysis.merging import in_force, merged
from rmqsync.analysis.paths import BySource, by_source, has_queue, leading_on
from rmqsync.analysis.policies import (
    EXCHANGE,
    OPERATOR,
    POLICIES,
    POLICY,
    QUEUE,
    Candidate,
    candidate,
    is_for,
    sort_of,
)
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import QueueFacts, Rows
from rmqsync.model.values import JsonValue, Key, Row

_MOST_AT_ONCE = 4
"""Changes of one step that concern one object: every order of so many is looked at."""


class Threat(NamedTuple):
    """A way in which one change may cost messages."""

    change: Ref
    """The policy or operator policy that is to be changed, or what is to go."""
    ref: Ref
    """The queue, or the exchange, it is about."""
    danger: Danger
    after: JsonValue
    """What will be in force; `None` where something is taken away."""

    @property
    def needs_facts(self) -> bool:
        """Whether what the queue holds decides."""
        return self.ref.kind == QUEUE


def threats(changes: Iterable[Change], live: Rows, context: Context) -> tuple[Threat, ...]:
    """Return what the policy changes among `changes`, all made, may do to live objects."""
    by_vhost: dict[str, list[Change]] = {}
    made: list[Key] = []
    for change in changes:
        if change.ref.kind in POLICIES:
            by_vhost.setdefault(change.ref.key[0], []).append(change)
        elif change.ref.kind == BINDING and change.action is Action.CREATE:
            made.append(change.ref.key)
    if not by_vhost:
        return ()
    found: dict[Threat, None] = {}
    for vhost, mine in by_vhost.items():
        found.update(dict.fromkeys(_Vhost(vhost, mine, live, context, made).threats()))
    return tuple(_with_buffers(found, live, context))


def _with_buffers(found: Collection[Threat], live: Rows, context: Context) -> Iterable[Threat]:
    """Leave out federation that is set up anew and has nothing to lose upstream."""
    if not any(one.danger is Danger.FEDERATION for one in found):
        return found
    buffered = {one.exchange for one in buffers(live, context)}
    return (one for one in found if one.danger is not Danger.FEDERATION or one.ref in buffered)


def lost(threat: Threat, facts: QueueFacts | None) -> int | None:
    """
    Return how many of the messages that a queue holds a threat may cost at most.

    0 is certain; `None` is an unknown number that may be more than 0. What takes away the way out
    of a queue in use costs an unknown number of messages that it holds or will hold.
    """
    if not threat.needs_facts or facts is None:
        return None
    if threat.danger in (Danger.DEAD_LETTERS, Danger.DEAD_END):
        return 0 if (facts.messages, facts.unacknowledged, facts.consumers) == (0, 0, 0) else None
    if facts.messages is None:
        return None
    if threat.danger is Danger.MAX_LENGTH and isinstance(threat.after, int):
        return max(0, facts.messages - threat.after)
    return facts.messages


@dataclass(frozen=True, slots=True, eq=False)
class _Version:
    """A policy as it is, or as it will be."""

    candidate: Candidate
    change: int | None
    """The number of the change that makes or ends it; `None` for one that stays as it is."""
    is_new: bool

    def stands(self, made: frozenset[int]) -> bool:
        return self.change is None or (self.change in made) is self.is_new


_Pair = tuple[_Version | None, _Version | None]
"""A policy and an operator policy that are in effect together."""


@dataclass(slots=True)
class _Vhost:
    """The policies of one vhost, before and after, and its objects."""

    vhost: str
    changes: Sequence[Change]
    live: Rows
    context: Context
    made: Sequence[Key]
    """Bindings that the run makes."""
    _bindings: BySource | None = None
    _in_force: dict[tuple[str, int, int, int], Settings] = field(default_factory=dict)
    _known: dict[tuple[str, int, int], tuple[tuple[Rule, JsonValue], ...]] = field(
        default_factory=dict
    )
    """What one setting in place of another may do; both are kept alive by the field above."""

    def threats(self) -> Iterator[Threat]:
        versions = {kind: self._versions(kind) for kind in (POLICY, OPERATOR)}
        for (kind, sort), rows in self._objects().items():
            matching = {
                one: self._matching(versions[one], sort, [key[1] for key in rows])
                for one in (POLICY, OPERATOR)
            }
            for key, row in rows.items():
                policies = matching[POLICY].get(key[1], [])
                operators = matching[OPERATOR].get(key[1], [])
                if any(one.change is not None for one in (*policies, *operators)):
                    yield from self._of_object(Ref(kind, key), sort, row, policies, operators)

    def _versions(self, kind: str) -> list[_Version]:
        numbers = {c.ref.key: n for n, c in enumerate(self.changes) if c.ref.kind == kind}
        found = [
            _Version(candidate(row, self.context), numbers.get(key), is_new=False)
            for key, row in self.live.get(kind, {}).items()
            if key[0] == self.vhost
        ]
        for change in self.changes:
            if change.ref.kind == kind and change.after is not None:
                one = candidate(change.after, self.context)
                found.append(_Version(one, numbers[change.ref.key], is_new=True))
        return sorted(found, key=lambda one: one.candidate.order)

    def _objects(self) -> dict[tuple[str, str], dict[Key, Row]]:
        """Return the live objects that any of the changes is about, by kind and sort."""
        groups: dict[tuple[str, str], dict[str, Key]] = {}
        for kind in (QUEUE, EXCHANGE):
            for key, row in self.live.get(kind, {}).items():
                if key[0] == self.vhost:
                    sort = sort_of(Ref(kind, key), row, self.context, live=True)
                    groups.setdefault((kind, sort), {})[key[1]] = key
        sides = [row for c in self.changes for row in (c.before, c.after) if row is not None]
        found: dict[tuple[str, str], dict[Key, Row]] = {}
        for (kind, sort), keys in groups.items():
            about: set[str] = set()
            for row in sides:
                if is_for(row, sort, self.context):
                    about.update(candidate(row, self.context).matches.select(keys))
            if about:
                chosen = {keys[name]: self.live[kind][keys[name]] for name in sorted(about)}
                found[kind, sort] = chosen
        return found

    def _matching(
        self, versions: Sequence[_Version], sort: str, names: Sequence[str]
    ) -> dict[str, list[_Version]]:
        """Return the versions that match each name, best first."""
        found: dict[str, list[_Version]] = {}
        for one in versions:
            if is_for(one.candidate.row, sort, self.context):
                for name in one.candidate.matches.select(names):
                    found.setdefault(name, []).append(one)
        return found

    def _of_object(
        self,
        ref: Ref,
        sort: str,
        row: Row,
        policies: Sequence[_Version],
        operators: Sequence[_Version],
    ) -> Iterator[Threat]:
        numbers = {one.change for one in (*policies, *operators) if one.change is not None}
        before = _pairs(policies, operators, frozenset())
        for made, is_end in self._states(numbers):
            for one, other in product(before, _pairs(policies, operators, made)):
                if one != other:
                    for rule, value in self._dangers(sort, row, one, other):
                        if is_end or rule.at_once:
                            for number in _responsible(rule, one, other, made):
                                change = self.changes[number].ref
                                yield Threat(change, ref, rule.danger, value)

    def _states(self, numbers: set[int]) -> Iterator[tuple[frozenset[int], bool]]:
        """Return which changes may have been made at some moment, and whether that is the end."""
        steps: dict[int, list[int]] = {}
        for number in sorted(numbers):
            steps.setdefault(_step(self.changes[number]), []).append(number)
        made: frozenset[int] = frozenset()
        for _, step in sorted(steps.items()):
            for size in range(1, len(step)):
                if len(step) <= _MOST_AT_ONCE or size in (1, len(step) - 1):
                    for some in combinations(step, size):
                        yield made | set(some), False
            made |= set(step)
            yield made, made == numbers

    def _dangers(
        self, sort: str, row: Row, one: _Pair, other: _Pair
    ) -> tuple[tuple[Rule, JsonValue], ...]:
        before, after = self._settings(sort, row, one), self._settings(sort, row, other)
        key = (sort, id(before), id(after))
        if key not in self._known:
            reaching = self._reaching(before, after)
            self._known[key] = tuple(
                (rule, rule.value(after))
                for rule in (EXCHANGE_RULES if sort == EXCHANGE else QUEUE_RULES)
                if rule.threatens(sort, before, reaching)
            )
        return self._known[key]

    def _reaching(self, before: Settings, after: Settings) -> Settings:
        """Return what is to be in force, without new ways out that lead nowhere."""
        nowhere = {
            key
            for key in (DLX, AE)
            if isinstance(name := after.get(key), str)
            and name not in ("", before.get(key))
            and not self._leads_on(name)
        }
        return {key: one for key, one in after.items() if key not in nowhere} if nowhere else after

    def _leads_on(self, name: str) -> bool:
        """Tell whether there is an exchange, or will be, and any queue that it leads to."""
        if self._bindings is None:
            keys = (*self.live.get(BINDING, {}), *self.made)
            self._bindings = by_source(keys, {self.vhost})
        return has_queue(leading_on(Ref(EXCHANGE, (self.vhost, name)), self._bindings))

    def _settings(self, sort: str, row: Row, pair: _Pair) -> Settings:
        arguments = row["arguments"]
        key = (sort, id(arguments) if arguments else 0, id(pair[0]), id(pair[1]))
        if key not in self._in_force:
            definition = merged(_definition(pair[0]), _definition(pair[1]), self.context)
            if sort != EXCHANGE:
                definition = in_force(sort, arguments, definition, self.context)
            elif arguments.get("alternate-exchange"):
                own = arguments["alternate-exchange"]
                definition = {**definition, "alternate-exchange": own}
            self._in_force[key] = definition
        return self._in_force[key]


def _step(change: Change) -> int:
    """Return when a change is made: operator policies, policies, then deletions in reverse."""
    is_policy = change.ref.kind == POLICY
    if change.action is Action.DELETE:
        return 2 if is_policy else 3
    return 1 if is_policy else 0


def _pairs(
    policies: Sequence[_Version], operators: Sequence[_Version], made: frozenset[int]
) -> list[_Pair]:
    """Return what may be in effect: one pair, or several where priorities are equal."""
    return list(product(_best(policies, made), _best(operators, made)))


def _best(versions: Sequence[_Version], made: frozenset[int]) -> Sequence[_Version | None]:
    standing = [one for one in versions if one.stands(made)]
    if not standing:
        return (None,)
    highest = standing[0].candidate.row["priority"]
    return [one for one in standing if one.candidate.row["priority"] == highest]


def _definition(version: _Version | None) -> Settings:
    if version is None:
        return {}
    definition: Settings = version.candidate.row["definition"]
    return definition


def _responsible(rule: Rule, one: _Pair, other: _Pair, made: frozenset[int]) -> set[int]:
    """Return the changes by which one pair gave way to the other, where they have a part in it."""
    by_side = [
        {
            version.change
            for version in (was, will_be)
            if version is not None and version.change is not None and version.change in made
        }
        for was, will_be in zip(one, other, strict=True)
        if was is not will_be and _differ(rule, was, will_be)
    ]
    return set().union(*by_side)


def _differ(rule: Rule, one: _Version | None, other: _Version | None) -> bool:
    before, after = _definition(one), _definition(other)
    return rule.by_any or any(before.get(key) != after.get(key) for key in rule.keys)
