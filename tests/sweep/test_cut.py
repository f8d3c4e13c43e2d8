"""
Whenever the client of a creation goes away, what the broker made of it is whole, or not there.

The broker loses its client some milliseconds after it got the request, and after each repetition.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from rmqsync.app.create import create
from rmqsync.broker.cluster import ManagementApi
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.model.values import Row
from tests.broker.connect import to_broker
from tests.brokers import Broker
from tests.brokers.management import Management, Refused
from tests.cli.workspace import Workspace
from tests.conftest import FIGURE
from tests.kinds.cluster import row_of
from tests.sweep.proxy import cut_off

CUTS_S = (*(number * 0.0025 for number in range(16)), 0.5)
"""After so long the broker loses its client; the last is long enough for all that it does."""
_MADE_WITHIN_S = 15
"""The workers of the broker go on after their client went."""
_HASH = "x-consistent-hash"


@dataclass(frozen=True, slots=True)
class Sort:
    """What is created, by its number, and how to find out whether it is there and is whole."""

    kind: str
    entry: Callable[[str], Row]
    is_there: Callable[[Management, str], bool]
    works: Callable[[Management, str], bool]
    needs: tuple[tuple[str, Callable[[str], Row]], ...] = ()
    """Made before it, undisturbed."""


def _queue(sort: str) -> Callable[[str], Row]:
    return lambda name: {"vhost": "/", "name": name, "type": sort}


def _exchange(name: str) -> Row:
    return {"vhost": "/", "name": name, "type": _HASH}


def _binding(name: str) -> Row:
    ends = {"source": name, "destination": "qu.sink", "destination_type": "queue"}
    return {"vhost": "/", **ends, "routing_key": "1"}


def _has(*path: str) -> Callable[[Management, str], bool]:
    def is_there(api: Management, name: str) -> bool:
        try:
            return bool(api.get(*path, name))
        except Refused as error:
            return error.status != 404  # what is half made fails the broker

    return is_there


def _is_bound(api: Management, name: str) -> bool:
    return bool(api.get("bindings", "/", "e", name, "q", "qu.sink"))


def _routes(api: Management, exchange: str, key: str) -> bool:
    message = {"properties": {"delivery_mode": 2}, "payload": "x", "payload_encoding": "string"}
    body = {**message, "routing_key": key}
    try:
        return bool(api.post("exchanges", "/", exchange, "publish", body=body)["routed"])
    except (Refused, OSError):
        return False


def _takes_messages(api: Management, queue: str) -> bool:
    return _routes(api, "amq.default", queue)


def _routes_once_bound(api: Management, exchange: str) -> bool:
    try:
        path = ("bindings", "/", "e", exchange, "q", "qu.sink")
        api.post(*path, body={"routing_key": "1", "arguments": {}})
    except Refused:
        return False
    return _routes_now(api, exchange)


def _routes_now(api: Management, exchange: str) -> bool:
    return _routes(api, exchange, "any")


def _runs(api: Management, vhost: str) -> bool:
    states = api.get("vhosts", vhost)["cluster_state"].values()
    names = {one["name"] for one in api.get("exchanges", vhost)}
    usual = {one["name"] for one in api.get("exchanges", "/")}
    return set(states) == {"running"} and names >= {
        one for one in usual if one.startswith("amq.") and one != "amq.rabbitmq.log"
    }


SORTS = {
    "vhost": Sort("vhost", lambda name: {"name": name}, _has("vhosts"), _runs),
    "classic queue": Sort("queue", _queue("classic"), _has("queues", "/"), _takes_messages),
    "quorum queue": Sort("queue", _queue("quorum"), _has("queues", "/"), _takes_messages),
    "stream": Sort("queue", _queue("stream"), _has("queues", "/"), _takes_messages),
    "exchange": Sort("exchange", _exchange, _has("exchanges", "/"), _routes_once_bound),
    "binding": Sort("binding", _binding, _is_bound, _routes_now, (("exchange", _exchange),)),
}


@pytest.fixture
def management(broker: Broker) -> Iterator[Management]:
    with broker.management() as api:
        for sort in ("classic", "stream"):  # what coordinates streams starts with the first one
            arguments = {"x-queue-type": sort}
            name = "qu.sink" if sort == "classic" else "st.first"
            api.put("queues", "/", name, body={"durable": True, "arguments": arguments})
        yield api


@pytest.mark.parametrize("name", SORTS)
def test_it_is_whole_or_not_there(
    broker: Broker,
    management: Management,
    name: str,
    record_property: Callable[[str, object], None],
) -> None:
    sort = SORTS[name]
    kind, context = KINDS[sort.kind], Context()
    cuts_s = {f"x{number}": cut_s for number, cut_s in enumerate(CUTS_S)}
    rows = {one: row_of(kind, sort.entry(one)) for one in cuts_s}
    direct = ManagementApi(to_broker(broker))
    with cut_off(broker) as do:
        for one, cut_s in cuts_s.items():
            for needed, entry in sort.needs:
                create(direct, KINDS[needed], row_of(KINDS[needed], entry(one)), context)
            do(cut_s, partial(create, kind=kind, row=rows[one], context=context))

    made = [one for one in cuts_s if sort.is_there(management, one)]
    halves = [one for one in made if not _in_time(sort, management, one)]
    for one in cuts_s:
        create(direct, kind, rows[one], context)
    direct.close()

    told = f"{broker.version} {name}: the client went {len(CUTS_S)} times, {len(made)} were made"
    record_property(FIGURE, told)
    assert [*cuts_s][-1] in made
    assert not halves
    assert [one for one in cuts_s if not _in_time(sort, management, one)] == []


def begin_deletion(broker: Broker, queue: str, cut_s: float) -> None:
    """Ask for a deletion, and be gone so much later, as a client that is killed."""
    user = base64.b64encode(f"{broker.username}:{broker.password}".encode()).decode()
    client = http.client.HTTPConnection("127.0.0.1", broker.nodes[0].management_port)
    path = f"/api/queues/shop/{queue}"
    client.request("DELETE", path, headers={"Authorization": f"Basic {user}"})
    time.sleep(cut_s)
    client.close()


def _in_time(sort: Sort, management: Management, name: str) -> bool:
    deadline = time.monotonic() + _MADE_WITHIN_S
    while not sort.works(management, name):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_quorum_queue_whose_deletion_was_cut_off_is_told_and_deleted_where_allowed(
    workspace: Workspace, broker: Broker
) -> None:
    vhost = {"vhosts": [{"name": "shop"}]}
    numbers = itertools.count()  # no name comes twice: what a proof gets is counted for a while
    workspace.cluster("one", broker, amqp=[broker.amqp_url])
    reasons: list[str] = []
    while not reasons:  # a part of those that are cut off is left half deleted, and others are not
        names = [f"qu.{next(numbers)}" for _ in range(16)]
        queues = [{"vhost": "shop", "name": name, "type": "quorum"} for name in names]
        workspace.define({**vhost, "queues": queues})
        workspace.commit()
        assert workspace.apply("--adopt").code == 0
        for number, name in enumerate(names):
            begin_deletion(broker, name, 0.0005 + number * 0.0005)
        workspace.define(vhost)
        workspace.commit()
        held = workspace.apply("--max-deletes", "100")
        stay = [one for one in held.cluster["changes"] if one["result"] == "skipped"]
        reasons = [one["error"] for one in stay]
    allowed = [word for one in stay for word in one["hold"]["override"].split()]

    done = workspace.apply("--max-deletes", "100", *allowed)

    assert all("it does not work" in one for one in reasons), reasons
    assert (done.code, len(done.changes)) == (0, len(stay)), done.out + done.err
    assert workspace.plan().changes == []
