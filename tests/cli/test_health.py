"""The health gate through the command line: alarms, stopped and missing nodes of real brokers."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from rmqsync.analysis.health import health_problems
from rmqsync.broker.cluster import ManagementApi
from rmqsync.kinds.base import Request
from tests.brokers import Broker
from tests.cli.workspace import Outcome, Workspace
from tests.sweep.proxy import cut_off

BASE = {"vhosts": [{"name": "shop"}], "queues": [{"vhost": "shop", "name": "qu.order"}]}


def holds(found: Outcome) -> set[str | None]:
    return {one["hold"] and one["hold"]["code"] for one in found.cluster["changes"]}


def reason(found: Outcome) -> str:
    text: str = found.cluster["changes"][0]["hold"]["reason"]
    return text


@contextmanager
def alarm(broker: Broker, sort: str) -> Iterator[None]:
    """Raise a memory or a disk alarm, as a full machine would."""
    if sort == "memory":
        broker.rabbitmqctl("set_vm_memory_high_watermark", "0.00001")
        calm = ("set_vm_memory_high_watermark", "0.4")
    else:
        broker.rabbitmqctl("set_disk_free_limit", "900000GB")
        calm = ("set_disk_free_limit", "1MB")
    try:
        _wait_for(broker, f"{sort.replace('memory', 'mem').replace('disk', 'disk_free')}_alarm")
        yield
    finally:
        broker.rabbitmqctl(*calm)


def _wait_for(broker: Broker, name: str) -> None:
    """Wait until the API shows an alarm: statistics of nodes are some seconds old."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with broker.management() as api:
            if any(node.get(name) for node in api.get("nodes")):
                return
        time.sleep(0.2)
    raise AssertionError(f"there is no {name}")


@pytest.mark.parametrize("sort", ["memory", "disk"])
def test_an_alarm_holds_everything_until_it_is_over(
    workspace: Workspace, broker: Broker, sort: str
) -> None:
    workspace.cluster("one", broker)
    workspace.define(BASE)

    with alarm(broker, sort):
        planned = workspace.plan()
        held = workspace.apply("--health-timeout", "0")
    done = workspace.apply()

    assert holds(planned) == {"unhealthy"}
    assert f"has a {sort} alarm" in reason(planned)
    assert planned.cluster["changes"][0]["hold"]["override"] == "--ignore-health"
    assert held.code == 3
    assert done.code == 0, done.err


def test_apply_waits_until_the_cluster_is_healthy(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    with alarm(r43, "memory"):
        calm = threading.Timer(3, r43.rabbitmqctl, args=("set_vm_memory_high_watermark", "0.4"))
        calm.start()
        done = workspace.apply("--health-timeout", "60")
        calm.join()

    assert done.code == 0, done.err
    assert "one: waiting, the cluster is not healthy" in done.err


def test_health_is_not_asked_for_where_nothing_changes(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)
    assert workspace.apply().code == 0

    with alarm(r43, "memory"):
        planned = workspace.plan()
        again = workspace.apply()

    assert (planned.code, planned.changes) == (0, [])
    assert again.code == 0


def test_an_unhealthy_cluster_is_changed_where_somebody_says_so(
    workspace: Workspace, r40: Broker
) -> None:
    workspace.cluster("one", r40)
    workspace.define(BASE)

    with alarm(r40, "memory"):
        done = workspace.apply("--ignore-health")

    assert done.code == 0, done.err


def test_a_member_that_the_settings_name_must_be_there(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43, nodes=["rabbit@nowhere"])
    workspace.define(BASE)

    planned = workspace.plan()

    assert "node rabbit@nowhere is no member" in reason(planned)


def test_a_stopped_node_of_a_cluster_holds_everything(workspace: Workspace, c310: Broker) -> None:
    workspace.cluster("one", c310)
    workspace.define(BASE)

    c310.stop_node(1)
    try:
        planned = workspace.plan()
    finally:
        c310.start_missing_nodes()
    done = workspace.apply()

    assert holds(planned) == {"unhealthy"}
    assert "is not running" in reason(planned)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("nodes", "words"),
    [
        ([{"name": "a", "running": True, "partitions": ["b"]}], "partitioned from b"),
        ([{"name": "a", "running": True, "being_drained": True}], "maintenance mode"),
        ({"error": "x"}, "could not be read"),
        (None, "could not be read"),
    ],
)
def test_what_real_brokers_are_hard_to_bring_to(nodes: Any, words: str) -> None:
    (found,) = health_problems(nodes)

    assert words in found


def test_a_node_of_which_little_is_said_is_healthy() -> None:
    assert health_problems([{"name": "a", "running": True}], ("a",)) == []


def test_a_stopped_vhost_is_named_with_the_command_that_starts_it(
    workspace: Workspace, r310: Broker
) -> None:
    """3.10 leaves one stopped for good whose creation was cut off."""
    workspace.cluster("one", r310)
    workspace.define({"vhosts": [{"name": name} for name in half_made(r310)], **BASE})

    planned = workspace.plan()
    (vhost,) = re.findall(r"vhost '(x\d+)' is stopped on node", reason(planned))[:1]
    command = f"rabbitmqctl restart_vhost --vhost {vhost}"
    assert command in reason(planned)
    r310.rabbitmqctl(*command.split()[1:])

    with r310.management() as api:
        assert set(api.get("vhosts", vhost)["cluster_state"].values()) == {"running"}


def half_made(broker: Broker) -> list[str]:
    """Create vhosts by calls whose client goes away; return all of them."""
    cuts_s = {f"x{number}": 0.001 + number / 1000 for number in range(24)}
    with cut_off(broker) as do:
        for name, cut_s in cuts_s.items():
            put = Request("PUT", ("vhosts", name), {})
            do(cut_s, partial(ManagementApi.send, request=put))
    with broker.management() as api:
        return [one["name"] for one in api.get("vhosts") if one["name"] in cuts_s]
