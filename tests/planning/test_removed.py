"""`removed:` entries: what git allows for an object that it no longer declares."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.config.cluster import Prune
from rmqsync.kinds.context import Context
from rmqsync.model.address import Pattern
from rmqsync.model.changes import ClusterPlan, Loss, Ref
from rmqsync.model.definitions import Live, QueueFacts, Removed, Rows, When
from rmqsync.model.marker import Entry, Marker
from rmqsync.planning.draft import draft
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.plan import context_of, finish
from rmqsync.planning.rules import Rules
from tests.planning import builders
from tests.planning.builders import BUSY, IDLE, binding, exchange, queue, rows, said, vhost

ENTRY = Entry("a" * 40, "b" * 40, ".", ("base",))
ADDRESS = "queue:v/q"
BOUND = "binding:v/e/queue/q/"


def policy(name: str, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "policy", {"vhost": "v", "name": name, "pattern": "", "apply-to": "queues", **fields}


def plan_of(
    live: Rows,
    facts: QueueFacts,
    removed: tuple[Removed, ...],
    *,
    last: Rows | None = None,
    **rules: Any,
) -> ClusterPlan:
    """
    Plan a cluster of which git now declares vhost and exchange.

    `last` was applied last; where it is left out, all that is there.
    """
    desired = builders.desired_of(rows(vhost(), exchange()), removed=removed)
    there = Live(live, version="3.10.8")
    marker = Marker("0", "one", adopted=True, applied=ENTRY)
    own = Ownership(is_judged=True, marker=marker, current=ENTRY, past=lambda _: Past(last or live))
    judged = Rules(**rules)
    found = draft(desired, there, context_of(desired, there, Context()), judged, own=own)
    by_ref = {Ref("queue", ("v", "q")): facts}
    return finish("one", found, desired, there, by_ref, judged, own=own)


@pytest.mark.parametrize(
    ("allow_loss", "git_may_allow", "hold"),
    [
        (None, Loss.MESSAGES, "loss"),
        (Loss.ACCESS, Loss.MESSAGES, "loss"),
        (Loss.MESSAGES, Loss.MESSAGES, None),
        (Loss.MESSAGES, Loss.ACCESS, "loss"),
    ],
)
def test_git_allows_a_loss_as_far_as_the_operator_lets_it(
    allow_loss: Loss | None, git_may_allow: Loss, hold: str | None
) -> None:
    entry = Removed(ADDRESS, allow_loss=allow_loss)

    plan = plan_of(rows(vhost(), exchange(), queue()), BUSY, (entry,), git_may_allow=git_may_allow)

    assert said(plan) == [("delete", ADDRESS, hold)]


@pytest.mark.parametrize(
    ("removed", "hold"),
    [((), "loss"), ((Removed("policy:v/roomy", allow_loss=Loss.MESSAGES),), None)],
)
def test_git_allows_the_loss_of_a_policy_as_well(
    removed: tuple[Removed, ...], hold: str | None
) -> None:
    """Without it another policy is in effect, which drops what the queue holds now."""
    roomy = policy("roomy", priority=2, definition={"max-length": 1000})
    tight = policy("tight", priority=1, definition={"max-length": 1})
    live = rows(vhost(), exchange(), queue(), roomy, tight)

    plan = plan_of(live, BUSY, removed, last=rows(vhost(), exchange(), roomy))

    assert said(plan) == [("delete", "policy:v/roomy", hold)]


def test_what_drains_is_unbound_first() -> None:
    entry = Removed(ADDRESS, when=When.DRAINED)

    plan = plan_of(rows(vhost(), exchange(), queue(), binding()), BUSY, (entry,))

    assert said(plan) == [("delete", BOUND, None), ("delete", ADDRESS, "not-proven")]


def test_a_stream_is_not_unbound_since_it_never_drains() -> None:
    entry = Removed(ADDRESS, when=When.DRAINED)
    allowed = Removed(ADDRESS, when=When.DRAINED, allow_loss=Loss.MESSAGES)
    stream = queue(arguments={"x-queue-type": "stream"})
    live = rows(vhost(), exchange(), stream, binding())

    plan = plan_of(live, BUSY, (entry,))

    assert said(plan) == [("delete", ADDRESS, "loss")]
    assert plan.changes[0].hold is not None
    assert plan.changes[0].hold.reason.startswith("7 messages would be lost; allowed loss is ")
    assert "a stream, which keeps what is read: once that may be lost, say `allow_loss" in (
        plan.changes[0].hold.reason
    )
    assert said(plan_of(live, BUSY, (allowed,))) == [("delete", ADDRESS, None)]


def test_an_exchange_has_nothing_to_drain() -> None:
    """Unbound and there until the next run, it would confirm what it drops."""
    entry = Removed("exchange:v/old", when=When.DRAINED)
    onward = binding("old", "e", destination_type="exchange")

    plan = plan_of(rows(vhost(), exchange(), exchange("old"), onward), IDLE, (entry,))

    assert said(plan) == [("delete", "exchange:v/old", None)]


def test_without_an_entry_the_binding_waits_for_its_queue() -> None:
    plan = plan_of(rows(vhost(), exchange(), queue(), binding()), BUSY, ())

    assert said(plan) == [("delete", ADDRESS, "loss")]


@pytest.mark.parametrize(("facts", "hold"), [(BUSY, "loss"), (IDLE, None)])
def test_what_is_unbound_goes_once_it_is_drained(facts: QueueFacts, hold: str | None) -> None:
    entry = Removed(ADDRESS, when=When.DRAINED)

    plan = plan_of(rows(vhost(), exchange(), queue()), facts, (entry,))

    assert said(plan) == [("delete", ADDRESS, hold)]


def test_what_is_kept_becomes_unmanaged() -> None:
    plan = plan_of(rows(vhost(), exchange(), queue()), IDLE, (Removed(ADDRESS, keep=True),))

    assert said(plan) == []
    assert [ref.kind for ref in plan.unmanaged] == ["queue"]


@pytest.mark.parametrize("reason", ["protected", "altered"])
def test_what_may_not_go_is_not_unbound_to_drain(reason: str) -> None:
    """It would stay without what leads to it, and messages published meanwhile would be dropped."""
    arguments = {"x-max-length": 9} if reason == "altered" else {}
    protect = (Pattern("queue:*"),) if reason == "protected" else ()
    entry = Removed(ADDRESS, when=When.DRAINED)
    then = rows(vhost(), exchange(), queue(), binding())
    live = {**then, **rows(queue(arguments=arguments))}

    plan = plan_of(live, BUSY, (entry,), last=then, protect=protect)

    assert said(plan) == [("delete", BOUND, reason), ("delete", ADDRESS, reason)]


def test_nothing_takes_down_a_part_that_is_kept() -> None:
    right = {"vhost": "v", "user": "u"} | dict.fromkeys(("configure", "write", "read"), ".*")
    live = rows(vhost(), exchange(), ("user", {"name": "u", "tags": []}), ("permission", right))
    entry = Removed("permission:v/u", keep=True)

    plan = plan_of(live, IDLE, (entry,))

    assert said(plan) == [("delete", "user:u", "takes-foreign")]


@pytest.mark.parametrize("prune", [Prune.OWNED, Prune.ALL])
def test_nothing_takes_down_what_leads_to_a_kept_object(prune: Prune) -> None:
    entry = Removed(ADDRESS, keep=True)
    live = rows(vhost(), exchange(), exchange("gone"), queue(), binding("gone"))

    plan = plan_of(live, BUSY, (entry,), prune=prune)

    assert said(plan) == [("delete", "exchange:v/gone", "takes-foreign")]


def test_an_entry_says_nothing_of_what_somebody_makes_after_it_was_retired() -> None:
    entry = Removed(ADDRESS, allow_loss=Loss.MESSAGES)
    last = rows(vhost(), exchange())

    plan = plan_of({**last, **rows(queue())}, BUSY, (entry,), last=last, prune=Prune.ALL)

    assert said(plan) == [("delete", ADDRESS, "loss")]
    assert [(one.code, one.address) for one in plan.findings] == [("RMQ107", ADDRESS)]


def test_an_entry_that_counts_is_not_told() -> None:
    entry = Removed(ADDRESS, allow_loss=Loss.MESSAGES)

    plan = plan_of(rows(vhost(), exchange(), queue()), BUSY, (entry,))

    assert said(plan) == [("delete", ADDRESS, None)]
    assert plan.findings == ()
