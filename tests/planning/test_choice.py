"""What `--target`, `--exclude` and `ignore` leave of a run in which a queue goes with its bindings."""

from __future__ import annotations

from rmqsync.model.address import Pattern
from rmqsync.model.changes import Ref
from tests.planning.builders import IDLE, binding, exchange, queue, rows, said, vhost
from tests.planning.test_removed import ADDRESS, BOUND, plan_of

LIVE = rows(vhost(), exchange(), queue(), binding())
QUEUE, BINDING = (Pattern(ADDRESS),), (Pattern("binding:*"),)


def test_a_target_takes_with_it_what_is_to_go_as_well() -> None:
    plan = plan_of(LIVE, IDLE, (), targets=QUEUE)

    assert said(plan) == [("delete", ADDRESS, None)]
    assert [ref.kind for ref in plan.changes[0].impact.implied] == ["binding"]


def test_nothing_takes_down_what_is_excluded() -> None:
    (change,) = plan_of(LIVE, IDLE, (), excludes=BINDING).changes

    assert change.ref == Ref("queue", ("v", "q"))
    assert change.hold is not None
    assert change.hold.code.value == "takes-foreign"
    assert change.hold.reason == f"it would take down {BOUND}, which `--exclude` leaves out"
