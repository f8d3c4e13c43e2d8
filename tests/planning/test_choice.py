"""What `--target`, `--exclude` and `ignore` leave of a run that deletes a queue with bindings."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.config.cluster import Prune, Scope
from rmqsync.kinds.context import Context
from rmqsync.model.address import Pattern
from rmqsync.model.changes import ClusterPlan, Ref
from rmqsync.model.definitions import Live, Removed, Rows, When
from rmqsync.model.marker import Marker
from rmqsync.planning.draft import draft
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.plan import context_of, finish
from rmqsync.planning.rules import Rules
from tests.planning.builders import (
    BUSY,
    IDLE,
    binding,
    desired_of,
    exchange,
    queue,
    rows,
    said,
    vhost,
)
from tests.planning.test_removed import ADDRESS, BOUND, ENTRY, plan_of

LIVE = rows(vhost(), exchange(), queue(), binding())
QUEUE, BINDING = (Pattern(ADDRESS),), (Pattern("binding:*"),)


def new_plan(wanted: Rows, live: Rows, **rules: Any) -> ClusterPlan:
    """Plan a cluster whose live objects were all applied from here."""
    desired, there, judged = desired_of(wanted), Live(live, version="3.10.8"), Rules(**rules)
    marker = Marker("0", "one", adopted=True, applied=ENTRY)
    own = Ownership(is_judged=True, marker=marker, current=ENTRY, past=lambda _: Past(live))
    context = context_of(desired, there, Context())
    found = draft(desired, there, context, judged, own=own)
    return finish("one", found, desired, there, {}, judged, own=own)


def test_a_target_takes_with_it_what_is_to_go_as_well() -> None:
    plan = plan_of(LIVE, IDLE, (), targets=QUEUE)

    assert said(plan) == [("delete", ADDRESS, None)]
    assert [ref.kind for ref in plan.changes[0].impact.implied] == ["binding"]


@pytest.mark.parametrize("prune", [Prune.OWNED, Prune.ALL])
def test_nothing_takes_down_what_is_excluded(prune: Prune) -> None:
    (change,) = plan_of(LIVE, IDLE, (), excludes=BINDING, prune=prune).changes

    assert change.ref == Ref("queue", ("v", "q"))
    assert change.hold is not None
    assert change.hold.code.value == "takes-foreign"
    assert change.hold.reason == f"it would take down {BOUND}, which `--exclude` leaves out"


@pytest.mark.parametrize(
    "left_out", [{"excludes": QUEUE}, {"targets": BINDING}], ids=["excluded", "no target"]
)
@pytest.mark.parametrize("when", When)
def test_a_binding_waits_for_a_queue_that_a_run_leaves_out(
    left_out: dict[str, tuple[Pattern, ...]], when: When
) -> None:
    """The queue would get nothing any more, and its publishers not hear of it."""
    plan = plan_of(LIVE, IDLE, (Removed(ADDRESS, when=when),), **left_out)

    assert said(plan) == []
    assert [one.code for one in plan.findings] == ["RMQ111"]


def test_a_queue_that_drains_keeps_the_binding_of_an_exchange_that_is_left_out() -> None:
    """As it does where that one is protected: what is published there would be dropped."""
    live = {**LIVE, **rows(exchange(), exchange("old"), binding("old"))}
    entry = Removed(ADDRESS, when=When.DRAINED)
    excluded = (Pattern("exchange:v/old"),)

    plan = plan_of(live, BUSY, (entry,), excludes=excluded)

    assert said(plan) == [("delete", ADDRESS, "not-proven")]


@pytest.mark.parametrize("setting", [{"ignore": QUEUE}, {"scope": Scope(kinds=("b*",))}])
def test_a_binding_stays_with_a_queue_that_is_ours_no_more(setting: dict[str, Any]) -> None:
    """Git gave up both, and the settings the queue."""
    plan = plan_of(LIVE, IDLE, (), **setting)

    assert said(plan) == []
    assert [ref.kind for ref in plan.unmanaged] == ["binding"]


@pytest.mark.parametrize("bound_by", ["us", "hand"])
def test_what_stays_holds_what_hangs_on_it(bound_by: str) -> None:
    """The queue stays with its vhost, and then its binding with the queue."""
    live = rows(vhost(), exchange(), vhost("w"), queue("q", "w"), binding("amq.topic", vhost="w"))
    last = live if bound_by == "us" else {**live, "binding": {}}
    scope = Scope(kinds=("binding", "q*"))

    plan = plan_of(live, IDLE, (), last=last, scope=scope, prune=Prune.ALL)

    assert said(plan) == []


def test_a_binding_that_git_gave_up_alone_leaves_an_ignored_queue() -> None:
    last = rows(vhost(), exchange(), binding())

    plan = plan_of(LIVE, IDLE, (), last=last, ignore=QUEUE)

    assert said(plan) == [("delete", BOUND, None)]


def test_what_needs_a_creation_that_is_left_out_is_left_out_as_well() -> None:
    """The vhost is not there, nor the queue that it was to hold, nor what was to be bound to it."""
    wanted = rows(vhost(), exchange(), vhost("w"), exchange("e", "w"), queue("q", "w"))
    wanted |= rows(binding(vhost="w"))

    plan = new_plan(wanted, rows(vhost(), exchange()), excludes=(Pattern("vhost:w"),))

    assert said(plan) == []
    (told,) = plan.findings
    assert told.code == "RMQ116"
    assert told.message.startswith("exchange:w/e, queue:w/q, binding:w/e/queue/q/ cannot be made")


def test_what_needs_only_what_is_there_goes_on() -> None:
    wanted = rows(vhost(), exchange(), queue("new"), queue("other"))
    wanted |= rows(binding(destination="new"), binding(destination="other"))

    plan = new_plan(wanted, rows(vhost(), exchange()), excludes=(Pattern("queue:v/new"),))

    other = [("create", "queue:v/other", None), ("create", "binding:v/e/queue/other/", None)]
    assert said(plan) == other
    assert [one.code for one in plan.findings] == ["RMQ116"]


def test_a_binding_stays_whose_place_one_that_is_left_out_was_to_take() -> None:
    """What is published meanwhile would be dropped else."""
    wanted = rows(vhost(), exchange(), queue(), queue("new"), binding(destination="new"))

    plan = new_plan(wanted, LIVE, excludes=(Pattern("queue:v/new"),))

    assert said(plan) == []
    assert [one.message.partition(" ")[0] for one in plan.findings] == [
        "binding:v/e/queue/new/",
        BOUND,
    ]
