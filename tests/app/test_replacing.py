"""What becomes of all that hangs on a replaced object: cases that went wrong once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from rmqsync.app.apply import ApplyOptions, apply_cluster
from rmqsync.app.plan import Planned
from rmqsync.config.cluster import MaxDeletes
from rmqsync.model.changes import ClusterResult, Loss, Outcome, Ref
from rmqsync.model.definitions import OnChangeRule, Rows, refs
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, applied, state_of
from tests.fakes.cluster import Fault, MemoryCluster
from tests.planning.builders import binding, desired_of, exchange, queue, rows, vhost

Entry = tuple[str, dict[str, Any]]
HEADERS = {"x-match": "all"}
WRITE_OF = {"deletion": 1, "first binding": 3}
"""The marker is 0, and the new exchange 2."""
USER = ("user", {"name": "a", "tags": []})


def around(sort: str, *found: Entry) -> Rows:
    return rows(vhost(), USER, queue(), exchange(type=sort), *found)


def topic(write: str) -> Entry:
    entry = {"vhost": "v", "user": "a", "exchange": "e", "write": write, "read": ""}
    return "topic_permission", entry


def replaced(
    *,
    live: Sequence[Entry],
    last: Sequence[Entry] = (),
    desired: Sequence[Entry] = (),
    faults: dict[int, Fault] | None = None,
    **guards: Any,
) -> tuple[MemoryCluster, ClusterResult]:
    """Have the exchange `e` be replaced while this hangs on it; return what came of it."""
    cluster = MemoryCluster(state_of(around("topic", *live)), "4.1.0", faults=faults or {})
    repository = Repository()
    repository.mark(cluster, repository.commit(around("topic", *last)))
    wanted = around("direct", *desired)
    current = repository.commit(wanted)
    told = desired_of(wanted, on_change=dict.fromkeys(refs(wanted), OnChangeRule.RECREATE))
    rules = Rules(allow_loss=Loss.MESSAGES, **guards)
    return cluster, applied(repository.plan(cluster, told, current, rules))


def hanging(cluster: MemoryCluster) -> Rows:
    kinds = ("binding", "topic_permission")
    live = cluster.read().rows
    return {kind: live[kind] for kind in kinds if live[kind]}


def test_a_binding_that_went_with_its_exchange_is_not_deleted_in_the_shape_of_another() -> None:
    """Without the handle of the one with arguments, the call names the one that has none."""
    going, staying = binding(arguments=HEADERS), binding()

    cluster, result = replaced(live=[going, staying], last=[going])

    assert [one.outcome for one in result.results] == [Outcome.APPLIED] * 2
    assert hanging(cluster) == rows(staying)
    deleted = [ref.kind for write in cluster.writes for ref in write.deleted]
    assert deleted == ["exchange"]


def test_a_binding_that_is_refused_once_is_put_back_and_so_is_the_next() -> None:
    found = [binding(key="1"), binding(key="2"), binding(key="3")]

    cluster, result = replaced(live=found, faults={WRITE_OF["first binding"]: Fault.REFUSED})

    assert result.results[0].outcome is Outcome.APPLIED
    assert hanging(cluster) == rows(*found)


def test_what_hung_on_it_is_put_back_all_at_once() -> None:
    """Until then what is published finds no way."""
    found = [binding(key="1"), binding(key="2"), binding(key="3")]

    cluster, _ = replaced(live=found)

    made = [
        sorted(ref.key[4] for ref in one.rows if ref.kind == "binding") for one in cluster.writes
    ]
    assert [keys for keys in made if keys] == [["1", "2", "3"]]
    assert hanging(cluster) == rows(*found)


def test_what_cannot_be_put_back_is_named_though_nobody_declares_it() -> None:
    found = [binding(key="1"), binding(key="2")]
    faults = dict.fromkeys(range(WRITE_OF["first binding"], 99), Fault.UNSENT)

    _, result = replaced(live=found, faults=faults)

    assert result.results[0] == (
        Outcome.FAILED,
        "replaced, but binding from exchange 'e' to queue 'q' with key '1' in vhost 'v', "
        "binding from exchange 'e' to queue 'q' with key '2' in vhost 'v' are lost: "
        "one: no endpoint answers (unsent)",
        None,
    )


def test_an_exchange_whose_deletion_is_not_heard_of_is_there_with_all_that_hung_on_it() -> None:
    found = [binding(), topic(".*")]

    cluster, result = replaced(live=found, faults={WRITE_OF["deletion"]: Fault.ANSWER_LOST})

    assert result.results[0].outcome is Outcome.FAILED
    assert hanging(cluster) == rows(*found)
    assert cluster.state[Ref("exchange", ("v", "e"))]["type"] == "topic"


def test_a_replacement_puts_a_topic_permission_back_as_hands_left_it() -> None:
    """`on_drift: report` leaves it alone, so that its change is held."""
    drifted, declared = topic("^mine$"), [topic(".*")]

    cluster, result = replaced(live=[drifted], last=declared, desired=declared)

    assert [one.outcome for one in result.results] == [Outcome.APPLIED, Outcome.SKIPPED]
    assert hanging(cluster) == rows(drifted)


def test_a_binding_whose_deletion_is_held_does_not_count_as_lost() -> None:
    going = binding()
    none = MaxDeletes(share=1.0, objects=0, bindings=0)

    cluster, result = replaced(live=[going], last=[going], max_deletes=none)

    assert [one.outcome for one in result.results] == [Outcome.APPLIED, Outcome.SKIPPED]
    assert result.verified
    assert hanging(cluster) == rows(going)


def test_a_replacement_that_keeps_a_drifted_argument_is_as_planned() -> None:
    before, drift, both = {}, {"x-max-length": 1}, {"x-max-length": 1, "x-expires": 9000}
    cluster = MemoryCluster(state_of(rows(vhost(), queue(arguments=drift))))
    repository = Repository()
    repository.mark(cluster, repository.commit(rows(vhost(), queue(arguments=before))))
    wanted = rows(vhost(), queue(arguments={"x-expires": 9000}))
    told = desired_of(wanted, on_change=dict.fromkeys(refs(wanted), OnChangeRule.RECREATE))
    rules = Rules(allow_loss=Loss.MESSAGES)

    result = applied(repository.plan(cluster, told, repository.commit(wanted), rules))

    assert result.results[0] == (Outcome.APPLIED, None, None)
    assert cluster.state[Ref("queue", ("v", "q"))]["arguments"] == both


def test_what_was_to_go_and_stays_for_want_of_another_is_put_back_as_well() -> None:
    """It went with the exchange, and what was to take its place was refused."""
    old, new = binding(key="old"), binding(key="new")
    faults = {WRITE_OF["first binding"]: Fault.REFUSED}

    cluster, result = replaced(live=[old], last=[old], desired=[new], faults=faults)

    assert hanging(cluster) == rows(old)
    assert [one.outcome for one in result.results] == [
        Outcome.APPLIED,
        Outcome.FAILED,
        Outcome.SKIPPED,
    ]


def test_what_a_limit_would_not_let_in_again_stays() -> None:
    """Clients' queues count for the limit, and are in no rows that a plan has."""
    found = [vhost(), queue("other"), ("vhost_limit", {"vhost": "v", "max-queues": 2})]
    before = rows(*found, queue())
    cluster = MemoryCluster(state_of(before), exclusive=1)
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    wanted = rows(*found, queue(arguments={"x-max-length": 1}))
    current = repository.commit(wanted)
    told = desired_of(wanted, on_change=dict.fromkeys(refs(wanted), OnChangeRule.RECREATE))
    rules = Rules(allow_loss=Loss.MESSAGES)

    planned = repository.plan(cluster, told, current, rules)
    result = applied(planned)

    assert [one.hold for one in planned.plan.changes] == [None]
    (one,) = result.results
    assert one.outcome is Outcome.SKIPPED
    assert one.hold is not None
    assert "max-queues is 2, and there are 3 queues" in (one.error or "")
    assert cluster.state == state_of(before)


