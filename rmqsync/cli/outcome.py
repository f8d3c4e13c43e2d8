"""The exit code of an apply."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rmqsync.cli.codes import Exit, worst

if TYPE_CHECKING:
    from rmqsync.model.changes import ClusterResult


def end_code(results: Sequence[ClusterResult], caught: int | None) -> int:
    """Return the exit code of an apply that a signal may have ended."""
    if caught is not None:
        return Exit.TERMINATED if caught == signal.SIGTERM else Exit.INTERRUPTED
    return apply_code(results)


def apply_code(results: Sequence[ClusterResult]) -> Exit:
    """Return the exit code of an apply; 4 if one cluster failed, and something was applied."""
    codes = [code_of(result) for result in results]
    if Exit.PARTIAL in codes or any(map(_has_applied, results)):
        codes = [Exit.PARTIAL if code is Exit.FAILED else code for code in codes]
    return worst(codes)


def _has_applied(result: ClusterResult) -> bool:
    from rmqsync.model.changes import Outcome

    return any(one.outcome is Outcome.APPLIED for one in result.results)


def code_of(result: ClusterResult) -> Exit:
    """Return the exit code of an apply of one cluster."""
    from rmqsync.model.changes import HoldCode, Outcome, Status

    if result.plan.status is not Status.OK:
        return Exit.FAILED
    outcomes = [one.outcome for one in result.results]
    failed = Outcome.FAILED in outcomes
    applied = _has_applied(result)
    unsent = any(
        one.outcome is Outcome.SKIPPED and one.hold is None and change.hold is None
        for one, change in zip(result.results, result.plan.changes, strict=True)
    )
    if result.verified is False or (failed and applied):
        return Exit.PARTIAL
    if failed or unsent:
        return Exit.PARTIAL if applied else Exit.FAILED
    held = any(
        (one.hold or change.hold) is not None
        and (one.hold or change.hold).code is not HoldCode.DRIFT  # type: ignore[union-attr]
        for one, change in zip(result.results, result.plan.changes, strict=True)
    )
    return Exit.HELD if held else Exit.DONE
