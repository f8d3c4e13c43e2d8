"""Why a run that somebody asks for would apply nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rmqsync.daemon.obstacles import obstacle, over_at
from tests.daemon.web import fleet

STOP = {"reason": "peak", "by": "ann", "since": fleet.AT, "until": "2099-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("more", "closed", "expected"),
    [
        ({}, None, None),
        ({}, "It is outside.", "It is outside."),
        ({"mode": "report"}, "It is outside.",
         "Its mode is report: it is compared, and nothing is applied."),
        ({"paused": STOP}, None,
         "It is paused by ann until 2099-01-01T00:00:00Z, so it is compared, and nothing is "
         "applied: peak"),
        ({"pinned": {**STOP, "by": None, "until": None}}, None,
         "It is pinned, so it is compared, and nothing is applied: peak"),
    ],
)  # fmt: skip
def test_what_keeps_a_run_from_applying_is_told(
    more: dict[str, Any], closed: str | None, expected: str | None
) -> None:
    assert obstacle(fleet.cluster("one", **more), closed) == expected


def test_it_is_told_when_the_first_is_over_of_what_a_cluster_waits_for() -> None:
    waits = {"reason": "window", "until": "2098-01-01T00:00:00Z", "text": "…"}
    one = fleet.cluster("one", paused=STOP, pinned={**STOP, "until": None}, waits=waits)
    first, second = datetime(2098, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)

    assert over_at(fleet.cluster("one"), first) is None
    assert over_at(one, first - timedelta(seconds=1)) == first
    assert over_at(one, first) == second
    assert over_at(one, second) is None
