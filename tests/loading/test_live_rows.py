"""Exports of all generations give the same rows."""

import pytest

from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.errors import BrokerError
from tests import corpora

QUEUE = {"vhost": "shop", "name": "q", "durable": True, "auto_delete": False, "arguments": {}}
EXCHANGE = {
    "vhost": "shop",
    "name": "e",
    "type": "topic",
    "durable": True,
    "auto_delete": False,
    "arguments": {},
}
BINDING = {
    "vhost": "shop",
    "source": "e",
    "destination": "q",
    "destination_type": "queue",
    "routing_key": "a",
    "arguments": {},
}
LIMITS = {
    "vhost": "shop",
    "component": "vhost-limits",
    "name": "limits",
    "value": {"max-queues": 5},
}


def rows(document, **listings):
    found = rows_of_export(document, listings=listings or None)
    return {name: list(of_kind.values()) for name, of_kind in found.items() if of_kind}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        pytest.param(
            {"rabbit_version": "3.10.8", "vhosts": [{"name": "shop"}]},
            {"vhost": [{"name": "shop"}]},
            id="3.10 says nothing of a vhost but its name",
        ),
        pytest.param(
            {
                "vhosts": [
                    {
                        "name": "shop",
                        "metadata": {
                            "description": "d",
                            "tags": ["b", "a"],
                            "default_queue_type": "quorum",
                        },
                        "limits": {"max-queues": 5},
                    }
                ],
                "parameters": [LIMITS],
            },
            {
                "vhost": [
                    {
                        "name": "shop",
                        "description": "d",
                        "tags": ["a", "b"],
                        "default_queue_type": "quorum",
                    }
                ],
                "vhost_limit": [{"vhost": "shop", "max-connections": -1, "max-queues": 5}],
            },
            id="4.3 has metadata, and limits twice",
        ),
        pytest.param(
            {"vhosts": [], "parameters": [{**LIMITS, "value": []}]},
            {},
            id="limits that were emptied",
        ),
        pytest.param(
            {
                "users": [
                    {"name": "a", "password_hash": "", "tags": "x,y", "limits": []},
                    {"name": "b", "password_hash": "", "tags": ["y"], "limits": {}},
                    {
                        "name": "c",
                        "password_hash": "",
                        "hashing_algorithm": "rabbit_password_hashing_sha512",
                        "tags": [],
                        "limits": {"max-channels": 3},
                    },
                ]
            },
            {
                "user": [
                    {
                        "name": name,
                        "tags": tags,
                        "password_hash": "",
                        "hashing_algorithm": f"rabbit_password_hashing_{algorithm}",
                    }
                    for name, tags, algorithm in (
                        ("a", ["x", "y"], "sha256"),
                        ("b", ["y"], "sha256"),
                        ("c", [], "sha512"),
                    )
                ],
                "user_limit": [{"user": "c", "max-connections": -1, "max-channels": 3}],
            },
            id="users with and without limits",
        ),
        pytest.param(
            {
                "rabbitmq_version": "4.3.3",
                "rabbitmq_definition_format": "single_virtual_host",
                "original_vhost_name": "shop",
                "metadata": {},
                "limits": [],
                "queues": [
                    {
                        "name": "q",
                        "type": "classic",
                        "durable": True,
                        "auto_delete": False,
                        "arguments": {},
                        "something new": 1,
                    }
                ],
            },
            {"queue": [{**QUEUE, "arguments": {"x-queue-type": "classic"}}]},
            id="one vhost, with the type as a field and one that nobody knows",
        ),
        pytest.param(
            {"queues": [QUEUE], "exchanges": [EXCHANGE], "bindings": [BINDING, BINDING]},
            {
                "queue": [QUEUE],
                "exchange": [{**EXCHANGE, "internal": False}],
                "binding": [BINDING],
            },
            id="bindings that look alike in JSON are one",
        ),
        pytest.param(
            {
                "queues": [QUEUE],
                "exchanges": [EXCHANGE],
                "bindings": [
                    {**BINDING, "destination": "exclusive"},
                    {**BINDING, "source": "internal"},
                    {**BINDING, "source": ""},
                    {**BINDING, "source": "amq.topic"},
                ],
            },
            {
                "queue": [QUEUE],
                "exchange": [{**EXCHANGE, "internal": False}],
                "binding": [{**BINDING, "source": "amq.topic"}],
            },
            id="bindings of what the export does not hold",
        ),
        pytest.param(
            {
                "queues": [QUEUE, {**QUEUE, "name": "amq.gen-1"}],
                "exchanges": [{**EXCHANGE, "name": "federation: e -> x"}],
                "bindings": [{**BINDING, "source": "amq.topic", "destination": "amq.gen-1"}],
                "global_parameters": [{"name": "internal_cluster_id", "value": "x"}],
                "topic_permissions": [
                    {"vhost": "shop", "user": "x", "exchange": "e", "write": "", "read": ""}
                ],
            },
            {"queue": [QUEUE]},
            id="what the broker owns, and what hangs on it",
        ),
    ],
)
def test_rows_of(document, expected):
    assert rows(document) == expected


def test_listings_stand_in_place_of_sections():
    internal = {**EXCHANGE, "name": "inner", "internal": True}
    document = {
        "vhosts": [{"name": "shop", "limits": {"max-queues": 5}}],
        "exchanges": [EXCHANGE],
        "queues": [QUEUE],
        "bindings": [BINDING, {**BINDING, "source": "inner"}],
    }

    found = rows(
        document,
        exchange=[{**EXCHANGE, "internal": False}, internal, {**EXCHANGE, "name": ""}],
        vhost=[{"name": "shop", "description": "d", "tags": [], "cluster_state": {"n": "running"}}],
    )

    assert found == {
        "vhost": [{"name": "shop", "description": "d", "tags": []}],
        "vhost_limit": [{"vhost": "shop", "max-connections": -1, "max-queues": 5}],
        "exchange": [{**EXCHANGE, "internal": False}, internal],
        "queue": [QUEUE],
        "binding": [BINDING, {**BINDING, "source": "inner"}],
    }


def test_reading_leaves_the_document_alone():
    for name in ("topology", "parameters", "access", "values"):
        document = corpora.load(name)

        rows_of_export(document)

        assert document == corpora.load(name)


@pytest.mark.parametrize(
    "document",
    [
        {"queues": [5]},
        {"queues": {"name": "q"}},
        {"bindings": [BINDING, {"source": "x"}]},
        {"parameters": [{"name": "x"}]},
        {"permissions": [{"vhost": "shop", "user": "joe"}]},
    ],
    ids=str,
)
def test_what_is_no_export_says_so(document):
    with pytest.raises(BrokerError, match="the definitions export is not as RabbitMQ writes it"):
        rows_of_export(document)
