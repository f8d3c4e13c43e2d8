"""Two runs on one cluster, and what a run that has AMQP can delete."""

import os
import threading
import time

import pytest

from rmqsync.app.apply import ApplyOptions, apply_clusters
from rmqsync.app.plan import plan_clusters
from rmqsync.broker.amqp_lock import QueueLock
from rmqsync.cli.outcome import apply_code
from rmqsync.model.changes import Outcome
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session
from tests.broker.test_amqp import amqp
from tests.brokers import Broker
from tests.cli.workspace import Workspace

BOUND_S = 40.0

QUORUM = {"vhost": "shop", "name": "qu.order.crm", "type": "quorum"}
BASE = {"vhosts": [{"name": "shop"}], "queues": [QUORUM]}


@pytest.fixture
def shop(workspace: Workspace, broker: Broker) -> Workspace:
    workspace.cluster("one", broker, amqp=[broker.amqp_url])
    workspace.define(BASE)
    return workspace


@pytest.fixture
def lock(broker: Broker):
    """Another run's."""
    found = amqp(broker).lock()
    assert found is not None
    yield found
    found.release()


def recreated(**arguments):
    return BASE | {"queues": [QUORUM | {"arguments": arguments, "on_change": "recreate"}]}


def test_an_empty_quorum_queue_is_recreated_by_proof(shop: Workspace, broker: Broker) -> None:
    assert shop.apply().code == 0
    shop.define(recreated(**{"x-max-length": 5}))

    applied = shop.apply()

    assert (applied.code, applied.cluster["verified"]) == (0, True), applied.out
    assert shop.plan().changes == []
    assert "warning" not in applied.err
    with broker.management() as api:
        assert api.get("policies", "shop") == []


def test_what_cannot_be_proven_is_skipped_and_said(shop: Workspace, broker: Broker) -> None:
    """An operator policy would let publishers in."""
    shop.apply()
    policy = {"pattern": ".*", "apply-to": "queues", "definition": {"message-ttl": 100}}
    with broker.management() as api:
        api.put("operator-policies", "shop", "short", body=policy)
    shop.define(recreated(**{"x-max-length": 5}))

    deadline = time.monotonic() + BOUND_S
    held = shop.apply()
    # A queue of this name may have been here before, and statistics outlive it.
    while "tried to get" in held.cluster["changes"][0]["error"] and time.monotonic() < deadline:
        time.sleep(1)
        held = shop.apply()

    (change,) = held.cluster["changes"]
    assert held.code == 3
    assert (change["result"], change["loss"]) == ("skipped", "routing")
    assert "expire after 100 ms" in change["error"]
    assert change["hold"]["override"] == "--allow-loss messages:queue:shop/qu.order.crm"


def test_what_cannot_be_proven_goes_where_its_loss_is_allowed_by_name(
    shop: Workspace, broker: Broker
) -> None:
    """A limit that low keeps it from being proven; the settings do not speak of this queue."""
    name = "qu.low"  # a name of its own: statistics outlive queues
    queue = {**QUORUM, "name": name, "arguments": {"x-max-length": 5}}
    shop.settings["clusters"]["one"]["allow_loss"] = "messages"
    shop.define(BASE | {"queues": [queue]})
    assert shop.apply().code == 0
    shop.define(BASE | {"queues": [{**queue, "arguments": {}, "on_change": "recreate"}]})

    held = shop.apply()
    allowed = shop.apply("--allow-loss", f"messages:queue:shop/{name}")

    (change,) = held.cluster["changes"]
    assert (held.code, change["hold"]["code"]) == (3, "not-proven")
    assert change["hold"]["override"] == f"--allow-loss messages:queue:shop/{name}"
    assert (allowed.code, allowed.cluster["verified"]) == (0, True), allowed.out
    assert shop.plan().changes == []


