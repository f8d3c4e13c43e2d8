"""What is told of one object: where its values are written, and which policies are in force."""

from __future__ import annotations

from typing import Any

from rmqsync.daemon.objects import object_document
from rmqsync.daemon.picture import topology
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import compile_layers
from rmqsync.loading.files import LayerFile
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Desired, Live
from rmqsync.repo.files import digest
from tests.planning.builders import desired_of, exchange, queue, rows

LIMITS = {"vhost": "v", "pattern": "^qu\\.", "apply-to": "queues", "definition": {"expires": 9000}}


def told(ref: Ref, desired: Desired, live: Live, *layers: str) -> Any:
    drawn = topology("one", "now", desired.rows, live.rows, None, Context())
    return object_document("one", ref, desired, live, None, drawn, layers)


def test_a_value_tells_the_name_of_its_layer():
    layers = []
    for name, fields in (("base", "durable: true"), ("sites/beijing", "auto_delete: false")):
        text = f"vhosts: [{{name: v}}]\nqueues:\n- {{name: q, vhost: v, {fields}}}\n".encode()
        layers.append((name, [LayerFile(f"{name}/all.yaml", text, digest(text))]))
    desired = compile_layers(layers)

    fields = told(
        Ref("queue", ("v", "q")), desired, Live({}, version="4.0.5"), "base", "sites/beijing"
    )["fields"]

    layer_of = {".".join(one["path"]): one["layer"] for one in fields}
    assert (layer_of["durable"], layer_of["auto_delete"]) == ("base", "sites/beijing")


def test_an_object_names_its_policies_and_a_policy_its_objects():
    there = rows(
        queue("qu.a"), queue("qu.b"), queue("other"), exchange("qu.exchange"), queue("qu.a", "w"),
        ("policy", {**LIMITS, "name": "expiry"}),
        ("operator_policy", {**LIMITS, "name": "ceiling", "pattern": "a$"}),
    )  # fmt: skip

    def about(kind: str, name: str) -> Any:
        return told(Ref(kind, ("v", name)), desired_of({}), Live(there, version="4.0.5"))

    found = about("queue", "qu.a")
    assert found["policy"] == "expiry"
    assert [one["address"] for one in found["policies"]] == [
        "policy:v/expiry",
        "operator_policy:v/ceiling",
    ]
    assert [one["address"] for one in about("policy", "expiry")["in_force_for"]] == [
        "queue:v/qu.a",
        "queue:v/qu.b",
    ]
    assert about("operator_policy", "ceiling")["in_force_for"] == [
        {"kind": "queue", "vhost": "v", "name": "qu.a", "address": "queue:v/qu.a"}
    ]
    assert (about("queue", "other")["policies"], found["in_force_for"]) == ([], [])
