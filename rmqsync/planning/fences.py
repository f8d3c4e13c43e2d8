"""Fences: policies that keep publishers out of a queue while it is deleted. Their names, and what
is said of those that stand; `app/prove_fence.py` puts them up."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rmqsync.kinds.policy import FENCE
from rmqsync.model.definitions import Live
from rmqsync.model.findings import Finding, warning


def fence_name(owner: str, token: str) -> str:
    """Return the name of a policy that is a fence; an owner has no dot in its name."""
    return f"{FENCE}{owner}.{token}"


def is_fence_of(owner: str, policy: str) -> bool:
    """Tell by its name whether a policy is a fence that a run for `owner` put up."""
    return policy.startswith(fence_name(owner, ""))


def fence_findings(name: str, live: Live, owner: str, *, can_remove: bool) -> Iterator[Finding]:
    """
    Yield a warning for each fence on a cluster. One may be of a run that is under way.

    `can_remove`: there is `amqp`, with which the next run for `owner` takes away those of its own.
    """
    for ref in sorted(live.fences):
        vhost, policy = ref.key
        if not is_fence_of(owner, policy):
            hint = "it belongs to another owner, whose next apply takes it away"
        elif can_remove:
            hint = "the next apply takes it away"
        else:
            command = f"rabbitmqctl clear_policy -p {shlex.quote(vhost)} {shlex.quote(policy)}"
            hint = f"set `amqp` for the cluster and apply, or run {command}"
        yield warning(
            "RMQ105",
            f"{name}: policy '{policy}' in vhost '{vhost}' keeps publishers out of a queue that "
            "was to be deleted; its run is under way, or was killed",
            hint=hint,
        )