def test_what_cannot_be_proven_goes_where_git_allows_its_loss(
    shop: Workspace, broker: Broker
) -> None:
    name = "qu.low.removed"
    shop.define(BASE | {"queues": [{**QUORUM, "name": name, "arguments": {"x-max-length": 5}}]})
    shop.commit()
    assert shop.apply().code == 0
    entry = {"address": f"queue:shop/{name}", "when": "empty"}
    gone = {**BASE, "queues": [], "removed": [entry]}
    shop.define(gone)
    shop.commit()

    held = shop.apply("--max-deletes", "9")
    shop.define(gone | {"removed": [entry | {"allow_loss": "messages"}]})
    shop.commit()
    allowed = shop.apply("--max-deletes", "9")

    assert (held.code, held.cluster["changes"][0]["hold"]["code"]) == (3, "not-proven")
    assert (allowed.code, allowed.cluster["verified"]) == (0, True), allowed.out
    with broker.management() as api:
        assert api.get("queues", "shop") == []


def test_without_amqp_a_quorum_queue_is_held(workspace: Workspace, r40: Broker) -> None:
    workspace.cluster("one", r40)
    workspace.define(BASE)
    first = workspace.apply()
    workspace.define(recreated(**{"x-max-length": 5}))

    held = workspace.apply()

    (change,) = held.cluster["changes"]
    assert "no lock keeps other runs off it" in first.err
    assert held.code == 3
    assert change["hold"]["override"] == "--allow-loss messages:queue:shop/qu.order.crm"
    assert "`amqp`" in change["hold"]["reason"]


def test_a_second_run_does_nothing(shop: Workspace, lock: QueueLock) -> None:
    refused = shop.apply("--lock-timeout", "0")

    assert lock.held()
    assert refused.code == 1
    assert "another run holds the lock" in refused.out
    assert {change["result"] for change in refused.cluster["changes"]} == {"skipped"}
    assert shop.plan().changes != []


def test_a_second_run_waits_and_looks_again(
    shop: Workspace, lock: QueueLock, broker: Broker
) -> None:
    """What the first one did in the meantime is not what the second one's plan was made for."""

    def finish() -> None:
        time.sleep(2)
        with broker.management() as api:
            api.put("vhosts", "shop", body={})
        lock.release()

    first = threading.Thread(target=finish)
    first.start()
    stale = shop.apply("--lock-timeout", "20")
    first.join()

    assert stale.code == 5, stale.err
    assert "vhost:shop" in stale.err
    with broker.management() as api:
        assert api.get("queues", "shop") == []


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_queue_that_is_no_lock_and_is_in_its_way_is_named(
    shop: Workspace, broker: Broker, kind: str
) -> None:
    with broker.management() as api:
        api.put(
            "queues",
            "/",
            "rmqsync.lock",
            body={"durable": True, "arguments": {"x-queue-type": kind}},
        )

    refused = shop.apply("--lock-timeout", "30")

    assert refused.code == 1
    assert "waiting for the lock" not in refused.err
    assert refused.cluster["error"] == (
        "cluster 'one': nothing was done: queue 'rmqsync.lock' in vhost '/' is in the way of the "
        "lock: it is not exclusive, so that no run of rmqsync made it; delete it, or set "
        "`lock.vhost` to another vhost"
    )
    with broker.management() as api:
        api.delete("queues", "/", "rmqsync.lock")
    assert shop.apply().code == 0


def two_names(workspace: Workspace, broker: Broker, **second) -> None:
    """One broker as two clusters, each with a vhost of its own."""
    for name, more in (("one", {}), ("two", second)):
        scope = {"vhosts": [name]}
        keys = {"layers": [name], "amqp": [broker.amqp_url], "scope": scope, **more}
        workspace.cluster(name, broker, **keys)
        queue = {"vhost": name, "name": "q"}
        workspace.define({"vhosts": [{"name": name}], "queues": [queue]}, f"{name}/all.yaml")


