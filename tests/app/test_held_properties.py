"""A held change is never sent, whatever else is: judged by what a cluster in memory is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Action, Change, Loss, Outcome, Ref, Result
from rmqsync.model.definitions import Desired, OnChangeRule, Removed, Rows, When, refs
from rmqsync.model.findings import Origin
from rmqsync.model.values import Key
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import MemoryCluster, State, needed_by, taken_down
from tests.planning.builders import binding, desired_of, exchange, queue, vhost, whole

NAMES = "ab"
SIDES = ("live", "last", "desired")
Variants = list[tuple[str, dict[str, Any]]]


def _user(name: str, *tags: str) -> tuple[str, dict[str, Any]]:
    return "user", {"name": name, "tags": list(tags)}


def _permission(user: str, right: str) -> tuple[str, dict[str, Any]]:
    return "permission", {"vhost": "v", "user": user, "configure": right, "write": "", "read": ""}


def _topic(user: str, source: str, right: str) -> tuple[str, dict[str, Any]]:
    entry = {"vhost": "v", "user": user, "exchange": source, "write": right, "read": ""}
    return "topic_permission", entry


def _policy(most: int) -> tuple[str, dict[str, Any]]:
    entry = {"vhost": "v", "name": "p", "pattern": ".", "definition": {"max-length": most}}
    return "policy", entry


def _universe() -> list[Variants]:
    """Return every object that there may be, as up to three shapes of it."""
    found: list[Variants] = [[_policy(most) for most in (9, 0, 5)], [vhost("w")], [queue("a", "w")]]
    for name in NAMES:
        found += [
            [queue(name, arguments=one) for one in ({}, {"x-max-length": 1}, {"x-expires": 9000})],
            [exchange(name, type=sort) for sort in ("topic", "fanout", "direct")],
            [_user(name), _user(name, "monitoring"), _user(name, "management")],
            [_permission(name, right) for right in ("", ".*", "a")],
        ]
        for other in NAMES:
            found += [
                [_topic(name, other, right) for right in ("", ".*", "a")],
                [binding(name, other, "k")],
                [binding(name, other, arguments={"n": 1})],
                [binding(name, other, destination_type="exchange")],
            ]
    return found


UNIVERSE = _universe()
# For each side which shape an object has there, as people, git and runs bring it about.
fates = st.sampled_from(
    [
        (None, None, None),
        (0, 0, 0),
        (0, 0, 0),
        (0, 0, 1),
        (0, 0, None),
        (None, None, 0),
        (0, None, None),
        (1, 0, 0),
        (None, 0, 0),
        (1, 0, None),
        (1, None, 0),
        (1, 0, 2),
        (1, 0, 2),
    ]
)


@st.composite
def stories(draw: st.DrawFn) -> dict[str, Rows]:
    """Draw what a cluster has, what was applied to it last, and what git says now."""
    often = st.one_of(st.just((0, 0, 1)), fates)  # a replacement, with all that hangs on it
    drawn = draw(st.tuples(*(often if one[0][0] == "exchange" else fates for one in UNIVERSE)))
    return {
        side: whole(
            [
                shapes[min(shape, len(shapes) - 1)]
                for shapes, fate in zip(UNIVERSE, drawn, strict=True)
                if (shape := fate[number]) is not None
            ]
        )
        for number, side in enumerate(SIDES)
    }


patterns = st.sampled_from(["queue:*", "binding:*", "*:v/a", "*:w/*", "user:a", "exchange:*"])
few = st.one_of(st.just(()), st.just(()), patterns.map(lambda text: (Pattern(text),)))
rules = st.builds(
    Rules,
    prune=st.sampled_from(Prune),
    prune_kinds=st.sampled_from([frozenset(), frozenset(KINDS.names)]),
    allow_loss=st.sampled_from([Loss.EVERYTHING, Loss.MESSAGES, *Loss, *[Loss.EVERYTHING] * 3]),
    max_deletes=st.builds(
        MaxDeletes,
        share=st.sampled_from([1.0, 0.3]),
        objects=st.sampled_from([99, 99, 2]),
        bindings=st.sampled_from([99, 99, 1]),
    ),
    protect=few,
    ignore=few,
    targets=few,
    excludes=few,
)
stances = st.fixed_dictionaries(
    {"adopts": st.booleans(), "heals": st.booleans(), "is_attended": st.booleans()}
)
versions = st.sampled_from(["4.1.0", "3.10.8"])
queues = st.sets(st.sampled_from([("v", name) for name in NAMES]))


@st.composite
def wishes(draw: st.DrawFn, story: dict[str, Rows]) -> Desired:
    """Draw how git says that its rows are to come about, and how what is gone is to go."""
    found = story["desired"]
    gone = [ref for ref in refs(story["live"]) if ref.key not in found.get(ref.kind, {})]
    absent: dict[str, dict[Key, Origin]] = {}
    removed = []
    for ref in gone:
        match draw(st.sampled_from(["pruned", "pruned", "absent", "drained", "allowed", "kept"])):
            case "absent":
                absent.setdefault(ref.kind, {})[ref.key] = Origin("base/a.yaml", 1)
            case "pruned":
                pass
            case how:
                removed.append(
                    Removed(
                        address_of(KINDS[ref.kind], ref.key),
                        when=When.DRAINED if how == "drained" else When.EMPTY,
                        allow_loss=Loss.MESSAGES if how == "allowed" else None,
                        keep=how == "kept",
                    )
                )
    replaceable = [ref for ref in refs(found) if ref.kind in ("queue", "exchange")]
    rule = st.sampled_from([OnChangeRule.RECREATE, OnChangeRule.RECREATE, *OnChangeRule])
    on_change = {ref: draw(rule) for ref in replaceable}
    return desired_of(found, absent=absent, removed=tuple(removed), on_change=on_change)


@settings(max_examples=120)
@given(data=st.data(), story=stories(), rules=rules, stance=stances)
def test_a_held_change_is_never_sent_and_what_does_not_need_it_is(
    data: st.DataObject, story: dict[str, Rows], rules: Rules, stance: dict[str, bool]
) -> None:
    desired = data.draw(wishes(story), "desired")
    version = data.draw(versions, "version")
    cluster = MemoryCluster(state_of(story["live"]), version, busy=data.draw(queues, "busy"))
    repository = Repository()
    was_applied, was_adopted = data.draw(st.sampled_from([(1, 1), (1, 1), (1, 0), (0, 0)]))
    if was_applied:
        last = repository.commit(story["last"])
        repository.mark(cluster, last, adopted=bool(was_adopted))
    current = repository.commit(desired.rows)
    before = dict(cluster.state)
    planned = repository.plan(cluster, desired, current, rules, **stance)
    # Somebody publishes after the look at what queues hold.
    cluster.busy |= data.draw(queues, "busy later")

    result = applied(planned, bulk=data.draw(st.booleans(), "bulk"))

    done = Done(cluster, before, planned.plan.changes, result.results)
    done.check_writes()
    done.check_state()
    done.check_rest()


class Done:
    """What a run did to a cluster."""

    def __init__(
        self,
        cluster: MemoryCluster,
        before: State,
        changes: Sequence[Change],
        results: Sequence[Result],
    ) -> None:
        self.cluster = cluster
        self.before = before
        self.results = {c.ref: one for c, one in zip(changes, results, strict=True)}
        self.held = [c for c in changes if c.hold or self.results[c.ref].hold]
        self.free = {c.ref: c for c in changes if c not in self.held}
        made = [c for c in changes if c.action is Action.CREATE and c.ref.kind == "binding"]
        self.unmade = [c.ref for c in made if c in self.held or self._waits(c)]
        self.unmade += [
            c.ref for c in self.held if c.action is Action.REPLACE and c.ref.kind == "exchange"
        ]

    def check_writes(self) -> None:
        """Whatever is not free to be changed is only written as it was, after a replacement."""
        replaced = [c for c in self.free.values() if c.action is Action.REPLACE]
        taken = {one for c in replaced for one in self._taken_down(c.ref)}
        for write in self.cluster.writes:
            for ref, row in write.rows.items():
                if ref not in self.free:
                    assert ref in taken, ref
                    assert row == self.before[ref]

    def check_state(self) -> None:
        """What is held is as before, and so is all the rest but what free changes are about."""
        after = self.cluster.state
        for change in self.held:
            assert after.get(change.ref) == self.before.get(change.ref), change.ref
        gone = {
            one for c in self.free.values() if c.after is None for one in self._taken_down(c.ref)
        }
        for ref in self.before.keys() | after.keys():
            if self.before.get(ref) != after.get(ref):
                assert ref in self.free or (ref in gone and ref not in after), ref

    def check_rest(self) -> None:
        """What is not held, and needs nothing that is, was done."""
        for ref, change in self.free.items():
            if self._waits(change):
                assert self.results[ref].outcome is not Outcome.APPLIED
                assert self.cluster.state.get(ref) == self.before.get(ref)
            elif self._may_wait(change) and self.results[ref].outcome is Outcome.SKIPPED:
                assert self.cluster.state.get(ref) == self.before.get(ref)
            else:
                assert self.results[ref].outcome is Outcome.APPLIED, self.results[ref]
                assert self.cluster.state.get(ref) == change.after

    def _may_wait(self, change: Change) -> bool:
        """
        Tell whether a change is part of a way through exchanges of which something else is missing.

        Which of them wait is for `tests/analysis/test_hops.py` and `tests/planning/test_plan.py`.
        """
        ways = {
            ref.kind
            for ref, result in self.results.items()
            if ref.kind in ("binding", "exchange") and result.outcome is not Outcome.APPLIED
        }
        if change.action is Action.CREATE:
            return change.ref.kind == "binding" and change.ref.key[2] == "exchange" and bool(ways)
        gone = {change.ref, *self._taken_down(change.ref)}
        return bool(ways) and any(ref.kind in ("binding", "exchange") for ref in gone)

    def _taken_down(self, ref: Ref) -> set[Ref]:
        found = set(taken_down(ref, self.before, self.cluster.version))
        return found.union(*(self._taken_down(one) for one in found))

    def _waits(self, change: Change) -> bool:
        """
        Tell whether a change needs an object that is not there, and that nothing free makes.

        Or whether it takes a binding away in whose place another was to come that is not made.
        """
        if change.after is None:
            gone = {change.ref, *self._taken_down(change.ref)}
            return any(_in_place_of(new, old) for new in self.unmade for old in gone)
        todo = [change.ref]
        while todo:
            for needed in needed_by(todo.pop(), self.cluster.version) - self.before.keys():
                if needed not in self.free:
                    return True
                todo.append(needed)
        return False


def _in_place_of(new: Ref, old: Ref) -> bool:
    """Tell whether one binding is to come for another: to the same object, or from the same."""
    if old.kind != "binding" or new.key[0] != old.key[0]:
        return False
    is_to_the_same = new.kind == "binding" and new.key[2:4] == old.key[2:4]
    return is_to_the_same or new.key[1] == old.key[1]
