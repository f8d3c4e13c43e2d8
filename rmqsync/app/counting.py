"""
What queues hold, so that a plan may be judged by it.

Counts of quorum queues come late. Where such a count would let a change through that may cost
messages, it is asked for once more, for all such queues together: `broker/facts.py` tells how.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rmqsync.analysis.policy_losses import Threat
from rmqsync.app.ports import Broker
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import QueueFacts, Rows
from rmqsync.model.values import Key
from rmqsync.planning.policies import undecided


def sure_facts(
    broker: Broker,
    wanted: Collection[Ref],
    found: Sequence[Threat],
    live: Rows,
    context: Context,
) -> dict[Ref, QueueFacts]:
    """
    Return what the queues among `wanted` hold, sure enough to judge the threats `found`.

    No request where there are none. Raises as `Broker.queue_facts` does.
    """
    if not wanted:
        return {}
    facts = _by_ref(wanted, broker.queue_facts([ref.key for ref in wanted]))
    again = undecided(found, live, facts, context)
    if not again:
        return facts
    settled = _by_ref(again, broker.settled_facts([ref.key for ref in again]))
    return {ref: known for ref, known in facts.items() if ref not in again} | settled


def _by_ref(refs: Collection[Ref], facts: Mapping[Key, QueueFacts]) -> dict[Ref, QueueFacts]:
    return {ref: facts[ref.key] for ref in refs if ref.key in facts}
