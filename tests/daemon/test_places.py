"""Where a URI leads, and what its id says."""

from __future__ import annotations

import pytest

from rmqsync.daemon.places import ELSEWHERE, Named, Place, Places, named

FLEET = {
    "shanghai": ["https://mq.shanghai.example:15671", "amqps://mq.shanghai.example"],
    "beijing": ["https://mq.beijing.example:15671", "https://mq2.beijing.example:15671"],
    "one": ["http://10.0.0.1:15672", "amqp://10.0.0.1:5701"],
    "two": ["http://10.0.0.1:15673", "amqp://10.0.0.1:5702"],
    "six": ["http://[2001:db8::1]:15672"],
    "file": ["file:/srv/export.json"],
}
HERE = Place("shanghai", "shanghai", is_here=True)
LOCAL = {"dev": ["http://localhost:15672"], "test": ["http://127.0.0.1:15673", "amqp://[::1]:5673"]}


@pytest.mark.parametrize(
    ("uri", "place"),
    [
        pytest.param("amqp://", HERE, id="the broker itself"),
        pytest.param("amqp:///", HERE._replace(vhost=""), id="a vhost without a name"),
        pytest.param("amqp:///a%2Fb", HERE._replace(vhost="a/b"), id="another vhost"),
        pytest.param("amqps://u:p@MQ.shanghai.example", HERE, id="its own name"),
        pytest.param("amqp://localhost", HERE, id="what the broker calls itself"),
        pytest.param("amqps://u:p@mq.beijing.example/v", Place("beijing", "beijing", "v"),
                     id="another cluster"),
        pytest.param("amqp://mq2.beijing.example:5999", Place("beijing", "beijing"),
                     id="of which no port is known"),
        pytest.param("amqp://mq.shanghai.example", HERE, id="without TLS"),
        pytest.param("amqp://mq.shanghai.example:5999", Place(None, "mq.shanghai.example:5999"),
                     id="another broker on its host"),
        pytest.param("amqp://10.0.0.1:5702", Place("two", "two"), id="by its port"),
        pytest.param("amqp://10.0.0.1", Place(None, "10.0.0.1"), id="neither of two"),
        pytest.param("amqp://[2001:db8::1]", Place("six", "six"), id="by an address of IPv6"),
        pytest.param("amqp://[2001:db8::2]:1", Place(None, "[2001:db8::2]:1"), id="unknown"),
        pytest.param("amqps://u:p@mq.other.example:5671/v?password=x&certfile=/y",
                     Place(None, "mq.other.example", "v"), id="unknown, with secrets"),
        pytest.param(["amqp://away.example", "amqp://mq.beijing.example"],
                     Place("beijing", "beijing"), id="the known one of several"),
        pytest.param([{"secret": "uri"}], Place(None, ELSEWHERE), id="a secret"),
        pytest.param("amqp://user:12/34@mq.beijing.example", Place(None, ELSEWHERE),
                     id="a password that ends the host"),
        pytest.param("amqp://user:pa#ss@mq.beijing.example", Place(None, ELSEWHERE),
                     id="a password that begins a fragment"),
        pytest.param("amqp://user:p@ss@mq.beijing.example", Place("beijing", "beijing"),
                     id="a password with @"),
        pytest.param("amqp://[", Place(None, ELSEWHERE), id="none at all"),
        pytest.param(None, Place(None, ELSEWHERE), id="nothing"),
    ],
)  # fmt: skip
def test_a_uri_leads_to_a_cluster_or_to_a_host(uri: object, place: Place) -> None:
    assert Places("shanghai", FLEET).of(uri) == place


@pytest.mark.parametrize(
    ("uri", "cluster"),
    [("amqp://localhost", "dev"), ("amqp://127.0.0.1:5673", "test"), ("amqp://[::1]:5672", "dev")],
)
def test_clusters_on_this_machine_are_told_apart_by_port(uri: str, cluster: str) -> None:
    assert Places("test", LOCAL).of(uri).cluster == cluster


@pytest.mark.parametrize(
    ("id_", "said"),
    [
        ("queue:%2F/a%2Fb", Named("queue", "a/b", "/", None, "queue:%2F/a%2Fb")),
        ("exchange:v/", Named("exchange", "(default exchange)", "v", None, "exchange:v/")),
        ("vhost:%E8%AE%A2", Named("vhost", "订", None, None, "vhost:%E8%AE%A2")),
        ("cluster:bei%2Fjing/queue:v/q",
         Named("cluster", "bei/jing: q", None, "bei/jing", "queue:v/q")),
        ("cluster:beijing", Named("cluster", "beijing", None, "beijing")),
        ("cluster:beijing/address:%2Fqueues%2Fq",
         Named("cluster", "beijing: /queues/q", None, "beijing")),
        ("outside:mq%3A1/queue:v/q", Named("cluster", "mq:1: q", None)),
    ],
)  # fmt: skip
def test_an_id_says_what_it_is_of(id_: str, said: Named) -> None:
    assert named(id_) == said
