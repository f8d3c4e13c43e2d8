"""What leads from one cluster to another in the picture of one of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rmqsync.daemon.documents import TopologyDocument
from rmqsync.daemon.picture import topology
from rmqsync.daemon.places import Places
from rmqsync.kinds.context import Context
from tests.planning.builders import exchange, queue, rows, vhost

FLEET = {
    "shanghai": ["https://mq.shanghai.example:15671"],
    "beijing": ["https://mq.beijing.example:15671"],
}
MAIL = "queue:%2F/qu.order.mail"
TOPIC = "exchange:%2F/ex.order.topic"


def shovel(**fields: Any) -> tuple[str, dict[str, Any]]:
    return "shovel", {"vhost": "/", "name": "mail-to-beijing", **fields}


def upstream(name: str, uri: Any, **fields: Any) -> tuple[str, dict[str, Any]]:
    return "federation_upstream", {"vhost": "/", "name": name, "uri": uri, **fields}


def policy(**definition: Any) -> tuple[str, dict[str, Any]]:
    entry = {"vhost": "/", "name": "sites", "pattern": "^ex\\.", "apply-to": "exchanges"}
    return "policy", {**entry, "definition": definition}


def drawn(*there: tuple[str, dict[str, Any]], declared: Any = ()) -> TopologyDocument:
    places = Places("shanghai", FLEET)
    desired, live = rows(*declared), rows(vhost("/"), *there)
    return topology("shanghai", "now", desired, live, None, Context(), places)


def ends(found: TopologyDocument) -> list[tuple[str, str, str]]:
    return [(one["source"], one["target"], one["label"]) for one in found["links"]]


def test_a_shovel_leads_to_the_cluster_of_its_uri():
    found = drawn(
        queue("qu.order.mail", vhost="/"),
        shovel(**{
            "src-uri": "amqp://", "src-queue": "qu.order.mail",
            "dest-uri": "amqps://mover:s3cret@mq.beijing.example/", "dest-queue": "qu.order.mail",
        }),
    )  # fmt: skip

    there = "cluster:beijing/queue:/qu.order.mail"
    word = "mail-to-beijing"
    assert ends(found) == [
        (MAIL, "shovel:%2F/mail-to-beijing", word),
        ("shovel:%2F/mail-to-beijing", there, word),
    ]
    (node,) = [one for one in found["nodes"] if one["id"] == there]
    assert node == {
        "id": there, "kind": "cluster", "vhost": None, "name": "beijing: qu.order.mail",
        "type": None, "state": "elsewhere", "policy": None, "operator_policy": None,
        "cluster": "beijing", "address": "queue:/qu.order.mail",
    }  # fmt: skip
    assert "s3cret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("uri", "end"),
    [
        ("amqp://mq.shanghai.example", MAIL),
        ("amqp:///other", "queue:other/qu.order.mail"),
        ("amqps://u:s3cret@mq.far.example?password=s3cret",
         "outside:mq.far.example/queue:%2F/qu.order.mail"),
        ({"secret": "uri"}, "outside:elsewhere/queue:%2F/qu.order.mail"),
    ],
)  # fmt: skip
def test_a_shovel_leads_to_where_its_uri_says_and_no_further(uri: Any, end: str) -> None:
    found = drawn(
        shovel(**{
            "src-uri": "amqp://", "src-queue": "q", "dest-uri": uri, "dest-queue": "qu.order.mail",
        })
    )  # fmt: skip

    assert ends(found)[1][1] == end
    assert "s3cret" not in json.dumps(found)


def test_what_is_declared_by_a_secret_leads_to_where_the_live_one_does():
    def one(uri: Any) -> tuple[str, dict[str, Any]]:
        return shovel(**{"src-uri": uri, "src-queue": "q", "dest-uri": "amqp://"})

    found = drawn(one("amqp://mq.beijing.example"), declared=[one({"secret": "uri"})])

    assert ends(found)[0][0] == "cluster:beijing/queue:%2F/q"


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({}, "cluster:beijing"),
        ({"exchange": "ex.order.topic"}, "cluster:beijing/exchange:%2F/ex.order.topic"),
    ],
)
def test_an_upstream_is_fed_by_the_cluster_of_its_uri(fields: Any, source: str) -> None:
    found = drawn(
        exchange("ex.order.topic", vhost="/"),
        upstream("to-beijing", "amqps://u:s3cret@mq.beijing.example", **fields),
        policy(**{"federation-upstream": "to-beijing"}),
    )

    address = "federation_upstream:%2F/to-beijing"
    assert ends(found) == [(source, address, ""), (address, TOPIC, "to-beijing")]
    assert [one["type"] for one in found["nodes"] if one["id"] == address] == ["beijing"]
    assert "s3cret" not in json.dumps(found)


@pytest.mark.parametrize(
    ("definition", "names"),
    [
        ({"federation-upstream-set": "sites"}, ["to-beijing"]),
        ({"federation-upstream-set": "all"}, ["to-beijing", "other-site"]),
        ({"federation-upstream-set": "none"}, []),
        ({"federation-upstream-pattern": "^other"}, ["other-site"]),
        ({"federation-upstream": "other-site"}, ["other-site"]),
    ],
)
def test_a_set_of_upstreams_stands_for_those_in_it(definition: Any, names: list[str]) -> None:
    sites = {"vhost": "/", "name": "sites", "upstreams": [{"upstream": "to-beijing"}]}
    found = drawn(
        exchange("ex.order.topic", vhost="/"),
        upstream("to-beijing", "amqp://mq.beijing.example"),
        upstream("other-site", "amqp://mq.far.example"),
        ("federation_upstream_set", sites),
        policy(**definition),
    )

    assert [source for source, target, _ in ends(found) if target == TOPIC] == [
        f"federation_upstream:%2F/{name}" for name in names
    ]
