"""What is said of links that stop is what becomes of their buffers in real brokers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rmqsync.analysis.dangers import Danger
from rmqsync.analysis.federation import UPSTREAM, UPSTREAM_SET, Buffer, buffers, stopped
from rmqsync.analysis.policy_losses import threats
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Action, Change, Ref
from rmqsync.model.definitions import Rows
from tests.analysis.test_federation import NEVER, group, upstream
from tests.analysis.test_policies import policy
from tests.brokers import Broker
from tests.kinds.cluster import Cluster
from tests.planning.builders import exchange, rows, vhost

_PATIENCE_S = 30.0
_SETTLED_S = 2.0
E = Ref("exchange", ("v", "e"))
Entry = tuple[str, dict[str, Any]]


def _until(check: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not check() and time.monotonic() < end:
        time.sleep(0.2)


class Federation:
    """An exchange federated from vhosts of the same broker, each upstream named as its vhost."""

    def __init__(self, broker: Broker, cluster: Cluster) -> None:
        self.broker, self.cluster = broker, cluster
        self.probed: set[str] = set()
        for name in "vabc":
            self.make(vhost(name))
            self.make(exchange("e", name))
            self.make(exchange("probe", name))
        self.make(self.upstream("a"))
        self.make(self.upstream("b"))
        self.make(self.upstream("c", **NEVER))
        self.make(group("s", "a", "b", "c"))
        self.make(self.policy())

    def upstream(self, name: str, where: str = "v", **fields: Any) -> Entry:
        return upstream(name, where, **{"uri": self.broker.amqp_uri(name), **fields})

    def policy(self, **more: Any) -> Entry:
        return policy("p", {"federation-upstream-set": "s", **more}, pattern="^e$")

    def make(self, one: Entry) -> None:
        self.change(one, Action.CREATE)

    def change(self, one: Entry, action: Action) -> Change:
        """Do to an object what is said; return what a plan would have of that."""
        kind = KINDS[one[0]]
        ((key, row),) = rows(one)[kind.name].items()
        before = self.cluster.rows().get(kind.name, {}).get(key)
        if action is Action.DELETE:
            assert before is not None
            self.cluster.remove(kind, before)
            return Change(action, Ref(kind.name, key), before, None)
        self.cluster.declare(kind, before, row)
        return Change(action, Ref(kind.name, key), before, row)

    @property
    def upstreams(self) -> set[str]:
        """Return those that there are links to, or should be."""
        live = self.cluster.rows()
        (members,) = (row["upstreams"] for key, row in live[UPSTREAM_SET].items() if key[1] == "s")
        return {one["upstream"] for one in members if ("v", one["upstream"]) in live[UPSTREAM]}

    def probe(self) -> None:
        """Bind each buffer to something else: it has that as long as it is the same queue."""
        wanted = self.upstreams
        _until(lambda: self._running() == wanted)
        assert self._running() == wanted
        self.probed = wanted
        for name in wanted:
            (buffer,) = self.cluster.get("queues", name)
            path = ("bindings", name, "e", "probe", "q", buffer["name"])
            assert self.cluster.send(Request("POST", path, {"routing_key": "probe"})).is_fine

    def _running(self) -> set[str]:
        links = self.cluster.get("federation-links", "v")
        return {one["upstream"] for one in links if one["status"] == "running"}

    def lost(self, expected: set[str]) -> set[str]:
        """Return which buffers are not there any more in the end, or others by the same name."""
        _until(lambda: self._lost() >= expected)
        time.sleep(_SETTLED_S)
        return self._lost()

    def _lost(self) -> set[str]:
        path = ("probe", "bindings", "source")
        return {name for name in self.probed if not self.cluster.get("exchanges", name, *path)}


def _said(change: Change, live: Rows, cluster: Cluster) -> set[str]:
    """Return the upstreams whose buffers are said to be lost, those that are not kept."""
    found = {one for one in buffers(live, cluster.context) if not one.is_kept}
    if change.ref.kind == "policy":
        dangers = {one.danger for one in threats([change], live, cluster.context)}
        return {one.upstream for one in found} if Danger.FEDERATION in dangers else set()
    assert {one.exchange for one in found} <= {E}
    return {one.upstream for one in found if _is_stopped(change, one, live, cluster)}


def _is_stopped(change: Change, buffer: Buffer, live: Rows, cluster: Cluster) -> bool:
    """Tell of one buffer, with all other upstreams taken away."""
    alone = {key: row for key, row in live[UPSTREAM].items() if key == ("v", buffer.upstream)}
    return bool(stopped([change], {**live, UPSTREAM: alone}, cluster.context))


def test_a_buffer_goes_with_its_link(broker: Broker) -> None:
    with Cluster(broker) as cluster:
        there = Federation(broker, cluster)
        low = policy("low", {"alternate-exchange": "x"}, pattern="^e$", priority=-9)
        acts: list[tuple[Entry, Action, str]] = [
            (there.upstream("a", "c"), Action.CREATE, "a"),
            (there.upstream("a", "c"), Action.DELETE, ""),
            (there.upstream("d", uri=broker.amqp_uri("a")), Action.CREATE, ""),
            (there.upstream("b", **{"max-hops": 2}), Action.UPDATE, "b"),
            (there.upstream("c", **NEVER, **{"max-hops": 2}), Action.UPDATE, ""),
            (low, Action.CREATE, ""),
            (there.policy(**{"alternate-exchange": "x"}), Action.UPDATE, "ab"),
            (group("t", "a"), Action.CREATE, "ab"),
            (group("t", "a", vhost="c"), Action.CREATE, "ab"),
            (group("s", "b", "a", "c"), Action.UPDATE, "ab"),
            (there.upstream("a"), Action.DELETE, "a"),
            (group("s", "b", "c"), Action.UPDATE, "b"),
            (group("s", "b"), Action.DELETE, "b"),
        ]
        for one, action, expected in acts:
            there.probe()
            live = cluster.rows()

            change = there.change(one, action)

            assert there.lost(set(expected)) == set(expected), change
            assert _said(change, live, cluster) == set(expected), change


def test_a_kept_buffer_is_read_by_nobody_once_its_arguments_are_others(broker: Broker) -> None:
    with Cluster(broker) as cluster:
        there = Federation(broker, cluster)
        there.probe()
        live = cluster.rows()

        change = there.change(there.upstream("c", **NEVER, expires=600_000), Action.UPDATE)

        _until(lambda: "c" not in there._running())
        time.sleep(_SETTLED_S)
        assert there._running() == {"a", "b"}
        assert there.lost(set()) == set()
        assert stopped([change], live, cluster.context) == {change.ref: (E,)}
