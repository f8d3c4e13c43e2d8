"""What an approval waives: the holds that were shown, and nothing behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from rmqsync.config.cluster import MaxDeletes
from rmqsync.kinds.context import Context
from rmqsync.model.approvals import Approval
from rmqsync.model.changes import ClusterPlan, Hold, HoldCode, Ref
from rmqsync.model.definitions import Live, QueueFacts, Rows
from rmqsync.model.findings import Origin
from rmqsync.model.marker import Entry, Marker
from rmqsync.planning.approvals import approvable, approving
from rmqsync.planning.draft import draft
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.plan import context_of, fingerprint, finish
from rmqsync.planning.rules import Rules
from tests.planning.builders import BUSY, desired_of, exchange, queue, rows, vhost

Found = tuple[str, dict[str, Any]]
QUEUE = Ref("queue", ("v", "q"))
POLICY = "policy:v/p"
LOSS, DRIFT, ADOPTION = HoldCode.LOSS, HoldCode.DRIFT, HoldCode.ADOPTION


def policy(length: int) -> Found:
    definition = {"max-length": length}
    return "policy", {"vhost": "v", "name": "p", "pattern": "^q", "definition": definition}


def planned(
    desired: Iterable[Found],
    live: Iterable[Found],
    last: Iterable[Found] | None = None,
    rules: Rules | None = None,
    facts: QueueFacts = BUSY,
    absent: str | None = None,
    **stance: Any,
) -> tuple[Any, ClusterPlan]:
    """Return what plans again by other rules, and the plan; by itself `last` is as desired."""
    entries = [vhost(), *desired]
    keys = {} if absent is None else {"queue": {("v", absent): Origin("base/a.yaml", 1)}}
    wanted = desired_of(rows(*entries), absent=keys)
    before: Rows = wanted.rows if last is None else rows(vhost(), *last)
    applied = Entry("a" * 40, "a" * 40, ".", ("base",))
    marker = Marker("1", "one", adopted=stance.pop("adopted", True), applied=applied)
    own = Ownership(is_judged=True, marker=marker, past=lambda _: Past(before), **stance)
    there = Live(rows(vhost(), *live), version="3.10.8")
    context = context_of(wanted, there, Context())
    found = draft(wanted, there, context, Rules(), own=own)

    def again(some: Rules) -> ClusterPlan:
        return finish("one", found, wanted, there, {QUEUE: facts}, some, own=own)

    return again, again(rules or Rules())


def hold_of(plan: ClusterPlan) -> Hold:
    (change,) = plan.changes
    assert change.hold is not None
    return change.hold


def approval(plan: ClusterPlan) -> Approval:
    return Approval(
        id="1",
        cluster="one",
        fingerprint=plan.fingerprint or "",
        addresses=approvable(plan),
        who="ann",
        reason=None,
        at="2026-01-01T00:00:00Z",
        until="2026-01-02T00:00:00Z",
    )


def test_a_drifted_policy_tells_what_it_would_drop_when_it_is_put_back() -> None:
    _, plan = planned([policy(1), queue()], [policy(100), queue()])

    hold = hold_of(plan)
    assert (hold.code, hold.also, hold.override) == (DRIFT, (LOSS,), "on_drift: heal")
    assert "max-length 1 would drop" in hold.reason
    assert hold.reason.endswith(f"allowed loss is access (--allow-loss messages:{POLICY})")


def test_a_drifted_queue_tells_that_it_cannot_be_changed_in_place() -> None:
    _, plan = planned([queue(durable=True)], [queue(durable=False)])

    hold = hold_of(plan)
    assert hold.codes == (DRIFT, HoldCode.ON_CHANGE)
    assert "durable cannot be changed in place (on_change: recreate)" in hold.reason
    assert approvable(plan) == ()


@pytest.mark.parametrize(
    ("adopted", "cause", "codes"),
    [
        pytest.param(True, [policy(1)], (DRIFT, LOSS), id="drift"),
        pytest.param(False, [], (ADOPTION, LOSS), id="it was there before"),
        pytest.param(False, [policy(1)], (DRIFT, ADOPTION, LOSS), id="drift, not adopted"),
    ],
)
def test_an_approval_allows_what_was_shown(
    adopted: bool, cause: list[Found], codes: tuple[HoldCode, ...]
) -> None:
    desired, live = [policy(1), queue()], [policy(100), queue()]
    again, plan = planned(desired, live, [queue(), *cause], adopted=adopted)

    after = again(approving(Rules(), plan, [approval(plan)]))

    assert hold_of(plan).codes == codes
    assert [change.hold for change in after.changes] == [None]


@pytest.mark.parametrize("code", [DRIFT, ADOPTION, HoldCode.MAX_DELETES])
def test_an_approval_of_a_hold_that_tells_of_no_loss_allows_none(code: HoldCode) -> None:
    """As one that was shown by a version, or at a time, that did not know of it."""
    again, plan = planned([policy(1), queue()], [policy(100), queue()])
    (change,) = plan.changes
    unaware = replace(plan, changes=(replace(change, hold=Hold(code, "as shown", None)),))

    after = again(approving(Rules(), unaware, [approval(unaware)]))

    assert LOSS in hold_of(after).codes
    assert fingerprint(unaware.changes) != plan.fingerprint


def test_an_approved_loss_does_not_adopt_unless_that_was_shown() -> None:
    live = [queue()]
    again, plan = planned([], live, [], absent="q", adopted=False)
    (change,) = plan.changes
    hold = hold_of(plan)
    unaware = replace(plan, changes=(replace(change, hold=replace(hold, also=())),))

    allowed = again(approving(Rules(), plan, [approval(plan)]))
    kept = again(approving(Rules(), unaware, [approval(unaware)]))

    assert hold.codes == (LOSS, ADOPTION)
    assert hold.override == "--allow-loss messages:queue:v/q --adopt"
    assert [one.hold for one in allowed.changes] == [None]
    assert hold_of(kept).code is ADOPTION


def test_a_deletion_of_too_many_that_costs_messages_tells_both() -> None:
    definition = {"dead-letter-exchange": "e"}
    letters = ("policy", {"vhost": "v", "name": "p", "pattern": "^q", "definition": definition})
    bound = {"vhost": "v", "source": "e", "destination": "r", "routing_key": "#"}
    rest = [queue(), exchange(), queue("r"), ("binding", bound)]
    rules = Rules(max_deletes=MaxDeletes(objects=0))
    again, plan = planned(rest, [*rest, letters], [*rest, letters], rules)

    after = again(approving(rules, plan, [approval(plan)]))

    hold = hold_of(plan)
    assert (hold.code, hold.also) == (HoldCode.MAX_DELETES, (LOSS,))
    assert "would lose its dead-letter exchange" in hold.reason
    assert [one.hold for one in after.changes] == [None]
