"""A node of a cluster is killed in the midst of a run, and comes back."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Outcome, Workspace
from tests.conftest import FIGURE
from tests.fakes.faults import Channel, Reply, Reset
from tests.sweep.injections import Injection, Reach
from tests.sweep.looks import fill, held, snapshot
from tests.sweep.proxy import Proxy, Watch
from tests.sweep.scenarios import VHOST, binding, exchange, queue

SERVING, LOCKING = 0, 1
"""Nodes: of the management API, and of the lock where they differ."""
KEPT = (VHOST, "qu.kept")
MANY = 12
AWAY = ("is down or inaccessible", "it is not there")
AWAY_S = 4.0
"""How long a node stays away before it is started again."""
ALL = "RMQSYNC_SWEEP_NODES"
"""Environment: `all` has the node die at every request there is, else at the one of `USUAL`."""
USUAL = 28


@dataclass(frozen=True, slots=True)
class NodeDies:
    """A node is killed. The request it was for is lost, or goes on to another node."""

    broker: Broker
    node: int
    is_lost: bool

    def happen(self, channel: Channel, usual: Reply, released: threading.Event) -> None:
        self.broker.kill_node(self.node)
        if self.is_lost:
            Reset().happen(channel, usual, released)
        else:
            time.sleep(1)  # what holds a lock there hears of it within a fraction of that
            channel.reply(usual)


@pytest.fixture
def cluster(c310: Broker) -> Iterator[Broker]:
    """A cluster with all its nodes, before and after; one queue holds messages."""
    _prepare(c310)
    yield c310
    c310.start_missing_nodes()
    _wait_until_whole(c310)


def _prepare(cluster: Broker) -> None:
    with cluster.management() as api:
        api.put("vhosts", VHOST, body={})
        api.put("queues", *KEPT, body={"durable": True, "node": cluster.nodes[SERVING].name})
    fill(cluster, [KEPT], 3)


def _wait_until_whole(cluster: Broker) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with cluster.management() as api:
            if all(node["running"] for node in api.get("nodes")):
                return
        time.sleep(0.2)
    raise AssertionError("not all nodes run")


def define(workspace: Workspace) -> None:
    numbers = range(MANY)
    workspace.define(
        {
            "vhosts": [{"name": VHOST}],
            "exchanges": [exchange("ex.0")],
            "queues": [queue(f"qu.{number}") for number in numbers],
            "bindings": [binding("ex.0", f"qu.{number}") for number in numbers],
        }
    )
    workspace.commit()


def by_result(found: Outcome) -> dict[str, set[str]]:
    """Addresses by what is said of them."""
    told: dict[str, set[str]] = {"applied": set(), "failed": set(), "skipped": set()}
    for change in found.cluster["changes"]:
        told[change["result"]].add(change["address"])
    return told


def back_and_converged(workspace: Workspace, cluster: Broker) -> None:
    """The node comes back, and the next run brings all in line."""
    cluster.start_missing_nodes()
    _wait_until_whole(cluster)
    workspace.cluster("one", cluster)

    done = workspace.apply()

    assert done.code == 0, done.out + done.err
    assert workspace.run("plan", "--detailed-exitcode").code == 0
    assert {f"queue:{VHOST}/qu.{number}" for number in range(MANY)} <= snapshot(cluster).keys()
    assert held(cluster, [KEPT]) == {KEPT: 3}


def test_when_a_node_dies_before_the_plan_is_made_the_run_waits_for_it(
    workspace: Workspace, cluster: Broker
) -> None:
    others = [node.management_url for node in cluster.nodes if node is not cluster.nodes[SERVING]]
    dies = NodeDies(cluster, SERVING, is_lost=True)
    injection = Injection("node dies", dies, forwards=False, reach=Reach.ONWARDS)
    define(workspace)
    starts = threading.Timer(5, cluster.start_node, args=(SERVING,))
    with Proxy(cluster, SERVING) as proxy, proxy.watching(injection, 1) as watch:
        workspace.cluster("one", cluster, endpoints=[proxy.url, *others])
        starts.start()
        found = workspace.apply()
        starts.join()

    assert watch.harmed
    assert (found.code, found.cluster["verified"]) == (0, True), found.out + found.err
    assert "not healthy" in found.err
    back_and_converged(workspace, cluster)


@pytest.mark.parametrize("request_number", [12, 20, 28])
def test_when_the_node_that_serves_dies_the_run_goes_on_with_another(
    workspace: Workspace, cluster: Broker, request_number: int
) -> None:
    others = [node.management_url for node in cluster.nodes if node is not cluster.nodes[SERVING]]
    dies = NodeDies(cluster, SERVING, is_lost=True)
    injection = Injection("node dies", dies, forwards=False, reach=Reach.ONWARDS)
    define(workspace)
    with Proxy(cluster, SERVING) as proxy, proxy.watching(injection, request_number) as watch:
        workspace.cluster("one", cluster, endpoints=[proxy.url, *others])
        found = workspace.apply("--bulk", "never", "--parallelism", "1")

    assert watch.harmed
    told = by_result(found)
    reasons = [one["error"] for one in found.cluster["changes"] if one["result"] == "failed"]
    assert found.code == (4 if reasons else 0), found.out + found.err
    # A classic queue on a node that is down cannot be bound, and 3.10 does not list it.
    assert all(any(words in reason for words in AWAY) for reason in reasons), reasons
    assert told["applied"]
    assert told["skipped"] == set()
    assert found.cluster["verified"] or reasons
    back_and_converged(workspace, cluster)
    assert told["applied"] <= snapshot(cluster).keys()


def test_when_the_node_that_holds_the_lock_dies_the_run_stops_and_says_so(
    workspace: Workspace, cluster: Broker
) -> None:
    dies = NodeDies(cluster, LOCKING, is_lost=False)
    injection = Injection("node dies", dies, forwards=True)
    define(workspace)
    with Proxy(cluster, SERVING) as proxy, proxy.watching(injection, 24) as watch:
        url = f"amqp://127.0.0.1:{cluster.nodes[LOCKING].amqp_port}"
        workspace.cluster("one", cluster, endpoints=[proxy.url], amqp=[url])
        found = workspace.apply("--bulk", "never", "--parallelism", "1")

    (harmed,) = watch.harmed
    after = watch.requests[watch.requests.index(harmed) + 1 :]
    told = by_result(found)
    there = snapshot(cluster).keys()
    assert found.code == 4, found.out + found.err
    assert "the lock was lost" in found.cluster["error"]
    assert {request.partition(" ")[0] for request in after} <= {"GET"}
    assert told["applied"] <= there
    assert told["skipped"].isdisjoint(there)
    assert told["applied"]
    assert told["skipped"]
    back_and_converged(workspace, cluster)


def _numbers() -> Iterable[int]:
    return itertools.count(1) if os.environ.get(ALL) == "all" else [USUAL]


def _dies_at(number: int, workspace: Workspace, cluster: Broker) -> bool:
    """The serving node dies at a request of a run and comes back; whether there was a request."""
    dies = NodeDies(cluster, SERVING, is_lost=True)
    injection = Injection("node dies", dies, forwards=False)
    others = [node.management_url for node in cluster.nodes if node is not cluster.nodes[SERVING]]
    with Proxy(cluster, SERVING) as proxy, proxy.watching(injection, number) as watch:
        workspace.cluster("one", cluster, endpoints=[proxy.url, *others])
        back = threading.Thread(target=_start_once_dead, args=(cluster, watch))
        back.start()
        found = workspace.apply("--bulk", "never", "--parallelism", "1")
        watch.released.set()
        back.join()
    if not watch.harmed:
        return False
    told = by_result(found)
    _wait_until_whole(cluster)
    reasons = [one["error"] for one in found.cluster["changes"] if one["result"] == "failed"]
    assert found.code in ({1, 4} if told["failed"] | told["skipped"] else {0}), found.out
    assert told["applied"] <= snapshot(cluster).keys(), found.out
    # What is on a node that is away is not listed: it may be there once that is back.
    assert all(any(words in reason for words in AWAY) for reason in reasons), reasons
    assert found.cluster["verified"] or reasons, found.out + found.err
    back_and_converged(workspace, cluster)
    return True


def _start_once_dead(cluster: Broker, watch: Watch) -> None:
    while not watch.harmed:
        if watch.released.wait(0.05):
            return
    time.sleep(AWAY_S)
    cluster.start_missing_nodes()


def test_at_whatever_request_a_node_dies_and_comes_back_the_next_run_converges(
    workspace: Workspace,
    cluster: Broker,
    record_property: Callable[[str, object], None],
) -> None:
    define(workspace)
    broken, tried = [], 0
    for number in _numbers():
        try:
            if not _dies_at(number, workspace, cluster):
                break
        except AssertionError as error:
            broken.append(f"request {number}: {error}")
            cluster.start_missing_nodes()
        tried += 1
        cluster.reset()
        _prepare(cluster)

    record_property(FIGURE, f"{cluster.version} node killed at {tried} requests")
    assert tried
    assert not broken, "\n\n".join(broken)
