"""
Which changes of policies may cost messages that queues hold now.

A *threat* is one way in which one change may do so for one queue or exchange; whether it comes true
depends on what the queue holds, which `lost` judges.

All policy changes of a vhost are seen together. What stands between two of them can be the truth
for a moment, and a moment is enough to drop messages. Some of what is lost at once does not come
back: there every order within a step counts. The rest is judged by the order that a run keeps to
(`first_wave`): of the changes that may go at once, first those that threaten nothing by themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import NamedTuple

from rmqsync.analysis.dangers import EXCHANGE_RULES, QUEUE_RULES, Danger, Rule, Settings
from rmqsync.analysis.dead_letters import AE, BINDING, DL_KEY, DLX, with_alternates
from rmqsync.analysis.federation import buffers
from rmqsync.analysis.merging import in_force, merged, passes_on
from rmqsync.analysis.paths import BySource, Types, by_source, has_queue, leading_on, types_of
from rmqsync.analysis.policies import EXCHANGE, POLICIES, QUEUE, PolicyIndex
from rmqsync.analysis.policy_versions import Pair, Subject, Version, step_of, subjects
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import QueueFacts, Rows
from rmqsync.model.values import JsonValue, Row

MOST_SINGLY = 8
"""So many changes of one step in one vhost are put in order; of more only creations come first."""
_MOST_AT_ONCE = 4
"""Changes of one step that concern one object: every order of so many is looked at."""

_Numbers = frozenset[int]
"""Changes of a vhost, by the number that each has among them."""
_NONE: _Numbers = frozenset()
_WAYS = (BINDING, EXCHANGE, QUEUE)
_OWN = "\0"
"""The keys that messages came with, where another was set before: only what takes all is sure."""


class Threat(NamedTuple):
    """A way in which one change may cost messages."""

    change: Ref
    """The policy or operator policy that is to be changed, or what is to go."""
    ref: Ref
    """The queue, or the exchange, it is about."""
    danger: Danger
    after: JsonValue
    """What will be in force; `None` where something is taken away."""
    passes_on: bool = False
    """It is a queue that keeps nothing for long: that it is empty says nothing (`merging`)."""

    @property
    def needs_facts(self) -> bool:
        """Whether what the queue holds decides."""
        return self.ref.kind == QUEUE


def threats(changes: Iterable[Change], live: Rows, context: Context) -> tuple[Threat, ...]:
    """Return what the policy changes among `changes`, all made, may do to live objects."""
    by_vhost: dict[str, list[Change]] = {}
    made: dict[Ref, Row] = {}
    for change in changes:
        if change.ref.kind in POLICIES:
            by_vhost.setdefault(change.ref.key[0], []).append(change)
        elif change.ref.kind in _WAYS and change.after is not None:
            made[change.ref] = change.after
    if not by_vhost:
        return ()
    found: dict[Threat, None] = {}
    for vhost, mine in by_vhost.items():
        found.update(dict.fromkeys(_Vhost(vhost, mine, live, context, made).threats()))
    return tuple(_with_buffers(found, live, context))


def first_wave(changes: Sequence[Change], live: Rows, context: Context) -> list[Change]:
    """
    Return which of the changes, policies of one step and vhost, are to be made before the others.

    `live` is what there is by now. All of them, where no order is better than another.
    """
    found = _Vhost(changes[0].ref.key[0], changes, live, context, {})
    wave = found.first_wave(range(len(changes)), _NONE)
    return [change for number, change in enumerate(changes) if number in wave]


def _with_buffers(found: Collection[Threat], live: Rows, context: Context) -> Iterable[Threat]:
    """Leave out federation that is set up anew and has nothing to lose upstream."""
    if not any(one.danger is Danger.FEDERATION for one in found):
        return found
    buffered = {one.exchange for one in buffers(live, context) if not one.is_kept}
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
        return 0 if facts.idle and not threat.passes_on else None
    if facts.messages is None:
        return None
    if threat.danger is Danger.MAX_LENGTH and isinstance(threat.after, int):
        return max(0, facts.messages - threat.after)
    if threat.danger is Danger.OVERFLOW and isinstance(threat.after, int):
        return 0 if facts.messages < threat.after else None
    return facts.messages


@dataclass(slots=True)
class _Vhost:
    """The policies of one vhost, before and after, and its objects."""

    vhost: str
    changes: Sequence[Change]
    live: Rows
    context: Context
    made: Mapping[Ref, Row]
    """Exchanges, queues and bindings as the run makes them."""
    subjects: Sequence[Subject] = field(init=False)
    _moments: dict[_Numbers, list[_Numbers]] = field(default_factory=dict)
    _waves: list[_Numbers] | None = None
    _ways: tuple[BySource, Types] | None = None
    _in_force: dict[tuple[str, int, int, int], Settings] = field(default_factory=dict)
    _known: dict[tuple[str, int, int], tuple[tuple[Rule, JsonValue], ...]] = field(
        default_factory=dict
    )
    """What one setting in place of another may do; both are kept alive by the field above."""

    def __post_init__(self) -> None:
        self.subjects = tuple(subjects(self.vhost, self.changes, self.live, self.context))

    def threats(self) -> Iterator[Threat]:
        for one in self.subjects:
            yield from self._of(one)

    def _of(self, subject: Subject) -> Iterator[Threat]:
        numbers = subject.numbers
        before = subject.pairs(_NONE)
        for made in self._states(numbers):
            for one, other in product(before, subject.pairs(made)):
                if one != other:
                    dangers = self._dangers(subject, one, other)
                    passes = bool(dangers) and self._passes_on(subject, one, other)
                    for rule, value in dangers:
                        if rule.at_once or made == numbers or made in self._of_waves(numbers):
                            for number in _responsible(rule, one, other, made):
                                change = self.changes[number].ref
                                yield Threat(change, subject.ref, rule.danger, value, passes)

    def _passes_on(self, subject: Subject, *pairs: Pair) -> bool:
        sort, row = subject.sort, subject.row
        return any(passes_on(self._settings(sort, row, pair)) for pair in pairs)

    def _states(self, numbers: _Numbers) -> Iterator[_Numbers]:
        """Yield which changes may have been made at some moment, in whatever order they go."""
        made = _NONE
        for step in self._steps(numbers):
            for some in _parts(step):
                yield made | some
            made |= step
            yield made

    def _steps(self, numbers: Iterable[int]) -> list[_Numbers]:
        steps: dict[int, set[int]] = {}
        for number in numbers:
            steps.setdefault(step_of(self.changes[number]), set()).add(number)
        return [frozenset(step) for _, step in sorted(steps.items())]

    def _of_waves(self, numbers: _Numbers) -> list[_Numbers]:
        """Return which of the changes may have been made at some moment of a run."""
        if numbers not in self._moments:
            found = self._moments[numbers] = []
            made = _NONE
            for wave in self.waves():
                mine = wave & numbers
                found += [made | some for some in (*_parts(mine), mine)]
                made |= mine
        return self._moments[numbers]

    def waves(self) -> list[_Numbers]:
        """Return the changes in the order in which a run makes them, those together that go so."""
        if self._waves is None:
            self._waves = []
            made = _NONE
            for step in self._steps(range(len(self.changes))):
                while step:
                    wave = self.first_wave(step, made)
                    self._waves.append(wave)
                    step -= wave
                    made |= wave
        return self._waves

    def first_wave(self, step: Iterable[int], made: _Numbers) -> _Numbers:
        """Return which changes of a step go before its others, once some are made."""
        left = frozenset(step)
        if len(left) == 1:
            return left
        if len(left) <= MOST_SINGLY:
            good = {one for one in left if not self._is_risky(frozenset({one}), made)}
            return frozenset(good) or left
        new = frozenset(one for one in left if self.changes[one].action is Action.CREATE)
        return new if new and not self._is_risky(new, made) else left

    def _is_risky(self, some: _Numbers, made: _Numbers) -> bool:
        """Tell whether changes may cost anything, once `made` are there and no others."""
        for subject in self.subjects:
            if some.isdisjoint(subject.numbers):
                continue
            for one, other in product(subject.pairs(made), subject.pairs(made | some)):
                if one != other and any(
                    rule.danger is not Danger.FEDERATION  # lost whatever the order
                    and _responsible(rule, one, other, some)
                    for rule, _ in self._dangers(subject, one, other)
                ):
                    return True
        return False

    def _dangers(
        self, subject: Subject, one: Pair, other: Pair
    ) -> tuple[tuple[Rule, JsonValue], ...]:
        sort, row = subject.sort, subject.row
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
        nowhere = set()
        for way, key in ((DLX, DL_KEY), (AE, None)):
            name, by, had = after.get(way), None, before.get(way)
            if key is not None and (by := after.get(key)) != before.get(key):
                had = None
                by = _OWN if by is None else by
            if isinstance(name, str) and name != had and not self._leads_on(name, by):
                nowhere.add(way)
        return {key: one for key, one in after.items() if key not in nowhere} if nowhere else after

    def _leads_on(self, name: str, key: JsonValue) -> bool:
        """Tell whether an exchange is or will be there, and hands on to any queue, by a key."""
        key = key if isinstance(key, str) else None
        if not name:  # the default exchange
            ref = Ref(QUEUE, (self.vhost, key or ""))
            return key is None or ref in self.made or ref.key in self.live.get(QUEUE, {})
        if self._ways is None:
            self._ways = self._bound()
        bindings, types = self._ways
        return has_queue(leading_on(Ref(EXCHANGE, (self.vhost, name)), bindings, key, types))

    def _bound(self) -> tuple[BySource, Types]:
        made = [ref.key for ref in self.made if ref.kind == BINDING]
        rows = {kind: dict(self.live.get(kind, {})) for kind in POLICIES}
        exchanges = {k: row for k, row in self.live.get(EXCHANGE, {}).items() if k[0] == self.vhost}
        for ref, row in self.made.items():
            if ref.kind == EXCHANGE and ref.key[0] == self.vhost:
                exchanges[ref.key] = row
        effective = PolicyIndex(rows, self.context).all({EXCHANGE: exchanges}, live=True)
        alternates = with_alternates(exchanges, effective)
        bindings = by_source((*self.live.get(BINDING, {}), *made), {self.vhost})
        return bindings, types_of({EXCHANGE: exchanges}, {self.vhost}, alternates)

    def _settings(self, sort: str, row: Row, pair: Pair) -> Settings:
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


def _parts(some: _Numbers) -> Iterator[_Numbers]:
    """Yield what may be made of changes that go at once, before all of them are."""
    for size in range(1, len(some)):
        if len(some) <= _MOST_AT_ONCE or size in (1, len(some) - 1):
            yield from map(frozenset, combinations(sorted(some), size))


def _definition(version: Version | None) -> Settings:
    return {} if version is None else version.definition


def _responsible(rule: Rule, one: Pair, other: Pair, made: _Numbers) -> set[int]:
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


def _differ(rule: Rule, one: Version | None, other: Version | None) -> bool:
    before, after = _definition(one), _definition(other)
    return rule.by_any or any(before.get(key) != after.get(key) for key in rule.keys)
