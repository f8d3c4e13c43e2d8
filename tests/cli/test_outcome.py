"""The exit code of an apply over several clusters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmqsync.cli.outcome import apply_code
from rmqsync.model.changes import (
    Action,
    Cause,
    Change,
    ClusterPlan,
    ClusterResult,
    Hold,
    HoldCode,
    Outcome,
    Ref,
    Result,
    Status,
)

CREATE = Change(Action.CREATE, Ref("vhost", ("v",)), None, {"name": "v"}, (), Cause.GIT)
HELD = replace(CREATE, hold=Hold(HoldCode.PROTECTED, "it is under `protect`", None))
APPLIED, FAILED, SKIPPED = map(Result, Outcome)


def done(change: Change, result: Result, verified: bool | None = None) -> ClusterResult:
    return ClusterResult(ClusterPlan("c", changes=(change,)), (result,), verified)


MADE = done(CREATE, APPLIED, verified=True)
REFUSED = done(CREATE, FAILED)
ALL_HELD = done(HELD, SKIPPED)
IN_LINE = ClusterResult(ClusterPlan("c"))
DEAD = ClusterResult(ClusterPlan("c", status=Status.UNREACHABLE, error="cannot reach"))


@pytest.mark.parametrize(
    ("results", "code"),
    [
        pytest.param([MADE, DEAD], 4, id="one made, one dead"),
        pytest.param([MADE, REFUSED], 4, id="one made, one refused"),
        pytest.param([MADE, ALL_HELD, DEAD], 4, id="one made, one held, one dead"),
        pytest.param([ALL_HELD, DEAD, DEAD], 1, id="one held, the others dead"),
        pytest.param([ALL_HELD, REFUSED], 1, id="one held, one refused"),
        pytest.param([IN_LINE, DEAD], 1, id="one without changes, one dead"),
        pytest.param([MADE, ALL_HELD, IN_LINE], 3, id="one made, one held"),
        pytest.param([MADE, IN_LINE], 0, id="all well"),
    ],
)
def test_it_is_4_only_where_something_was_applied(results: list[ClusterResult], code: int) -> None:
    assert apply_code(results) == code