def test_two_names_of_one_broker_are_applied_one_after_the_other(
    workspace: Workspace, broker: Broker
) -> None:
    two_names(workspace, broker, owner="other")

    began = time.monotonic()
    applied = workspace.apply("--lock-timeout", "30")
    took_s = time.monotonic() - began

    found = {one["name"]: one["verified"] for one in applied.document["clusters"]}
    assert (applied.code, found) == (0, {"one": True, "two": True}), applied.out
    assert took_s < 25
    with broker.management() as api:
        assert sorted(queue["vhost"] for queue in api.get("queues")) == ["one", "two"]


def test_a_second_name_whose_plan_does_not_hold_after_the_first_is_told_of_it(
    workspace: Workspace, r40: Broker
) -> None:
    """They share an owner, and with it the marker."""
    two_names(workspace, r40)

    applied = workspace.apply("--lock-timeout", "30")

    errors = [one["error"] for one in applied.document["clusters"] if one["error"]]
    assert applied.code == 4
    assert len(errors) == 1
    assert "it is the same broker as cluster" in errors[0]
    assert "plan and apply it by itself" in errors[0]
    with r40.management() as api:
        assert len(api.get("queues")) == 1


def test_a_lock_that_is_required_and_cannot_be_had_ends_it(
    workspace: Workspace, r40: Broker
) -> None:
    workspace.define(BASE)
    workspace.cluster("one", r40, lock={"required": True})
    without = workspace.apply()
    workspace.cluster("one", r40, lock={"required": True}, amqp=["amqp://127.0.0.1:1"])
    dead = workspace.apply()
    workspace.cluster("one", r40, amqp=["amqp://127.0.0.1:1"])
    warned = workspace.apply()

    assert (without.code, dead.code) == (1, 1)
    assert "lock.required" in without.out
    assert "lock.required" in dead.out
    assert warned.code == 0
    assert "warning: no lock keeps other runs off cluster 'one'" in warned.err


def test_the_address_may_be_a_secret_that_only_apply_needs(
    workspace: Workspace, r40: Broker
) -> None:
    workspace.cluster("one", r40, amqp=[{"env": "AMQP_URL"}])
    workspace.define(BASE)

    planned = workspace.plan()
    unset = workspace.apply()
    workspace.monkeypatch.setenv("AMQP_URL", r40.amqp_uri())
    applied = workspace.apply()

    assert planned.code == 0
    assert unset.code == 1
    assert "AMQP_URL is not set" in unset.err
    assert applied.code == 0
    assert r40.password not in applied.out + applied.err + unset.err


class Failing:
    """A lock that is lost after so many looks at it."""

    lost = "its connection broke"

    def __init__(self, looks: int) -> None:
        self.looks = looks

    def held(self) -> bool:
        self.looks -= 1
        return self.looks > 0

    def release(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize("looks", [1, 2, 25])
def test_a_lock_that_is_lost_ends_the_run_at_once(
    workspace: Workspace, r40: Broker, looks: int
) -> None:
    workspace.cluster("one", r40)
    queues = [{"vhost": "shop", "name": f"qu.{number}"} for number in range(30)]
    workspace.define(BASE | {"queues": queues})
    workspace.monkeypatch.chdir(workspace.folder)
    opened = Session(None, None, os.environ)
    planned = plan_clusters(opened.targets(RunOptions()))
    options = ApplyOptions(parallelism=1, bulk=False, locks={"one": Failing(looks)})

    (result,) = apply_clusters(planned, options)
    opened.close()

    outcomes = [one.outcome for one in result.results]
    applied = outcomes.count(Outcome.APPLIED)
    assert applied < 30
    assert outcomes[applied:] == [Outcome.SKIPPED] * (31 - applied)
    assert "the lock was lost: its connection broke" in (result.results[-1].error or "")
    assert apply_code([result]) == 4
    with r40.management() as api:
        made = [vhost["name"] for vhost in api.get("vhosts")].count("shop")
        made += len(api.get("queues")) if made else 0
    assert made == applied
