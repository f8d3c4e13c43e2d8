"""Why a run that somebody asks for would apply nothing."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.daemon.obstacles import obstacle
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
