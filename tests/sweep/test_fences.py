"""What a killed run left goes at the start of the next one, whatever that is for."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from rmqsync.app.prove_policy import fence_policy
from rmqsync.kinds.policy import FENCE
from tests.broker.test_amqp import amqp
from tests.brokers import Broker
from tests.cli.workspace import Workspace
from tests.sweep.injections import INJECTIONS
from tests.sweep.proxy import Proxy
from tests.sweep.trial import KILLED

SENTINEL_IDS = ("1", "2", "3")
WITHOUT = {"vhosts": [{"name": "shop"}]}
OTHERS = f"{FENCE}other.dead"
(KILLED_AFTER,) = (one for one in INJECTIONS if one.name == "killed after")


def having(queue: str = "qu.order", sort: str = "quorum") -> dict[str, Any]:
    return {**WITHOUT, "queues": [{"vhost": "shop", "name": queue, "type": sort}]}


def fences(broker: Broker) -> list[str]:
    with broker.management() as api:
        return sorted(one["name"] for one in api.get("policies", "shop"))


def fence(broker: Broker, name: str, queue: str = "qu.order") -> None:
    with broker.management() as api:
        api.put("policies", "shop", name, body=fence_policy(queue, {}, []))


def killed_behind_its_fence(workspace: Workspace, proxy: Proxy) -> None:
    """Kill an apply as soon as the broker has its fence."""
    killed(workspace, proxy, f"PUT /api/policies/shop/{FENCE}")


def killed(workspace: Workspace, proxy: Proxy, title: str) -> None:
    """Kill an apply as soon as the broker has done what the request that begins so asks."""
    with proxy.watching(KILLED_AFTER, 1, title) as watch:
        process = subprocess.Popen(
            [sys.executable, "-m", "rmqsync", "apply", "--auto-approve", "-q"],
            cwd=workspace.folder,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        watch.group = process.pid
        said, _ = process.communicate(timeout=120)
    assert process.returncode == KILLED, said


def sentinels(broker: Broker, queue: str) -> int:
    """Put what a run that is killed a little later has put in; return how many there are."""
    left = amqp(broker).queue("shop", queue)
    all_in = left.put(SENTINEL_IDS)
    left.close()
    assert all_in
    return len(SENTINEL_IDS)


def ready(broker: Broker, queue: str) -> int:
    probe = amqp(broker).queue("shop", queue)
    found = probe.count()
    probe.close()
    assert found is not None
    return found.ready


@pytest.mark.parametrize(
    ("queue", "has_sentinels"), [("qu.order", True), ("qu.more", False)], ids=["sentinels", "fence"]
)
def test_a_queue_that_is_wanted_again_takes_messages_again(
    workspace: Workspace, broker: Broker, queue: str, has_sentinels: bool
) -> None:
    with Proxy(broker) as proxy:
        workspace.cluster("one", broker, endpoints=[proxy.url], amqp=[broker.amqp_url])
        workspace.define(having(queue))
        workspace.commit()
        assert workspace.apply().code == 0
        workspace.define(WITHOUT)
        workspace.commit()
        killed_behind_its_fence(workspace, proxy)
        assert len(fences(broker)) == 1
        if has_sentinels:
            assert sentinels(broker, queue) == ready(broker, queue) == 3
        fence(broker, OTHERS, queue)
        workspace.define(having(queue))
        workspace.commit()

        applied = workspace.apply()

    assert (applied.code, applied.changes) == (0, []), applied.err
    assert fences(broker) == [OTHERS]
    assert ready(broker, queue) == 0


def test_a_fence_alone_is_reason_enough_for_a_run(
    workspace: Workspace, r43: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    """The marker may be as it should be: it was removed meanwhile, or restored."""
    workspace.cluster("one", r43, amqp=[r43.amqp_url])
    workspace.define(having())
    workspace.commit()
    assert workspace.apply().code == 0
    fence(r43, f"{FENCE}main.dead")

    planned = workspace.plan()
    still = fences(r43)
    applied = workspace.run("apply")

    (finding,) = planned.cluster["findings"]
    assert finding["code"] == "RMQ105"
    assert finding["message"].endswith("; the next apply takes it away")
    assert (planned.changes, still) == ([], [f"{FENCE}main.dead"])
    assert (applied.code, fences(r43)) == (0, [])
    assert f"{FENCE}main.dead" in caplog.text


def test_who_has_to_take_a_fence_away_is_told(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43)
    workspace.define(having())
    workspace.commit()
    assert workspace.apply().code == 0
    fence(r43, f"{FENCE}main.dead")
    fence(r43, OTHERS)

    applied = workspace.apply()

    ours, theirs = applied.cluster["findings"]
    assert f"rabbitmqctl clear_policy -p shop {FENCE}main.dead" in ours["message"]
    assert "another owner" in theirs["message"]
    assert (applied.code, applied.changes) == (0, [])
    assert fences(r43) == [f"{FENCE}main.dead", OTHERS]


def test_a_fence_stays_while_the_cluster_is_paused(workspace: Workspace, r43: Broker) -> None:
    workspace.cluster("one", r43, amqp=[r43.amqp_url])
    workspace.define(having())
    workspace.commit()
    assert workspace.apply().code == 0
    assert workspace.run("pause", "one", "--reason", "a look", "--for", "1h").code == 0
    fence(r43, f"{FENCE}main.dead")

    workspace.apply()
    paused = fences(r43)
    workspace.run("resume", "one")
    workspace.apply()

    assert (paused, fences(r43)) == ([f"{FENCE}main.dead"], [])


def test_a_fence_of_a_queue_that_was_made_anew_goes_as_well(
    workspace: Workspace, r43: Broker
) -> None:
    """A stream lets nobody get from it, and has no sentinels."""
    workspace.cluster("one", r43, amqp=[r43.amqp_url])
    workspace.define(having(sort="stream"))
    workspace.commit()
    assert workspace.apply().code == 0
    fence(r43, f"{FENCE}main.dead")

    applied = workspace.apply()

    assert (applied.code, fences(r43)) == (0, []), applied.out
