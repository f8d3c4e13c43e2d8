"""What the picture of a cluster calls things."""

from __future__ import annotations

from rmqsync.daemon.picture import topology
from rmqsync.kinds.context import Context
from tests.planning.builders import binding, exchange, queue, rows, vhost


def test_what_only_a_binding_names_is_called_as_the_broker_calls_it():
    live = rows(
        vhost("/"), queue("a b", vhost="/"), binding("amq.topic", "a b", key="#", vhost="/")
    )

    drawn = topology("one", "now", {}, live, None, Context())

    assert drawn["vhosts"] == ["/"]
    names = {(node["kind"], node["vhost"], node["name"]) for node in drawn["nodes"]}
    assert names == {("queue", "/", "a b"), ("exchange", "/", "amq.topic")}


def test_policies_are_in_the_picture_and_each_object_names_its_own_without_a_link():
    limits = {"vhost": "v", "name": "expiry", "pattern": "q", "definition": {"expires": 9000}}
    live = rows(
        queue("q"),
        exchange("e"),
        ("policy", {**limits, "apply-to": "queues"}),
        ("operator_policy", {**limits, "name": "ceiling", "apply-to": "queues"}),
    )

    drawn = topology("one", "now", {}, live, None, Context())

    told = {one["id"]: (one["kind"], one["type"]) for one in drawn["nodes"]}
    assert told["policy:v/expiry"] == ("policy", "queues")
    assert told["operator_policy:v/ceiling"] == ("operator_policy", "queues")
    own = {one["id"]: (one["policy"], one["operator_policy"]) for one in drawn["nodes"]}
    assert own["queue:v/q"] == ("expiry", "ceiling")
    assert own["exchange:v/e"] == (None, None)
    assert drawn["links"] == []
