"""The part of a plan that nobody committed."""

from __future__ import annotations

from dataclasses import replace

from rmqsync.model.changes import Cause, Change, ClusterPlan, Status
from rmqsync.model.findings import warning
from rmqsync.planning.ownership import Ownership

_DRIFTED = (Cause.DRIFT, Cause.BOTH)


def only_drift(plan: ClusterPlan, own: Ownership) -> ClusterPlan:
    """Return a plan with what changed on the cluster since the last apply, and nothing else."""
    if plan.status is not Status.OK:
        return plan
    changes = [found for change in plan.changes if (found := _drifted(change)) is not None]
    findings = plan.findings
    if not own.is_known or own.marker is None:
        message = f"{plan.name}: nothing is known to have been applied here, so nothing can drift"
        findings = (*findings, warning("RMQ101", message, hint="apply once, from git"))
    return replace(plan, changes=tuple(changes), unmanaged=(), findings=findings)


def _drifted(change: Change) -> Change | None:
    """Return a change with the fields only that somebody changed outside of rmqsync."""
    if change.left:
        return replace(change, fields=change.left, cause=Cause.DRIFT, left=())
    if change.cause not in _DRIFTED:
        return None
    fields = tuple(one for one in change.fields if one.cause is None or one.cause in _DRIFTED)
    return replace(change, fields=fields)
