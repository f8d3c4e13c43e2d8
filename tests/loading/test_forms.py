"""Every way of writing an object gives the same rows."""

import json

import pytest

from rmqsync.kinds import KINDS
from tests.loading.files import compiled, errors, rows

SHOP = "vhosts: [{name: shop}]\n"
QUEUE = {
    "vhost": "shop",
    "name": "billing",
    "durable": True,
    "auto_delete": False,
    "arguments": {},
}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("queues: [{vhost: shop, name: billing}]", id="vhost in the entry"),
        pytest.param("vhost: shop\nqueues: [{name: billing}]", id="vhost of the file"),
        pytest.param("vhost: x\nqueues: [{name: billing, vhost: shop}]", id="the entry wins"),
        pytest.param(
            "rabbit_version: 4.0.5\noriginal_vhost_name: shop\nqueues: [{name: billing}]",
            id="an export of one vhost",
        ),
        pytest.param(
            '{"queues": [{"vhost": "shop", "name": "billing", "durable": true}]}', id="JSON"
        ),
        pytest.param(
            "queues: [{vhost: shop, name: billing, durable: null, arguments: null}]",
            id="null is what nobody said",
        ),
    ],
)
def test_an_object_is_the_same_however_it_is_written(text):
    found = rows({"base/v.yaml": SHOP, "base/q.yaml": text})

    assert found["queue"] == {("shop", "billing"): QUEUE}


def test_the_vhost_of_the_command_line_comes_last():
    found = rows(SHOP + "queues: [{name: billing}]", default_vhost="shop")

    assert found["queue"] == {("shop", "billing"): QUEUE}


def test_a_vhost_holds_what_lives_in_it():
    nested = """\
vhosts:
  - name: shop
    limits: {max-queues: 5}
    exchanges: [{name: orders, type: topic}]
    queues:
      - name: billing
        type: quorum
        bindings: [{source: orders, routing_keys: [a.*, b.*]}]
    policies: [{name: ttl, pattern: ^qu, definition: {message-ttl: 1000}}]
    operator_policies: [{name: cap, pattern: ^qu, definition: {max-length: 9}}]
    parameters: [{component: plugin, name: p, value: {a: 1}}]
users:
  - name: joe
    permissions: [{vhost: shop, configure: "", write: "", read: .*}]
    topic_permissions: [{vhost: shop, exchange: orders, write: a, read: b}]
    limits: {max-channels: 3}
"""
    flat = """\
vhosts: [{name: shop}]
vhost: shop
exchanges: [{name: orders, type: topic}]
queues: [{name: billing, arguments: {x-queue-type: quorum}}]
bindings:
  - {source: orders, destination: billing, destination_type: queue, routing_key: a.*}
  - {source: orders, destination: billing, routing_key: b.*}
policies: [{name: ttl, pattern: ^qu, definition: {message-ttl: 1000}}]
parameters:
  - {component: vhost-limits, name: limits, value: {max-queues: 5}}
  - component: operator_policy
    name: cap
    value: {pattern: ^qu, definition: {max-length: 9}, priority: 0, apply-to: all}
  - {component: plugin, name: p, value: {a: 1}}
users: [{name: joe, limits: {max-channels: 3}}]
permissions: [{user: joe, configure: "", write: "", read: .*}]
topic_permissions: [{user: joe, exchange: orders, write: a, read: b}]
"""

    assert rows(nested) == rows(flat)


def test_equal_doubles_in_one_file_are_one_object():
    """RabbitMQ 4.3 exports the limits of a vhost twice."""
    text = {
        "rabbitmq_version": "4.3.3",
        "vhosts": [{"name": "shop", "limits": {"max-queues": 5}}],
        "parameters": [
            {
                "vhost": "shop",
                "component": "vhost-limits",
                "name": "limits",
                "value": {"max-queues": 5},
            }
        ],
    }

    found = rows(json.dumps(text))

    assert list(found["vhost_limit"]) == [("shop",)]


def test_what_exports_say_of_themselves_is_unused():
    text = {
        "rabbit_version": "4.0.5",
        "rabbitmq_version": "4.0.5",
        "product_name": "RabbitMQ",
        "product_version": "4.0.5",
        "rabbitmq_definition_format": "single_virtual_host",
        "original_vhost_name": "shop",
        "explanation": "Definitions of virtual host 'shop'",
        "metadata": {"description": "", "tags": []},
        "description": "",
        "default_queue_type": "classic",
        "limits": [],
        "queues": [{"name": "billing", "durable": True, "auto_delete": False, "arguments": {}}],
    }

    found = rows({"base/v.yaml": SHOP, "base/export.json": json.dumps(text)})

    assert found["queue"] == {("shop", "billing"): QUEUE}


def test_keys_of_exports_are_unknown_to_files_that_people_write():
    assert errors("vhosts: [{name: shop}]\ndescription: our shop\n") == [
        "base/a.yaml:2:1: the key 'description' at the top of a file is for broker exports only; "
        "write it into the entry of the vhost, under vhosts"
    ]


def test_an_object_without_a_vhost_says_how_to_give_one():
    assert errors("queues:\n  - name: billing\n") == [
        "base/a.yaml:2:5: this queue is in no vhost; write 'vhost:' in it or at the top of the "
        "file, nest it under the entry of its vhost, or give --vhost"
    ]


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "---\n", "{}", "queues:\n"])
def test_an_empty_file_declares_nothing(text):
    assert rows(text) == {}


def test_a_file_may_name_its_schema():
    text = "$schema: https://example.com/definitions.schema.json\n"

    assert rows(text + SHOP) == rows(SHOP)


@pytest.mark.parametrize("kind", [k for k in KINDS if k.section], ids=lambda kind: kind.name)
def test_the_example_of_each_kind_loads(kind):
    try:
        found = compiled(json.dumps({kind.section: [dict(kind.example)]}))
    except Exception as error:
        found = [str(one) for one in error.findings if "is not declared" not in one.message]
        assert found == []
    else:
        assert list(found.rows[kind.name].values()) == [kind.complete(dict(kind.example))]
