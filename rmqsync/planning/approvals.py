"""
What a person's approval of a plan changes: held changes go ahead, once, as they were shown.

An approval is bound to the fingerprint of the plan without approvals: when anything else is to be
done, or the same from other before-values, it does not count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.registry import Registry
from rmqsync.model.approvals import Approval
from rmqsync.model.changes import ClusterPlan, HoldCode
from rmqsync.planning.rules import Rules

APPROVABLE = frozenset({HoldCode.LOSS, HoldCode.ADOPTION, HoldCode.DRIFT, HoldCode.MAX_DELETES})
"""
What a yes may allow.

The others are not about this one change (paused, not ahead, unhealthy, a foreign marker), are for
the definitions or the settings to say (protected, on-change, altered, takes-foreign), or a matter
of proof.
"""


def approvable(plan: ClusterPlan, kinds: Registry = KINDS) -> tuple[str, ...]:
    """Return the addresses of held changes that an approval would let go ahead."""
    return tuple(
        address_of(kinds[change.ref.kind], change.ref.key)
        for change in plan.held
        if change.hold is not None and APPROVABLE.issuperset(change.hold.codes)
    )


def approving(
    rules: Rules, plan: ClusterPlan, approvals: Iterable[Approval], kinds: Registry = KINDS
) -> Rules:
    """
    Return the rules with what was approved of this plan: holds that it shows, and nothing behind.

    A loss that the hold does not tell of was shown to nobody: it goes on to be held.
    """
    wanted = {address for one in approvals for address in one.addresses} & set(
        approvable(plan, kinds)
    )
    shown = {
        address: (change.loss, frozenset(change.hold.codes))
        for change in plan.held
        if change.hold is not None
        and (address := address_of(kinds[change.ref.kind], change.ref.key)) in wanted
    }
    worst = {
        address: max(loss, rules.overrides.get(address, loss))
        for address, (loss, codes) in shown.items()
        if HoldCode.LOSS in codes
    }
    approved = {address: codes for address, (_, codes) in shown.items()}
    return replace(rules, overrides={**rules.overrides, **worst}, approved=approved)
