"""Queues that are in no rows: when they are asked for, and what a plan makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from rmqsync.app.unlisted import unlisted
from rmqsync.kinds.base import Request
from rmqsync.kinds.context import Context
from rmqsync.model.changes import Action, Change, ClusterPlan, Ref
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.values import JsonValue
from rmqsync.planning.draft import draft, with_unlisted
from rmqsync.planning.plan import finish, touched
from tests.analysis.test_held import ALL
from tests.analysis.test_policies import policy
from tests.fakes.cluster import MemoryCluster
from tests.planning.builders import BUSY, IDLE, binding, desired_of, exchange, queue, rows, vhost

LIVE = rows(vhost(), vhost("w"), queue("q"), exchange("dlx"))
DLX = {"x-dead-letter-exchange": "dlx"}
LISTED = [
    {"name": "q", "arguments": {}, "type": "classic"},
    {"name": "sharding: x - a - 0", "arguments": {}, "type": "classic"},
    {"name": "federation: x -> y", "arguments": {"x-internal-purpose": "f"}, "type": "quorum"},
    {"name": "mine", "arguments": DLX, "type": "classic"},
    {"name": "mqtt", "arguments": {}, "type": "MQTT QoS 0"},
]


@dataclass
class Listing(MemoryCluster):
    asked: list[str] = field(default_factory=list)

    def get(self, request: Request) -> JsonValue:
        section, where = request.path
        assert section == "queues"
        self.asked.append(where)
        return LISTED if where == "v" else None  # type: ignore[return-value]


def policies(action: Action, where: str, target: str) -> list[Change]:
    row = rows(policy("p", {}, vhost=where, **{"apply-to": target}))["policy"][where, "p"]
    after = None if action is Action.DELETE else row
    before = None if action is Action.CREATE else row
    return [Change(action, Ref("policy", (where, "p")), before, after)]


def exchanges(action: Action) -> list[Change]:
    row = LIVE["exchange"]["v", "dlx"]
    after = None if action is Action.DELETE else row
    return [Change(action, Ref("exchange", ("v", "dlx")), row, after)]


@pytest.mark.parametrize(
    ("changes", "vhosts"),
    [
        pytest.param(policies(Action.CREATE, "v", "all"), ["v"], id="a new policy"),
        pytest.param(policies(Action.DELETE, "w", "queues"), ["w"], id="a policy that goes"),
        pytest.param(policies(Action.UPDATE, "v", "exchanges"), [], id="not for queues"),
        pytest.param(policies(Action.CREATE, "new", "all"), [], id="in a new vhost"),
        pytest.param(exchanges(Action.DELETE), ["v"], id="an exchange that goes"),
        pytest.param(exchanges(Action.UPDATE), [], id="an exchange that stays"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_they_are_asked_for_where_they_may_matter(changes: list[Change], vhosts: list[str]) -> None:
    cluster = Listing({})

    unlisted(cluster, changes, LIVE)

    assert cluster.asked == vhosts


def test_they_are_those_in_no_rows_that_hold_messages() -> None:
    found = unlisted(Listing({}), policies(Action.CREATE, "v", "all"), LIVE)

    assert {key[1]: row["arguments"] for key, row in found.items()} == {
        "sharding: x - a - 0": {},
        "federation: x -> y": {"x-internal-purpose": "f", "x-queue-type": "quorum"},
        "mine": DLX,
    }


def planned(before: list[Any], after: list[Any], facts: QueueFacts) -> ClusterPlan:
    desired = desired_of(rows(vhost(), queue("q"), *after))
    live = Live(rows(vhost(), queue("q"), *before), version=None)
    context = Context()
    found = draft(desired, live, context, ALL)
    queues = unlisted(Listing({}), found.changes, live.rows)
    found = with_unlisted(found, live.rows, queues, context)
    known = dict.fromkeys(touched(found), facts) | {Ref("queue", ("v", "q")): IDLE}
    return finish("one", found, desired, live, known, ALL, unlisted=queues)


SHARD = "queue 'sharding: x - a - 0' in vhost 'v'"
MINE = "queue 'mine' in vhost 'v'"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        pytest.param(
            [policy("p", {"max-length": 9}, pattern="^shard")],
            [policy("p", {"max-length": 5}, pattern="^shard")],
            f"max-length 5 would drop 2 messages of {SHARD}",
            id="a limit",
        ),
        pytest.param(
            [policy("p", {"ha-mode": "all"}, pattern="^shard")],
            [policy("p", {"ha-mode": "exactly", "ha-params": 2}, pattern="^shard")],
            f"the mirrors of {SHARD} would change, perhaps while some are unsynchronised",
            id="mirrors",
        ),
        pytest.param(
            [policy("p", {"dead-letter-exchange": "e"}, pattern="^shard")],
            [],
            f"{SHARD} is in use and would lose its dead-letter exchange",
            id="dead letters by a policy",
        ),
        pytest.param(
            [exchange("dlx"), binding("dlx", "q")],
            [],
            f"{MINE} is in use and would lose its dead-letter exchange",
            id="an exchange",
        ),
    ],
)
def test_what_would_cost_them_messages_is_held(
    before: list[Any], after: list[Any], reason: str
) -> None:
    full, idle = planned(before, after, BUSY), planned(before, after, IDLE)

    assert [one.hold.reason for one in full.changes if one.hold is not None] == [
        f"{reason}; allowed loss is access"
    ]
    assert [one.hold for one in idle.changes] == [None] * len(idle.changes)


def test_they_are_in_no_list() -> None:
    found = planned([], [policy("p", {"max-length": 5}, pattern="")], BUSY)

    assert [change.ref.kind for change in found.changes] == ["policy"]
    assert found.unmanaged == ()
