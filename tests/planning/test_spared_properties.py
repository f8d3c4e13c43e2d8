"""What a run may never delete or change, whatever git, hands and settings say together."""

from __future__ import annotations

from typing import Any

from hypothesis import given, note, settings
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes, Prune, Scope
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Action, Change, ClusterPlan, HoldCode, Loss, Ref
from rmqsync.model.definitions import Desired, Live, Removed, Rows, When, refs
from rmqsync.model.findings import Origin
from rmqsync.model.marker import Entry, Marker
from rmqsync.model.values import Key
from rmqsync.planning.draft import draft
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.plan import context_of, finish
from rmqsync.planning.rules import Rules, in_scope
from tests.fakes.cluster import needed_by
from tests.planning.builders import (
    IDLE,
    binding,
    desired_of,
    exchange,
    queue,
    said,
    vhost,
    whole,
)

ENTRY = Entry("a" * 40, "b" * 40, ".", ("base",))
NOW = Entry("c" * 40, "d" * 40, ".", ("base",))
RIGHTS = dict.fromkeys(("configure", "write", "read"), ".*")
SIDES = ("live", "last", "desired")


def _universe() -> list[tuple[str, dict[str, Any]]]:
    found = [vhost("w"), queue("a", "w"), exchange("a", "w"), binding("a", "a", vhost="w")]
    found += [exchange("c", auto_delete=True), queue("c", auto_delete=True)]
    found += [binding("c", "c"), binding("amq.topic", "c"), binding("a", "c"), binding("c", "a")]
    for name in "ab":
        found += [queue(name), exchange(name), ("user", {"name": name, "tags": []})]
        found += [("permission", {"vhost": v, "user": name, **RIGHTS}) for v in "vw"]
        found += [("user_limit", {"user": name, "max-channels": 9})]
        for other in "ab":
            entry = {"vhost": "v", "user": name, "exchange": other, "write": "", "read": ""}
            found += [("topic_permission", entry), binding(name, other)]
        found.append(binding(name, "a" if name == "b" else "b", destination_type="exchange"))
    return found


UNIVERSE = _universe()
# On which sides an object is: what is taken out of git, and what is somebody else's, most of all.
FATES = st.sampled_from(
    ["live last", "live last", "live last", "live", "live", "live last desired", "desired", ""]
)


@st.composite
def stories(draw: st.DrawFn) -> dict[str, Rows]:
    """Draw what a cluster has, what was applied to it last, and what git says now."""
    fates = draw(st.tuples(*(FATES for _ in UNIVERSE)))
    return {
        side: whole(one for one, fate in zip(UNIVERSE, fates, strict=True) if side in fate.split())
        for side in SIDES
    }


patterns = st.sampled_from(
    [
        "queue:v/*",
        "queue:v/a",
        "binding:*",
        "*:v/*",
        "vhost:*",
        "user:a",
        "permission:*",
        "exchange:*",
    ]
)
few = st.one_of(st.just(()), st.just(()), st.just(()), patterns.map(lambda text: (Pattern(text),)))
free = MaxDeletes(share=1.0, objects=999, bindings=999)
rules = st.builds(
    Rules,
    prune=st.sampled_from([Prune.OWNED, Prune.OWNED, Prune.ALL, Prune.NEVER]),
    prune_kinds=st.sampled_from([frozenset[str](), frozenset({"user"}), frozenset(KINDS.names)]),
    allow_loss=st.just(Loss.EVERYTHING),
    max_deletes=st.just(free),
    scope=st.sampled_from([Scope()] * 4 + [Scope(vhosts=("v",)), Scope(kinds=("binding", "q*"))]),
    protect=few,
    ignore=few,
    targets=few,
    excludes=few,
)


@st.composite
def wishes(draw: st.DrawFn, story: dict[str, Rows]) -> Desired:
    """Draw how what git does not declare is to go."""
    absent: dict[str, dict[Key, Origin]] = {}
    removed = []
    for ref in refs(story["live"]):
        if ref.key in story["desired"].get(ref.kind, {}):
            continue
        match draw(st.sampled_from([None, None, None, None, "absent", "drained", "kept"])):
            case "absent":
                absent.setdefault(ref.kind, {})[ref.key] = Origin("base/a.yaml", 1)
            case "drained":
                removed.append(Removed(_address(ref), when=When.DRAINED))
            case "kept":
                removed.append(Removed(_address(ref), keep=True))
    return desired_of(story["desired"], absent=absent, removed=tuple(removed))


def _address(ref: Ref) -> str:
    return address_of(KINDS[ref.kind], ref.key)


def planned(desired: Desired, story: dict[str, Rows], rules: Rules, version: str) -> ClusterPlan:
    there = Live(story["live"], version=version)
    marker = Marker("0", "one", adopted=True, applied=ENTRY)
    own = Ownership(
        is_judged=True,
        marker=marker,
        current=NOW,
        past=lambda one: Past(story["last" if one == ENTRY else "desired"]),
    )
    found = draft(desired, there, context_of(desired, there, Context()), rules, own=own)
    facts = {Ref("queue", key): IDLE for key in story["live"].get("queue", {})}
    return finish("one", found, desired, there, facts, rules, own=own)


