"""Counts that a plan is judged by: asked for again where they come late and would let it pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from rmqsync.analysis.policy_losses import threats
from rmqsync.app.counting import sure_facts
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import QueueFacts
from rmqsync.model.values import Key
from tests.analysis.test_policies import policy
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import queue, rows, vhost

QUORUM = {"x-queue-type": "quorum"}
Q, C, OTHER = (Ref("queue", ("v", name)) for name in ("q", "c", "other"))
LIVE = rows(vhost(), queue("q", arguments=QUORUM), queue("c"), queue("other", arguments=QUORUM))


def holding(messages: int | None) -> QueueFacts:
    return QueueFacts(messages, unacknowledged=0, consumers=0)


@dataclass
class LateCluster(MemoryCluster):
    """Counts queues that hold sixty messages each as it did some time ago, until it is waited."""

    told: dict[Key, QueueFacts] = field(default_factory=dict)
    settled: list[set[Key]] = field(default_factory=list)

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return {key: self.told[key] for key in queues}

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        self.settled.append(set(queues))
        return dict.fromkeys(self.settled[-1], holding(60))


def asked(
    told: Mapping[Ref, int | None], pattern: str, definition: Mapping[str, Any]
) -> tuple[dict[Ref, QueueFacts], list[set[Key]]]:
    """Return what is known of queues in the end, and for which of them it was waited."""
    row = rows(policy("p", dict(definition), pattern=pattern))["policy"]["v", "p"]
    change = Change(Action.CREATE, Ref("policy", ("v", "p")), None, row)
    found = threats([change], LIVE, Context())
    cluster = LateCluster({}, told={ref.key: holding(number) for ref, number in told.items()})
    return sure_facts(cluster, told, found, LIVE, Context()), cluster.settled


@pytest.mark.parametrize("number", [0, 5])
def test_a_number_that_lets_a_change_through_is_asked_for_again(number: int) -> None:
    facts, waited = asked({Q: number}, "^q", {"max-length": 5})

    assert (facts, waited) == ({Q: holding(60)}, [{Q.key}])


@pytest.mark.parametrize(
    ("number", "definition"),
    [
        pytest.param(6, {"max-length": 5}, id="held as it is"),
        pytest.param(None, {"max-length": 5}, id="unknown"),
        pytest.param(0, {"message-ttl": 5}, id="no threat"),
    ],
)
def test_nobody_waits_where_the_number_changes_nothing(
    number: int | None, definition: dict[str, Any]
) -> None:
    facts, waited = asked({Q: number}, "^q", definition)

    assert (facts, waited) == ({Q: holding(number)}, [])


def test_classic_queues_are_counted_at_once() -> None:
    facts, waited = asked({C: 0}, "^c", {"max-length": 5})

    assert (facts, waited) == ({C: holding(0)}, [])


def test_it_is_waited_once_for_all_and_for_no_others() -> None:
    facts, waited = asked({Q: 0, C: 0, OTHER: 9}, "", {"max-length": 5})

    assert waited == [{Q.key, OTHER.key}]
    assert facts == {Q: holding(60), C: holding(0), OTHER: holding(60)}


def test_nothing_at_risk_is_not_asked_about() -> None:
    assert asked({}, "^q", {"max-length": 5}) == ({}, [])
