"""The one word for a cluster."""

from __future__ import annotations

import pytest

from rmqsync.daemon.outlook import sync_of
from rmqsync.model.changes import Action, Cause, Change, Hold, HoldCode, Ref

REF = Ref("queue", ("shop", "qu.a"))


def change(cause: Cause, code: HoldCode | None) -> Change:
    hold = None if code is None else Hold(code, "because", None)
    return Change(Action.UPDATE, REF, {}, {}, cause=cause, hold=hold)


@pytest.mark.parametrize(
    ("cause", "code", "expected"),
    [
        (Cause.GIT, None, "pending"),
        (Cause.GIT, HoldCode.PAUSED, "held"),
        (Cause.DRIFT, HoldCode.DRIFT, "drifted"),
        (Cause.DRIFT, HoldCode.PAUSED, "drifted"),
        (Cause.BOTH, HoldCode.PAUSED, "drifted"),
        (Cause.DRIFT, HoldCode.LOSS, "held"),
        (Cause.UNKNOWN, HoldCode.DRIFT, "pending"),
    ],
)
def test_what_is_only_left_alone_is_drifted_paused_or_not(
    cause: Cause, code: HoldCode | None, expected: str
) -> None:
    assert sync_of([change(cause, code)], failed=False) == expected
