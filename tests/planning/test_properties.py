"""What holds for any desired and live state, judged by carrying plans out on plain dicts."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Action, Loss, Ref
from rmqsync.model.definitions import OnChangeRule, Rows, refs
from rmqsync.planning.needs import row_needs
from rmqsync.planning.rules import Rules
from tests.planning.builders import binding, desired_of, exchange, plan_of, queue, rows, vhost

names = st.sampled_from("abc")
vhosts = st.sampled_from(["v", "w"])
arguments = st.sampled_from([{}, {"x": 1}, {"x": 1.0}, {"x": True}])
entries = st.one_of(
    st.builds(queue, names, vhosts, arguments=arguments, durable=st.booleans()),
    st.builds(exchange, names, vhosts, type=st.sampled_from(["topic", "fanout"])),
    st.builds(binding, names, names, st.sampled_from(["", "k"]), vhosts, arguments=arguments),
    st.builds(lambda n: ("user", {"name": n, "tags": []}), names),
    st.builds(
        lambda v, u, r: (
            "permission",
            {"vhost": v, "user": u, "configure": r, "write": "", "read": ""},
        ),
        vhosts,
        names,
        st.sampled_from(["", ".*"]),
    ),
)


def whole(found: list[tuple[str, dict[str, Any]]]) -> Rows:
    """Return rows without what refers to something missing: a state a broker can be in."""
    state = rows(vhost("v"), vhost("w"), *found)
    there = set(refs(state))
    return {
        kind: {key: row for key, row in mapping.items() if row_needs(Ref(kind, key), row) <= there}
        for kind, mapping in state.items()
    }


states = st.lists(entries, max_size=14).map(whole)


def carried_out(live: Rows, plan: Any, desired: Rows) -> Rows:
    """Do to dicts what the broker would do, deletions with all that goes with them."""
    state = {kind: dict(mapping) for kind, mapping in live.items()}
    for change in plan.changes:
        if change.hold is not None:
            continue
        kind, key = change.ref
        if change.action in (Action.DELETE, Action.REPLACE):
            state[kind].pop(key, None)
            for ref in change.impact.implied:
                gone = state.get(ref.kind, {}).pop(ref.key, None)
                if change.action is Action.REPLACE and gone is not None:
                    state[ref.kind][ref.key] = desired.get(ref.kind, {}).get(ref.key, gone)
        if change.after is not None:
            assert row_needs(change.ref, change.after) <= set(refs(state)), change.ref
            state.setdefault(kind, {})[key] = change.after
    return state


EVERYTHING = Rules(
    prune=Prune.ALL,
    prune_kinds=frozenset(KINDS.names),
    allow_loss=Loss.EVERYTHING,
    max_deletes=MaxDeletes(share=1.0, objects=999, bindings=999),
)


def recreating(desired: Rows):
    rules = dict.fromkeys(refs(desired), OnChangeRule.RECREATE)
    return desired_of(desired, on_change=rules)


def present(state: Rows) -> dict[Ref, Any]:
    return {Ref(kind, key): row for kind, found in state.items() for key, row in found.items()}


@given(desired=states, live=states)
def test_after_a_plan_without_guards_nothing_differs(desired, live):
    plan = plan_of(recreating(desired), live, EVERYTHING)

    assert present(carried_out(live, plan, desired)) == present(desired)


@given(desired=states, live=states)
def test_what_nobody_declared_stays_unless_everything_is_pruned(desired, live):
    plan = plan_of(recreating(desired), live)

    after = present(carried_out(live, plan, desired))
    assert after == {**present(live), **present(desired)}


@given(desired=states, live=states, pattern=st.sampled_from(["queue:*", "*:v/*", "user:a"]))
def test_protected_and_ignored_objects_are_never_touched(desired, live, pattern):
    rules = Rules(
        prune=Prune.ALL,
        prune_kinds=frozenset(KINDS.names),
        allow_loss=Loss.EVERYTHING,
        max_deletes=MaxDeletes(share=1.0, objects=999, bindings=999),
        protect=(Pattern(pattern),),
        ignore=(Pattern("exchange:w/*"),),
    )

    plan = plan_of(recreating(desired), live, rules)

    for change in plan.applicable:
        address = address_of(KINDS[change.ref.kind], change.ref.key)
        assert not rules.ignores(address)
        if change.action is Action.DELETE:
            gone = [address, *(address_of(KINDS[r.kind], r.key) for r in change.impact.implied)]
            assert not any(rules.protects(one) or rules.ignores(one) for one in gone)
        if change.action is Action.REPLACE:
            assert not rules.protects(address)


@given(desired=states, live=states)
def test_held_and_applicable_changes_are_all_there_is(desired, live):
    plan = plan_of(desired, live, Rules(prune=Prune.ALL))

    summary = plan.summary
    assert summary.changes == len(plan.changes)
    assert summary.held == sum(change.hold is not None for change in plan.changes)
    listed = {change.ref for change in plan.changes}
    assert not listed & set(plan.unmanaged)