@settings(max_examples=150)
@given(data=st.data(), story=stories(), rules=rules, version=st.sampled_from(["4.1.0", "3.10.8"]))
def test_nothing_goes_that_is_to_stay(
    data: st.DataObject, story: dict[str, Rows], rules: Rules, version: str
) -> None:
    desired = data.draw(wishes(story), "desired")

    plan = planned(desired, story, rules, version)

    note(f"{rules=}")
    note(f"{ {side: sorted(map(_address, refs(story[side]))) for side in SIDES} }")
    note("\n".join(map(str, said(plan))))
    judge = Judge(desired, story, rules, version, plan)
    for change in plan.applicable:
        judge.check_itself(change)
        if change.action is Action.DELETE:
            judge.check_gone(change)
            judge.check_larger(change)


class Judge:
    """Says what may go by the rules alone, and what the broker takes along by a fake of it."""

    def __init__(
        self,
        desired: Desired,
        story: dict[str, Rows],
        rules: Rules,
        version: str,
        plan: ClusterPlan,
    ) -> None:
        self.rules, self.version, self.plan = rules, version, plan
        self.live, self.last, self.desired = (set(refs(story[side])) for side in SIDES)
        self.rows = story["live"]
        self.absent = {Ref(kind, key) for kind, keys in desired.absent.items() for key in keys}
        self.kept = {one.address for one in desired.removed if one.keep}
        self.drained = {one.address for one in desired.removed if one.when is When.DRAINED}
        applicable = [one.ref for one in plan.applicable if one.action is Action.DELETE]
        self.gone = {one for ref in applicable for one in self.with_it(ref)}

    def with_it(self, ref: Ref) -> set[Ref]:
        """Return an object and all that the broker removes along with it."""
        smaller = {one for one in self.live if ref in self.larger(one)}
        return {ref}.union(*(self.with_it(one) for one in smaller))

    def larger(self, ref: Ref) -> set[Ref]:
        found = needed_by(ref, self.version)
        return found | ({Ref("user", ref.key)} if ref.kind == "user_limit" else set())

    def check_itself(self, change: Change) -> None:
        address = _address(change.ref)
        assert not self.rules.ignores(address)
        assert not self.rules.leaves_out(address)
        assert in_scope(self.rules.scope, KINDS[change.ref.kind], change.ref.key) or (
            change.action is Action.CREATE
        )
        if change.after is None or change.action is Action.REPLACE:
            assert not self.rules.protects(address)
        if self.rules.targets and change.after is None:
            assert self.rules.is_target(address)

    def check_gone(self, change: Change) -> None:
        for ref in self.with_it(change.ref):
            address = _address(ref)
            assert not self.rules.ignores(address), ref
            assert not self.rules.protects(address), ref
            assert not self.rules.leaves_out(address), ref
            assert in_scope(self.rules.scope, KINDS[ref.kind], ref.key), ref
            assert ref not in self.desired, ref
            is_part = ref.kind in KINDS[change.ref.kind].parts
            if ref not in self.absent:
                assert address not in self.kept, ref
                assert is_part or not self.leads_to_kept(ref), ref
            if self.rules.prune is Prune.OWNED:
                assert ref in self.last or ref in self.absent or is_part, ref
            elif self.rules.prune is Prune.NEVER:
                assert ref in self.absent or is_part, ref

    def leads_to_kept(self, ref: Ref) -> bool:
        return any(_address(one) in self.kept for one in (ref, *self.larger(ref)))

    def check_larger(self, change: Change) -> None:
        """What hangs on an object that stays, and would only go with it, stays as well."""
        ref = change.ref
        if ref in self.absent and not any(one.ref in self.larger(ref) for one in self.plan.held):
            return
        if any(self.is_draining(one) for one in self.larger(ref)):
            return
        for one in self.larger(ref) & self.live - self.desired - self.gone:
            if ref in self.last:
                assert one not in self.last, one
            else:
                assert not self.is_spared(one, ref), one

    def is_draining(self, ref: Ref) -> bool:
        held = {one.ref: one.hold for one in self.plan.held}.get(ref)
        is_known = ref.kind in ("queue", "vhost") and _address(ref) in self.drained
        return is_known and held is not None and held.code is HoldCode.NOT_PROVEN

    def is_spared(self, one: Ref, ref: Ref) -> bool:
        if self.rules.ignores(_address(one)) or _address(one) in self.kept:
            return True
        if self.rows[one.kind][one.key].get("auto_delete"):
            return True
        if not in_scope(self.rules.scope, KINDS[one.kind], one.key):
            return False
        is_named = {one.kind, ref.kind} & self.rules.prune_kinds
        return one.kind != "user" or not is_named
