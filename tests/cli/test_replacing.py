"""A replaced exchange keeps all that hung on it, whoever made it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pika
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.brokers import Broker
from tests.cli.workspace import Workspace

QUEUES = ("qu.a", "qu.b")
USERS = ("crm", "shop")


class Binding(NamedTuple):
    destination: str
    kind: str
    key: str
    arguments: tuple[tuple[str, Any], ...] = ()
    source: str = "ex.order"

    @property
    def row(self) -> dict[str, Any]:
        return {
            "vhost": "v",
            "source": self.source,
            "destination": self.destination,
            "destination_type": self.kind,
            "routing_key": self.key,
            "arguments": dict(self.arguments),
        }


keys = st.sampled_from(["", "order.#", "*.viporder", "order/100%", "订单"])
arguments = st.sampled_from([(), (("x-match", "all"),), (("n", 1), ("m", "x"))])
here = st.just("ex.order")
bindings = st.frozensets(
    st.one_of(
        st.builds(Binding, st.sampled_from(QUEUES), st.just("queue"), keys, arguments, here),
        st.builds(Binding, st.just("ex.next"), st.just("exchange"), keys, arguments, here),
        st.builds(
            Binding,
            st.just("ex.order"),
            st.just("exchange"),
            keys,
            arguments,
            st.just("ex.next"),
        ),
    ),
    max_size=8,
)
rights = st.dictionaries(st.sampled_from(USERS), st.sampled_from([".*", "^order"]), max_size=2)


def exchange(sort: str) -> dict[str, Any]:
    return {"vhost": "v", "name": "ex.order", "type": sort, "on_change": "recreate"}


def topology(sort: str, ours: frozenset[Binding], topics: dict[str, str]) -> dict[str, Any]:
    return {
        "vhosts": [{"name": "v"}],
        "users": [{"name": user, "password_hash": ""} for user in USERS],
        "exchanges": [exchange(sort), {"vhost": "v", "name": "ex.next", "type": "topic"}],
        "queues": [{"vhost": "v", "name": name} for name in QUEUES],
        "bindings": [one.row for one in sorted(ours, key=repr)],
        "topic_permissions": [
            {"user": user, "vhost": "v", "exchange": "ex.order", "write": right, "read": ".*"}
            for user, right in topics.items()
        ],
    }


def hanging(broker: Broker) -> tuple[set[Any], set[Any]]:
    with broker.management() as api:
        export = api.get("definitions")
    found = {
        (
            one["source"],
            one["destination"],
            one["destination_type"],
            one["routing_key"],
            str(sorted(one["arguments"].items())),
        )
        for one in export["bindings"]
    }
    return found, {
        (one["user"], one["exchange"], one["write"], one["read"])
        for one in export["topic_permissions"]
    }


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=bindings, others=bindings, topics=rights, foreign=rights)
def test_all_that_hung_on_it_is_there_again(
    workspace: Workspace,
    broker: Broker,
    ours: frozenset[Binding],
    others: frozenset[Binding],
    topics: dict[str, str],
    foreign: dict[str, str],
) -> None:
    broker.reset()
    workspace.cluster("one", broker)
    workspace.define(topology("topic", ours, topics))
    workspace.commit()
    first = workspace.apply("--adopt")
    assert first.code == 0, first.out + first.err
    with broker.management() as api:
        api.post("definitions", body={"bindings": [one.row for one in sorted(others, key=repr)]})
        for user in foreign.keys() - topics.keys():
            said = {"exchange": "ex.order", "write": foreign[user], "read": ""}
            api.put("topic-permissions", "v", user, body=said)
    before = hanging(broker)

    workspace.define(topology("direct", ours, topics))
    workspace.commit()
    done = workspace.apply()

    assert done.code == 0, done.out + done.err
    assert hanging(broker) == before
    with broker.management() as api:
        assert api.get("exchanges", "v", "ex.order")["type"] == "direct"


def test_an_exchange_that_a_clients_own_queue_is_bound_to_is_not_replaced_unasked(
    workspace: Workspace, broker: Broker
) -> None:
    workspace.cluster("one", broker)
    workspace.define(topology("topic", frozenset(), {}))
    workspace.commit()
    assert workspace.apply("--adopt").code == 0
    workspace.define(topology("direct", frozenset(), {}))
    workspace.commit()
    with pika.BlockingConnection(pika.URLParameters(broker.amqp_uri("v"))) as client:
        channel = client.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.queue_bind(queue, "ex.order", "order.#")

        held = workspace.apply()

        (change,) = held.cluster["changes"]
        assert held.code == 3
        assert change["hold"]["code"] == "loss"
        assert change["hold"]["reason"].startswith("1 binding to clients' exclusive queues")
        allowed = workspace.apply(*change["hold"]["override"].split())

    assert allowed.code == 0, allowed.out + allowed.err


def test_a_binding_that_went_with_it_is_not_deleted_again_as_another(
    workspace: Workspace, broker: Broker
) -> None:
    """A binding without arguments is called by its key: a call for a gone one must not be that."""
    going = Binding("qu.a", "queue", "k", (("x-match", "all"),))
    staying = Binding("qu.a", "queue", "k")
    workspace.cluster("one", broker)
    workspace.define(topology("headers", frozenset([going, staying]), {}))
    workspace.commit()
    first = workspace.apply("--adopt")
    assert first.code == 0, first.out + first.err

    workspace.define(topology("direct", frozenset([staying]), {}))
    workspace.commit()
    done = workspace.apply()

    assert done.code == 0, done.out + done.err
    with broker.management() as api:
        found = [one for one in api.get("definitions")["bindings"] if one["vhost"] == "v"]
    assert [one["arguments"] for one in found] == [{}]
