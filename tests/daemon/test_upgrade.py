"""A broker that is upgraded from 3.10 to 4.x behind the same address, its definitions with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rmqsync.model.marker import PREFIX
from tests.brokers import Broker
from tests.daemon.daemons import Home, names, shop
from tests.daemon.switch import switch

PASSWORD = "pa55word-of-sync"
POLICY = {"vhost": "shop", "name": "long", "pattern": "^qu", "definition": {"max-length": 1000}}
MORE: dict[str, Any] = {
    "exchanges": [{"vhost": "shop", "name": "ex.a", "type": "topic"}],
    "bindings": [
        {
            "vhost": "shop",
            "source": "ex.a",
            "destination": "qu.a",
            "destination_type": "queue",
            "routing_key": "a.#",
        }
    ],
    "policies": [POLICY],
    "users": [{"name": "reader", "password_hash": "", "tags": []}],
    "permissions": [
        {"user": "reader", "vhost": "shop", "configure": "", "write": "", "read": ".*"}
    ],
    "global_parameters": [{"name": "shop", "value": {"open": 8}}],
}


def carry_over(old: Broker, new: Broker, *, node_kept: bool) -> None:
    """Import one broker's definitions into another. Only an upgrade in place keeps the node."""
    with old.management() as api:
        document = api.get("definitions")
    with new.management() as api:
        (node,) = (one["name"] for one in api.get("nodes"))
        if node_kept:
            for one in document["global_parameters"]:
                if one["name"].startswith(PREFIX):
                    one["value"]["members"] = [node]
        # The tests' own user is another one on each broker.
        for kind, key in (("users", "name"), ("permissions", "user")):
            document[kind] = [one for one in document[kind] if one[key] != old.username]
        api.post("definitions", body=document)


def port_of(url: str) -> int:
    found = urlsplit(url).port
    assert found is not None
    return found


@contextmanager
def home_behind_a_switch(
    folder: Path, broker: Broker
) -> Iterator[tuple[Home, Callable[[Broker], None]]]:
    """Give a home of a cluster, and what puts another broker behind its addresses."""
    home = Home(folder / "home")
    home.cluster("one", broker)
    cluster = home.settings["clusters"]["one"]
    web, amqp = port_of(broker.management_url), port_of(broker.amqp_url)
    with switch(web) as web_switch, switch(amqp) as amqp_switch:
        cluster["endpoints"] = [f"http://127.0.0.1:{web_switch.port}"]
        cluster["amqp"] = [f"amqp://127.0.0.1:{amqp_switch.port}"]
        cluster["username"] = "sync"
        cluster["password"] = {"env": "SYNC_PASSWORD"}
        home.environ["SYNC_PASSWORD"] = PASSWORD
        with broker.management() as api:
            api.put("users", "sync", body={"password": PASSWORD, "tags": "administrator"})
            rights = {"configure": ".*", "write": ".*", "read": ".*"}
            api.put("permissions", "/", "sync", body=rights)

        def move(new: Broker) -> None:
            web_switch.to(port_of(new.management_url))
            amqp_switch.to(port_of(new.amqp_url))

        yield home, move


@pytest.mark.parametrize("newer", ["r40", "r43"])
def test_an_upgrade_invents_no_drift_deletes_nothing_and_the_next_commit_is_applied(
    tmp_path: Path, r310: Broker, newer: str, request: pytest.FixtureRequest
) -> None:
    new: Broker = request.getfixturevalue(newer)
    with home_behind_a_switch(tmp_path, r310) as (home, move):
        first = home.push(shop("qu.a", "qu.b", **MORE))
        with home.running() as daemon:
            daemon.until_cluster("one", "before", sync="in-sync", rabbitmq_version=r310.version)
            carry_over(r310, new, node_kept=True)
            move(new)
            found = daemon.until_cluster("one", "after", rabbitmq_version=new.version)
            assert (found["sync"], found["drifted"], found["commit"]) == ("in-sync", 0, first)
            assert names(new) == {"qu.a", "qu.b"}
            assert len(daemon.get("/api/v1/runs")["runs"]) == 1

            second = home.push(shop("qu.a", "qu.b", "qu.c", **MORE))
            found = daemon.until_cluster("one", "the next", sync="in-sync", commit=second)
            assert found["drifted"] == 0
            assert names(new) == {"qu.a", "qu.b", "qu.c"}
            assert not daemon.messages("cluster one: 1 object")


def test_a_copy_on_other_nodes_is_left_alone_until_somebody_takes_it_over(
    tmp_path: Path, r310: Broker, r43: Broker
) -> None:
    with home_behind_a_switch(tmp_path, r310) as (home, move):
        home.push(shop("qu.a", "qu.b", **MORE))
        with home.running() as daemon:
            daemon.until_cluster("one", "before", sync="in-sync")
            carry_over(r310, r43, node_kept=False)
            move(r43)
            daemon.until_cluster("one", "after", rabbitmq_version=r43.version)
            home.push(shop("qu.a", "qu.c", **MORE))
            held = daemon.until_cluster("one", "it is foreign", sync="held")

            assert {one["hold"]["code"] for one in held["plan"]["changes"]} == {"foreign-marker"}
            assert names(r43) == {"qu.a", "qu.b"}
