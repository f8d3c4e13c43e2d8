"""Deletions of which nobody hears whether they were done: nothing that was replaced is missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rmqsync.app.apply import ApplyOptions, apply_cluster
from rmqsync.app.plan import Planned
from rmqsync.app.prove import NotProven, Prover
from rmqsync.config.cluster import MaxDeletes
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Loss, Outcome, Ref
from rmqsync.model.definitions import Live, OnChangeRule, Rows, refs
from rmqsync.model.errors import BrokerError, Rejected
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import MemoryCluster
from tests.fakes.fenced import FencedCluster, Held, MemoryAmqp
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost

FREE = MaxDeletes(share=1.0, objects=99, bindings=99)
Q = Ref("queue", ("v", "q"))


def quorum(**arguments: Any) -> Rows:
    return around(queue(arguments={"x-queue-type": "quorum", **arguments}))


def around(*found: tuple[str, dict[str, Any]]) -> Rows:
    return rows(vhost(), exchange("e"), *found)


def replacing(cluster: MemoryCluster, before: Rows, after: Rows, **guards: Any) -> Planned:
    """Plan to replace what differs; a binding hangs on it that nobody declares."""
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    cluster.state |= state_of(before)
    cluster.state |= state_of(rows(binding(key="by hand")))
    told = desired_of(after, on_change=dict.fromkeys(refs(after), OnChangeRule.RECREATE))
    rules = Rules(max_deletes=FREE, **guards)
    return repository.plan(cluster, told, repository.commit(after), rules)


def test_a_quorum_queue_is_there_again_though_nobody_heard_that_it_went() -> None:
    cluster = FencedCluster({})
    planned = replacing(cluster, quorum(), quorum(**{"x-max-length": 5}), can_prove=True)
    before = dict(cluster.state)
    amqp = MemoryAmqp(cluster, lost="delete")
    planned = replace(planned, target=replace(planned.target, amqp=amqp))

    result = apply_cluster(planned, ApplyOptions(parallelism=1, locks={"one": Held()}))

    assert [write.deleted for write in cluster.writes if Q in write.deleted] == [{Q}]
    assert result.results[0] == (
        Outcome.FAILED,
        "one: the AMQP connection broke in delete; it was declared again as it was before",
        None,
    )
    assert cluster.state == before


@pytest.mark.parametrize("step", ["put", "try_one"])
def test_sentinels_that_nobody_heard_of_are_taken_back(step: str) -> None:
    cluster = FencedCluster(state_of(quorum()))
    planned = replacing(cluster, quorum(), quorum(**{"x-max-length": 5}), can_prove=True)
    amqp = MemoryAmqp(cluster, lost=step)

    with pytest.raises(NotProven, match="broke off"):
        Prover(cluster, amqp).delete(KINDS["queue"], planned.plan.changes[0])

    assert amqp.messages == {Q.key: []}
    assert Q in cluster.state


class Wrong(MemoryCluster):
    """Answers deletions with an error, and carries them out all the same: now, or when read."""

    error: BrokerError = BrokerError("one: 500 for a DELETE")
    is_late = False
    is_over = False

    def send(self, request: Request) -> None:
        if request.method != "DELETE" or self.is_over:
            super().send(request)
            return
        self.is_over = True
        self.late = request
        if not self.is_late:
            super().send(request)
        raise self.error

    def read(self) -> Live:
        if self.is_over and self.is_late:
            self.is_late = False
            super().send(self.late)
        return super().read()


EXCHANGES = (
    around(queue()),
    rows(vhost(), exchange("e", type="direct"), queue()),
)


def test_an_exchange_is_there_again_though_its_deletion_was_an_error() -> None:
    cluster = Wrong({})
    planned = replacing(cluster, *EXCHANGES)
    before = dict(cluster.state)

    result = applied(planned)

    assert result.results[0] == (
        Outcome.FAILED,
        "one: 500 for a DELETE; it was declared again as it was before",
        None,
    )
    assert cluster.state == before


def test_an_exchange_that_goes_later_is_there_again_in_the_end() -> None:
    cluster = Wrong({})
    planned = replacing(cluster, *EXCHANGES)
    before = dict(cluster.state)
    cluster.is_late = True

    result = applied(planned)

    assert result.results[0] == (
        Outcome.FAILED,
        "one: 500 for a DELETE; in the end it was declared as it was",
        None,
    )
    assert cluster.state == before


def test_a_queue_that_went_although_that_was_refused_is_made_anew() -> None:
    """A write that timed out can be answered with 400 and be done."""
    cluster = Wrong({})
    cluster.error = Rejected("one: 400", 400, "timeout")
    after = around(queue(arguments={"x-max-length": 5}))
    planned = replacing(cluster, around(queue()), after, allow_loss=Loss.ACCESS)

    result = applied(planned)

    assert result.results[0] == (Outcome.APPLIED, None, None)
    assert cluster.state == state_of(after) | state_of(rows(binding(key="by hand")))
