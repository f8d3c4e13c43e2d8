"""Who gets a lock, who waits, who is refused, and that nothing is written once it is lost."""

import threading
from dataclasses import replace

import pytest

from rmqsync.app.apply import ApplyOptions, apply_clusters
from rmqsync.app.journal import Unrecorded
from rmqsync.app.lock import LockLost, Waiting, WhileHeld, take_locks
from rmqsync.app.plan import Target
from rmqsync.kinds.base import Request
from rmqsync.loading.compile import Options
from rmqsync.model.errors import Refused, Unreachable
from rmqsync.planning.rules import Rules
from tests.app.runs import Repository, state_of
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import desired_of, exchange, rows, vhost

PUT = Request("PUT", ("vhosts", "v"), {})


class Lock:
    def __init__(self) -> None:
        self.is_held = True

    def held(self) -> bool:
        return self.is_held

    @property
    def lost(self) -> str | None:
        return None if self.is_held else "its connection broke"

    def release(self) -> None:
        self.is_held = False


class Amqp:
    """A lock that is free after so many tries; or an error."""

    def __init__(self, tries: int = 0, error: Exception | None = None) -> None:
        self.left, self.error = tries, error

    def lock(self) -> Lock | None:
        if self.error:
            raise self.error
        self.left -= 1
        return None if self.left >= 0 else Lock()

    def holder(self) -> str:
        return "ann on mq-admin, process 7"

    def is_held_by(self, _lock: Lock) -> bool:
        return False


class Shared(Amqp):
    """One broker, whatever it is called."""

    taken: Lock | None = None

    def lock(self) -> Lock | None:
        if self.taken is not None and self.taken.is_held:
            return None
        self.taken = Lock()
        return self.taken

    def is_held_by(self, lock: Lock) -> bool:
        return lock is self.taken


class Clock:
    def __init__(self) -> None:
        self.now, self.told = 0.0, []

    def waiting(self, timeout_s: float) -> Waiting:
        return Waiting(timeout_s, self.told.append, sleep=self.sleep, clock=lambda: self.now)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Broker:
    name = "prod"

    def __init__(self) -> None:
        self.sent = []

    def send(self, request: Request) -> None:
        self.sent.append(request)


def target(amqp, *, required: bool = False) -> Target:
    given = {"amqp": amqp, "lock_required": required}
    return Target("prod", Broker(), None, ("base",), Options(), Rules(), **given)


def test_a_run_waits_for_another_and_says_whom_it_waits_for():
    clock = Clock()

    locks = take_locks([target(Amqp(tries=3))], clock.waiting(30))

    assert list(locks.held) == ["prod"]
    assert clock.told == ["prod: waiting for the lock of ann on mq-admin, process 7"]
    assert clock.now == 1.5


def test_a_run_that_waited_in_vain_names_the_holder():
    clock = Clock()

    locks = take_locks([target(Amqp(tries=999))], clock.waiting(2))

    assert locks.held == {}
    assert locks.refused["prod"] == (
        "another run holds the lock: ann on mq-admin, process 7; waited 2 s, see --lock-timeout"
    )
    assert clock.now == 2


def test_without_waiting_one_try_is_made():
    locks = take_locks([target(Amqp(tries=1))], Clock().waiting(0))

    assert "another run" in locks.refused["prod"]


def test_a_run_does_not_wait_in_vain():
    clock = Clock()

    locks = take_locks([target(Amqp(error=Refused("in the way")))], clock.waiting(30))

    assert locks.refused == {"prod": "in the way"}
    assert (locks.warnings, clock.now) == ([], 0)


@pytest.mark.parametrize("timeout_s", [0, 30])
def test_a_run_does_not_wait_for_itself(timeout_s: float):
    """Two names for one broker: the second has to come later, and nobody is waited for."""
    clock, broker = Clock(), Shared()
    names = [replace(target(broker), name=name) for name in ("one", "two", "three")]

    locks = take_locks(names, clock.waiting(timeout_s))

    (first,) = locks.held
    assert locks.later == {one.name: first for one in names if one.name != first}
    assert locks.refused == {}
    assert clock.now <= 1


def test_a_lock_is_released_when_the_run_of_its_cluster_is_over():
    """The last one ends only once the lock of the first is free."""
    free = threading.Event()

    class Telling(Lock):
        def release(self) -> None:
            super().release()
            free.set()

    class Journal(Unrecorded):
        waited = True

        def before_first_write(self, planned, *, fresh):
            if planned.plan.name == "slow":
                self.waited = free.wait(10)

    clusters = [MemoryCluster(state_of(rows(vhost())), name=name) for name in ("quick", "slow")]
    repository = Repository()
    before, after = repository.commit(rows(vhost())), repository.commit(rows(vhost(), exchange()))
    planned = []
    for cluster in clusters:
        repository.mark(cluster, before)
        desired = desired_of(rows(vhost(), exchange()))
        planned.append(repository.plan(cluster, desired, after, Rules()))
    journal = Journal()
    locks = {"quick": Telling(), "slow": Lock()}

    results = apply_clusters(planned, ApplyOptions(locks=locks, journal=journal))

    assert [result.verified for result in results] == [True, True]
    assert journal.waited, "the lock of the first is held until the second is done"
    assert not any(lock.is_held for lock in locks.values())


@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize(
    ("amqp", "words"),
    [
        pytest.param(None, "`amqp`", id="no address"),
        pytest.param(Amqp(error=Unreachable("nobody there")), "nobody there", id="unreachable"),
    ],
)
def test_no_lock_is_a_warning_or_an_error(amqp, words, required):
    locks = take_locks([target(amqp, required=required)], Clock().waiting(1))

    said = [locks.refused.get("prod", "")] if required else locks.warnings
    assert words in said[0]
    assert bool(locks.refused) is required
    assert bool(locks.warnings) is not required


def test_a_cluster_is_written_only_while_its_lock_is_held():
    broker, lock = Broker(), Lock()
    guarded = WhileHeld(broker, lock)
    guarded.send(PUT)
    lock.is_held = False

    with pytest.raises(LockLost, match="its connection broke"):
        guarded.send(PUT)
    with pytest.raises(LockLost):
        guarded.upload({})

    assert broker.sent == [PUT]
