"""The one word for a cluster, and what its last run failed with."""

from __future__ import annotations

from typing import Any

import pytest

from rmqsync.daemon.outlook import sync_of, why_failed
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
)

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


def created(*names: str) -> ClusterPlan:
    changes = (Change(Action.CREATE, Ref("queue", ("shop", name)), None, {}) for name in names)
    return ClusterPlan("one", changes=tuple(changes))


def test_a_run_that_failed_says_which_changes_did_and_why() -> None:
    plan = created("a", "b", "c", "d", "e", "f")
    failed = Result(Outcome.FAILED, "inequivalent arg 'x'")
    results = (Result(Outcome.APPLIED), *[failed] * 4, Result(Outcome.SKIPPED, "needs e"))

    assert why_failed(ClusterResult(plan, results, verified=True)) == (
        "create queue:shop/b: inequivalent arg 'x'; create queue:shop/c: inequivalent arg 'x'; "
        "create queue:shop/d: inequivalent arg 'x'; and 2 more"
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param({"error": "the lock was lost"}, "the lock was lost", id="of the whole"),
        pytest.param(
            {"verified": False, "remaining": ("queue:shop/a",)},
            "queue:shop/a still differs though the broker reported no error",
            id="not as it was said to be",
        ),
        pytest.param({"verified": False}, "the cluster was not read again", id="not verified"),
    ],
)
def test_a_run_of_which_no_change_failed_says_what_did(keys: Any, expected: str) -> None:
    result = ClusterResult(created("a"), (Result(Outcome.APPLIED),), **keys)

    assert why_failed(result) == expected


def test_changes_that_were_not_sent_are_named() -> None:
    result = ClusterResult(created("a"), (Result(Outcome.SKIPPED),), verified=True)

    assert why_failed(result) == "create queue:shop/a: not sent"


def test_a_change_that_is_held_has_not_failed() -> None:
    plan = ClusterPlan("one", changes=(change(Cause.GIT, HoldCode.LOSS),))

    assert why_failed(ClusterResult(plan, (Result(Outcome.SKIPPED),), verified=True)) is None
