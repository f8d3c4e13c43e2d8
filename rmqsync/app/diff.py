"""What would make one side equal to another: two clusters, revisions or files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rmqsync.config.cluster import Prune
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.credentials import secret_addresses
from rmqsync.model.changes import Change, ClusterPlan, Loss
from rmqsync.model.definitions import Desired, Live
from rmqsync.planning.draft import draft
from rmqsync.planning.hidden import hiding
from rmqsync.planning.order import order
from rmqsync.planning.plan import context_of, fingerprint
from rmqsync.planning.rules import Rules

Side = Callable[[], Live]
"""Reads one side when it is called."""


def diff_sides(one: Side, other: Side) -> ClusterPlan:
    """
    Return what would make the first side equal to the second, without any guard.

    Nothing is said about loss: no run can carry this out.
    """
    before, after = one(), other()
    desired = Desired(after.rows, {})
    rules = Rules(prune=Prune.ALL, prune_kinds=frozenset(KINDS.names), allow_loss=Loss.EVERYTHING)
    context = context_of(desired, before, Context())
    found = draft(desired, before, context, rules)
    secret = secret_addresses(after.markers.values())
    changes = order((hiding(_plain(one), secret) for one in found.changes), before.rows, context)
    return ClusterPlan(
        name="diff",
        rabbitmq_version=before.version,
        changes=changes,
        unchanged=found.unchanged,
        fingerprint=fingerprint(changes),
    )


def _plain(change: Change) -> Change:
    return replace(change, loss=Loss.NONE)
