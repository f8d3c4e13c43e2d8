"""A plan as the board shows it: the one word for a cluster, and what goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

from rmqsync.app.marking import now
from rmqsync.app.plan import Planned
from rmqsync.daemon.documents import StopDocument, Sync
from rmqsync.daemon.groups import grouped, is_drift_alone
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.changes import (
    Cause,
    Change,
    ClusterResult,
    HoldCode,
    Outcome,
    Plan,
    Result,
    Status,
)
from rmqsync.model.marker import Stop
from rmqsync.planning.drift import only_drift
from rmqsync.report.document import ChangeDocument
from rmqsync.report.plan_json import plan_document

_MOST_REASONS = 3
_DRIFTED = (Cause.DRIFT, Cause.BOTH)


class View(NamedTuple):
    """What the board is told of one plan."""

    keys: Mapping[str, Any]
    """Of `ClusterDetailDocument`."""
    drifted: Sequence[ChangeDocument]


def view_of(planned: Planned, *, failed: bool) -> View:
    """Return how a plan looks; `failed`: it is what a run that failed left."""
    plan, revision = planned.plan, planned.target.checkout.revision
    if plan.status is not Status.OK:
        sync: Sync = "unreachable" if plan.status is Status.UNREACHABLE else "failed"
        error = None if plan.error is None else plan.error.removeprefix(f"{plan.name}: ")
        return View({"sync": sync, "error": error}, ())
    whole = Plan(now(), revision, (plan,))
    (document,) = plan_document(whole)["clusters"]
    drift = only_drift(plan, planned.own)
    (drifted,) = plan_document(Plan(now(), revision, (drift,)))["clusters"]
    marker = planned.own.marker
    keys = {
        "sync": sync_of(plan.changes, failed=failed),
        "error": None,
        "commit": revision.commit,
        "applied": document.get("last_applied"),
        "rabbitmq_version": plan.rabbitmq_version,
        "nodes": list(planned.live.nodes) if planned.live is not None else [],
        "summary": document["summary"],
        "plan": document,
        "drift_known": planned.own.is_known and planned.own.has_history,
        "held": len(grouped(document["changes"]).held),
        "paused": _stop(marker.paused if marker is not None else None),
        "pinned": _stop(marker.pinned if marker is not None else None),
    }
    return View(keys, drifted["changes"])


def why_failed(result: ClusterResult) -> str | None:
    """Return what a run failed with, as far as it says: of many changes the first few."""
    if result.error is not None:
        return result.error
    pairs = list(zip(result.plan.changes, result.results, strict=True))
    failed = [pair for pair in pairs if pair[1].outcome is Outcome.FAILED]
    unsent = [pair for pair in pairs if _is_unsent(*pair)]
    said = [_reason(*pair) for pair in (*failed, *unsent)]
    said += [
        f"{address} still differs though the broker reported no error"
        for address in result.remaining
    ]
    if not said and result.verified is False:
        return "the cluster was not read again"
    more = len(said) - _MOST_REASONS
    return "; ".join([*said[:_MOST_REASONS], *([f"and {more} more"] if more > 0 else [])]) or None


def _is_unsent(change: Change, result: Result) -> bool:
    return result.outcome is Outcome.SKIPPED and result.hold is None and change.hold is None


def _reason(change: Change, result: Result) -> str:
    address = address_of(KINDS[change.ref.kind], change.ref.key)
    return f"{change.action.value} {address}: {result.error or 'not sent'}"


def sync_of(changes: Sequence[Change], *, failed: bool) -> Sync:
    """Return the one word for these changes."""
    if failed:
        return "failed"
    if any(_waits_for_somebody(one) for one in changes):
        return "held"
    if any(one.left or one.cause in _DRIFTED for one in changes):
        return "drifted"
    return "pending" if changes else "in-sync"


def _waits_for_somebody(change: Change) -> bool:
    hold = change.hold
    if hold is None or hold.code is HoldCode.DRIFT:
        return False
    return not is_drift_alone(hold.code.value, change.cause.value)


def _stop(stop: Stop | None) -> StopDocument | None:
    if stop is None or (stop.until is not None and stop.until <= now()):
        return None
    found = {"reason": stop.reason, "by": stop.by, "since": stop.at, "until": stop.until}
    return cast(StopDocument, found)
