"""Approvals of held changes: given for the plan at hand, found by later runs, used up once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rmqsync.app.ports import ApprovalStore
from rmqsync.model.approvals import Approval
from rmqsync.model.changes import ClusterPlan
from rmqsync.model.errors import HistoryError
from rmqsync.model.findings import Finding, note, warning
from rmqsync.planning.approvals import approvable, approving
from rmqsync.planning.rules import Rules


def with_approvals(
    plan: ClusterPlan,
    rules: Rules,
    store: ApprovalStore | None,
    finished: Callable[[Rules, Sequence[Finding]], ClusterPlan],
) -> ClusterPlan:
    """Return a plan in which what was approved is not held. Only one with holds is looked up."""
    if store is None or plan.fingerprint is None or not approvable(plan):
        return plan
    try:
        found = store.open(plan.name, plan.fingerprint)
    except HistoryError as error:
        text = f"{plan.name}: what was approved cannot be read, so it does not count: {error}"
        return replace(plan, findings=(*plan.findings, warning("RMQ103", text)))
    if not found:
        return plan
    told = finished(approving(rules, plan, found), [_told(plan.name, one) for one in found])
    return replace(told, approvals=tuple(one.id for one in found))


def spend_approvals(plan: ClusterPlan, store: ApprovalStore | None) -> str | None:
    """Use up what a run goes by, before it writes; return why it must not, if so."""
    if not plan.approvals or store is None:
        return None
    try:
        if store.spend(plan.approvals):
            return None
    except HistoryError as error:
        return f"an approval counts once, and that it is used cannot be written down: {error}"
    return "the approval that this run goes by was used, revoked, or ended meanwhile"


def unfit(plan: ClusterPlan, addresses: Iterable[str]) -> list[str]:
    """Return why addresses cannot be approved, a line for each."""
    can = set(approvable(plan))
    reasons = {address: f"{address} is not held" for address in addresses if address not in can}
    for address, change in zip(_held_addresses(plan), plan.held, strict=True):
        if address in reasons and change.hold is not None:
            how = f"; what allows it: {change.hold.override}" if change.hold.override else ""
            reasons[address] = f"{address} cannot be approved: {change.hold.reason}{how}"
    return list(reasons.values())


def _held_addresses(plan: ClusterPlan) -> list[str]:
    from rmqsync.kinds import KINDS
    from rmqsync.kinds.base import address_of

    return [address_of(KINDS[change.ref.kind], change.ref.key) for change in plan.held]


def _told(name: str, approval: Approval) -> Finding:
    why = f": {approval.reason}" if approval.reason else ""
    return note(
        "RMQ104",
        f"{name}: {', '.join(approval.addresses[:5])}"
        f"{f' and {len(approval.addresses) - 5} more' if len(approval.addresses) > 5 else ''} "
        f"approved by {approval.who} until {approval.until}{why}",
    )
