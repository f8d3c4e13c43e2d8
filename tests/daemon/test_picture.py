"""What the picture of a cluster calls things."""

from __future__ import annotations

from rmqsync.daemon.picture import topology
from rmqsync.kinds.context import Context
from tests.planning.builders import binding, queue, rows, vhost


def test_what_only_a_binding_names_is_called_as_the_broker_calls_it():
    live = rows(
        vhost("/"), queue("a b", vhost="/"), binding("amq.topic", "a b", key="#", vhost="/")
    )

    drawn = topology("one", "now", {}, live, None, Context())

    assert drawn["vhosts"] == ["/"]
    names = {(node["kind"], node["vhost"], node["name"]) for node in drawn["nodes"]}
    assert names == {("queue", "/", "a b"), ("exchange", "/", "amq.topic")}