@dataclass
class Lock:
    """One that is lost as soon as an object of a kind is gone."""

    cluster: MemoryCluster
    ref: Ref
    lost = "its connection broke"

    def held(self) -> bool:
        return not any(self.ref in write.deleted for write in self.cluster.writes)

    def release(self) -> None:
        """Nothing is held."""


WANTED = rows(vhost(), queue(arguments={"x-max-length": 1}), exchange(), binding())


def replacing() -> tuple[MemoryCluster, Repository, Planned]:
    """Plan to replace a bound queue by that of `WANTED`."""
    before = rows(vhost(), queue(), exchange(), binding())
    cluster = MemoryCluster(state_of(before))
    repository = Repository()
    repository.mark(cluster, repository.commit(before))
    current = repository.commit(WANTED)
    told = desired_of(WANTED, on_change=dict.fromkeys(refs(WANTED), OnChangeRule.RECREATE))
    planned = repository.plan(cluster, told, current, Rules(allow_loss=Loss.MESSAGES))
    return cluster, repository, planned


def test_a_lock_that_is_lost_amid_a_replacement_is_told_once() -> None:
    cluster, _, planned = replacing()
    lock = Lock(cluster, Ref("queue", ("v", "q")))

    result = apply_cluster(planned, ApplyOptions(parallelism=1, locks={"one": lock}))

    assert result.results[0].error == (
        "the lock was lost: its connection broke; another run may have begun; it was deleted, and "
        "declaring it as it was failed as well; queue 'q' in vhost 'v', binding from exchange 'e' "
        "to queue 'q' with key '' in vhost 'v' are lost"
    )
    assert result.error == (
        "cluster 'one': the lock was lost: its connection broke; nothing was written after that, "
        "nor what had been deleted to be replaced declared again"
    )
    assert result.gone == ("queue:v/q",)


def planned_again(repository: Repository, cluster: MemoryCluster, wanted: Rows) -> set[str]:
    """Plan the same commit once more; return whose doing each change is."""
    current = repository.commit(wanted)
    own: Any = {"is_attended": True}
    planned = repository.plan(cluster, desired_of(wanted), current, Rules(), **own)
    return {f"{one.action.value} {one.ref.kind} {one.cause.value}" for one in planned.plan.changes}


@pytest.mark.parametrize("way", ["refused", "lock lost"])
def test_what_a_run_deleted_and_did_not_make_again_is_no_drift(way: str) -> None:
    cluster, repository, planned = replacing()
    lock = Lock(cluster, Ref("queue", ("v", "q")))
    if way == "refused":
        cluster.faults = dict.fromkeys(range(2, 8), Fault.REFUSED)
        apply_cluster(planned, ApplyOptions(parallelism=1))
    else:
        apply_cluster(planned, ApplyOptions(parallelism=1, locks={"one": lock}))
    assert Ref("queue", ("v", "q")) not in cluster.state

    causes = planned_again(repository, cluster, WANTED)

    assert causes == {"create queue git", "create binding git"}
    cluster.faults = dict.fromkeys(range(99), Fault.REFUSED)
    again = repository.plan(cluster, desired_of(WANTED), repository.commit(WANTED), Rules())
    apply_cluster(again, ApplyOptions(parallelism=1))
    assert planned_again(repository, cluster, WANTED) == causes
