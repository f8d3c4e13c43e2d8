"""An auto-delete exchange that is to stay does not lose its last binding."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.config.cluster import MaxDeletes, Prune
from rmqsync.model.address import Pattern
from rmqsync.model.changes import ClusterPlan, Loss
from rmqsync.model.definitions import OnChangeRule, refs
from rmqsync.planning.rules import Rules
from tests.planning.builders import (
    BUSY,
    binding,
    desired_of,
    exchange,
    plan_of,
    queue,
    rows,
    said,
    vhost,
)

Entry = tuple[str, dict[str, Any]]
FREE: dict[str, Any] = {"prune": Prune.ALL, "max_deletes": MaxDeletes(share=1.0, objects=99)}
AD = exchange("ad", auto_delete=True)
HELD = "takes-foreign"


def planned(before: list[Entry], after: list[Entry], **rules: Any) -> ClusterPlan:
    """Plan from one state to another; whatever cannot be changed in place may be replaced."""
    wanted = rows(vhost(), *after)
    recreated = dict.fromkeys(refs(wanted), OnChangeRule.RECREATE)
    return plan_of(
        desired_of(wanted, on_change=recreated), rows(vhost(), *before), Rules(**FREE, **rules)
    )


def holds(before: list[Entry], after: list[Entry], **rules: Any) -> dict[str, str | None]:
    """Return what changes, by address without the vhost, and how it is held."""
    found = said(planned(before, after, **rules))
    return {address.replace(":v/", ":"): code for _, address, code in found}


def test_the_last_binding_stays() -> None:
    plan = planned([AD, queue(), binding("ad")], [AD, queue()])

    (change,) = plan.changes
    assert change.hold is not None
    assert change.hold.code.value == HELD
    assert change.hold.reason == (
        "it would take down exchange:v/ad, which is auto-delete, with the last binding from it"
    )
    assert "another binding from it" in (change.hold.override or "")


E, Q, R = exchange(), queue(), queue("r")
FAN = exchange(type="fanout")
LONG = queue(arguments={"x-max-length": 9})
TO_Q, TO_R = binding("ad"), binding("ad", "r")
TO_E = binding("ad", "e", destination_type="exchange")
INTO = binding("e", "ad", destination_type="exchange")
PLAIN = exchange("ad")


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([AD, Q, TO_Q], [AD], {"queue:q": HELD}, id="with its queue"),
        pytest.param([AD, E, TO_E], [AD], {"exchange:e": HELD}, id="with its exchange"),
        pytest.param([AD, Q, TO_Q], [AD, LONG, TO_Q], {"queue:q": HELD}, id="queue replaced"),
        pytest.param([AD, E, TO_E], [AD, FAN, TO_E], {"exchange:e": HELD}, id="exchange replaced"),
        pytest.param(
            [AD, Q, R, TO_Q, TO_R],
            [AD, Q],
            {"binding:ad/queue/q/": HELD, "queue:r": HELD},
            id="two together",
        ),
        pytest.param(
            [AD, Q, TO_Q],
            [AD, LONG, R, TO_Q, TO_R],
            {"queue:r": None, "queue:q": HELD, "binding:ad/queue/r/": None},
            id="replaced before another is made",
        ),
        pytest.param(
            [PLAIN, Q, TO_Q],
            [AD],
            {"exchange:ad": None, "queue:q": HELD},
            id="auto-delete from now on",
        ),
        pytest.param(
            [PLAIN, Q, TO_Q],
            [AD, LONG, TO_Q],
            {"exchange:ad": None, "queue:q": HELD},
            id="auto-delete from now on, queue replaced",
        ),
    ],
)
def test_what_takes_the_last_is_held(
    before: list[Entry], after: list[Entry], expected: dict[str, str | None]
) -> None:
    assert holds(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([AD, Q, R, TO_Q, TO_R], [AD, Q, R, TO_R], id="another stays"),
        pytest.param([AD, Q, R, TO_Q], [AD, Q, R, TO_R], id="another is made"),
        pytest.param([AD, Q, R, TO_Q], [AD, R, TO_R], id="another is made, its queue goes"),
        pytest.param([AD, Q, R, TO_Q, TO_R], [AD, LONG, R, TO_Q, TO_R], id="replaced, with more"),
        pytest.param([PLAIN, Q, TO_Q], [PLAIN, Q], id="not auto-delete"),
        pytest.param([AD, Q, TO_Q], [PLAIN, Q], id="not auto-delete any more"),
        pytest.param([AD, E, Q, TO_Q, INTO], [AD, E, Q, TO_Q], id="what leads to it"),
        pytest.param([AD, Q], [AD], id="none before"),
    ],
)
def test_what_leaves_one_goes(before: list[Entry], after: list[Entry]) -> None:
    found = holds(before, after)

    assert found
    assert set(found.values()) == {None}


def gone(*found: Entry, absent: list[Entry], **rules: Any) -> dict[str, str | None]:
    """Return how the deletions are held of what is declared to be absent."""
    plan = plan_of(
        desired_of(rows(vhost(), *found), absent=rows(*absent)),
        rows(vhost(), *found, *absent),
        Rules(max_deletes=MaxDeletes(share=1.0), **rules),
    )
    return {address.replace(":v/", ":"): code for _, address, code in said(plan)}


def test_what_nobody_declares_counts() -> None:
    """Both as what is to stay and as what keeps it there."""
    before = [AD, Q, R]
    ours, foreign = [binding("ad", key="k")], [TO_R]
    wanted = desired_of(rows(vhost(), Q, R), absent=rows(*ours))
    rules = Rules(max_deletes=MaxDeletes(share=1.0))

    alone = plan_of(wanted, rows(vhost(), *before, *ours), rules)
    beside = plan_of(wanted, rows(vhost(), *before, *ours, *foreign), rules)

    assert said(alone) == [("delete", "binding:v/ad/queue/q/k", HELD)]
    assert said(beside) == [("delete", "binding:v/ad/queue/q/k", None)]


def test_an_exchange_may_go_with_its_last_binding() -> None:
    assert gone(absent=[AD, Q, TO_Q]) == {"exchange:ad": None, "queue:q": None}


@pytest.mark.parametrize("guard", ["protect", "excludes"])
def test_an_exchange_that_is_not_to_go_after_all_keeps_its_binding(guard: str) -> None:
    found = gone(absent=[AD, Q, TO_Q], **{guard: (Pattern("exchange:v/ad"),)})

    assert found["queue:q"] is not None


def test_an_exchange_that_others_name_keeps_its_binding() -> None:
    """So does what leads on from it: a guard that judges late holds both."""
    named = exchange(arguments={"alternate-exchange": "ad"})

    assert gone(named, absent=[AD, Q, TO_Q]) == {"exchange:ad": "loss", "queue:q": "loss"}


def test_one_keeps_the_next() -> None:
    """up → ad → q, where `up` stays: so `ad` does, and its binding."""
    up = exchange("up", auto_delete=True)
    chain = binding("up", "ad", destination_type="exchange")

    assert gone(up, absent=[AD, Q, TO_Q, chain]) == {"exchange:ad": HELD, "queue:q": HELD}


def test_what_is_kept_for_that_is_still_in_use() -> None:
    """The queue stays, so does where it dead-letters to."""
    dead = queue(arguments={"x-dead-letter-exchange": "e"})
    wanted = desired_of(rows(vhost(), AD), absent=rows(dead, E, TO_Q))
    live = rows(vhost(), AD, dead, E, TO_Q)
    allowed = {"queue:v/q": Loss.MESSAGES}
    rules = Rules(max_deletes=MaxDeletes(share=1.0), overrides=allowed)
    busy = {ref: BUSY for ref in refs(live) if ref.kind == "queue"}

    plan = plan_of(wanted, live, rules, busy)

    assert said(plan) == [("delete", "queue:v/q", HELD), ("delete", "exchange:v/e", "loss")]


HASH = {"type": "x-consistent-hash"}
LIGHT, HEAVY = binding("h", key="1"), binding("h", key="2")
MOVE = {"binding:h/queue/q/1", "binding:h/queue/q/2"}


def weights(*more: Entry, auto_delete: bool = True, **rules: Any) -> dict[str, str | None]:
    """Plan that a binding of a consistent hash exchange gets another weight."""
    around = [exchange("h", **HASH, auto_delete=auto_delete), Q, R, *more]
    return holds([*around, LIGHT], [*around, HEAVY], **rules)


def test_a_weight_stays_where_it_is_the_last() -> None:
    assert weights() == dict.fromkeys(MOVE, HELD)


def test_a_weight_changes_beside_another() -> None:
    assert weights(binding("h", "r", "1")) == dict.fromkeys(MOVE)
    assert weights(auto_delete=False) == dict.fromkeys(MOVE)


def test_a_weight_is_not_made_beside_one_that_stays() -> None:
    """It would have no effect, and the destination none at all once the first is gone."""
    protected = (Pattern("binding:v/h/queue/q/1"),)

    assert weights(auto_delete=False, protect=protected) == dict.fromkeys(MOVE, "protected")
