"""A replacement for which a limit leaves no room would lose the object: it is held."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.config.cluster import Prune
from rmqsync.model.changes import Change, HoldCode, Loss
from rmqsync.model.definitions import OnChangeRule, refs
from rmqsync.planning.rules import Rules
from tests.planning.builders import desired_of, plan_of, queue, rows, vhost

Entry = tuple[str, dict[str, Any]]
CHANGED = {"x-max-length": 9}


def limits(most: int, vhost: str = "v") -> Entry:
    return "vhost_limit", {"vhost": vhost, "max-queues": most}


def replaced(
    before: int | None, after: int | None, *new: Entry, there: int = 3, **rules: Any
) -> Change:
    """Plan the replacement of one of so many queues, with the limit before and after."""
    queues = [queue(f"q{number}") for number in range(there)]
    changed = queue("q0", arguments=CHANGED)
    live = rows(vhost(), *queues, *([limits(before)] if before is not None else ()))
    wanted = rows(
        vhost(), *queues[1:], changed, *new, *([limits(after)] if after is not None else ())
    )
    desired = desired_of(wanted, on_change=dict.fromkeys(refs(wanted), OnChangeRule.RECREATE))
    plan = plan_of(desired, live, Rules(prune=Prune.ALL, **rules))
    return next(one for one in plan.changes if one.ref.key == ("v", "q0"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(2, 2, id="below already"),
        pytest.param(None, 2, id="lowered in the same run"),
        pytest.param(9, 0, id="no queues at all"),
        pytest.param(2, None, id="taken away only after it"),
    ],
)
def test_more_than_the_limit_are_not_replaced(before: int | None, after: int | None) -> None:
    hold = replaced(before, after).hold

    assert hold is not None
    assert hold.code is HoldCode.ON_CHANGE
    assert hold.reason == (
        f"limits of vhost 'v': max-queues is {2 if after is None else after}, and there are 3 "
        "queues; once it is deleted, the broker may let nobody declare it again"
    )
    assert hold.override == "max-queues: 3 in the limits of vhost 'v'"


@pytest.mark.parametrize(
    ("before", "after"),
    [(3, 3), (None, None), (2, 3), (2, -1), (-1, -1)],
)
def test_as_many_as_the_limit_are_replaced(before: int | None, after: int | None) -> None:
    assert replaced(before, after).hold is None


def test_what_is_created_beside_it_may_take_its_room() -> None:
    hold = replaced(3, 3, queue("new")).hold

    assert hold is not None
    assert "there are 3 queues, and this run is to make 1 more" in hold.reason
    assert hold.override == "max-queues: 4 in the limits of vhost 'v'"


def test_a_limit_whose_change_is_held_stays_what_it_is() -> None:
    assert replaced(2, 3, allow_loss=Loss.ROUTING).hold is not None
    assert replaced(3, 2, allow_loss=Loss.ROUTING).hold is None


def test_limits_and_queues_of_another_vhost_do_not_count() -> None:
    other = [vhost("w"), limits(1, "w"), queue("a", "w"), queue("b", "w")]
    live = rows(vhost(), queue(), limits(1), *other)
    wanted = rows(vhost(), queue(arguments=CHANGED), limits(1), *other)
    desired = desired_of(wanted, on_change=dict.fromkeys(refs(wanted), OnChangeRule.RECREATE))

    (change,) = plan_of(desired, live).changes

    assert change.hold is None
