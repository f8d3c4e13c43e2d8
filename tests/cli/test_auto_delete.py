"""RabbitMQ deletes an auto-delete exchange with the last binding from it: not by a run of ours."""

from __future__ import annotations

from typing import Any

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace

AD = {"name": "ad", "type": "fanout", "auto_delete": True}
HASH = {"name": "hash", "type": "x-consistent-hash", "auto_delete": True}
LONG = {"name": "a", "on_change": "recreate", "arguments": {"x-max-length": 9}}
Bindings = list[tuple[str, str, str]]


def bindings(*found: tuple[str, str, str]) -> list[dict[str, Any]]:
    names = ("source", "destination", "routing_key")
    return [dict(zip(names, one, strict=True)) for one in found]


def there(broker: Broker) -> tuple[list[str], Bindings]:
    """Return the exchanges that somebody made, and the bindings from such."""
    with broker.management() as api:
        exchanges, found = api.get("exchanges", "v"), api.get("bindings", "v")
    names = [one["name"] for one in exchanges if not one["name"].startswith("amq.")]
    keys = ("source", "destination", "routing_key")
    rows = [tuple(one[key] for key in keys) for one in found if one["source"]]
    return sorted(filter(None, names)), sorted(rows)


def define(workspace: Workspace, *queues: Any, **sections: Any) -> None:
    names = [{"name": one} if isinstance(one, str) else one for one in queues]
    workspace.define({"vhost": "v", "vhosts": [{"name": "v"}], "queues": names, **sections})
    workspace.commit()


def holds(workspace: Workspace) -> dict[str, str]:
    """Apply; return by address how what was held is."""
    changes = workspace.apply().cluster["changes"]
    return {one["address"]: one["hold"]["code"] for one in changes if one["hold"]}


@pytest.fixture
def bound(workspace: Workspace, broker: Broker) -> Workspace:
    """Our `ad` leads to queue `a` by one binding; somebody else has `up` lead to `ad`."""
    workspace.cluster("one", broker)
    define(workspace, "a", exchanges=[AD], bindings=bindings(("ad", "a", "k")))
    assert workspace.apply("--adopt").code == 0
    with broker.management() as api:
        api.put("exchanges", "v", "up", body={"type": "fanout"})
        api.post("bindings", "v", "e", "up", "e", "ad", body={"routing_key": ""})
    return workspace


@pytest.mark.parametrize(
    ("queues", "ours", "held"),
    [
        pytest.param(["a"], [], "binding:v/ad/queue/a/k", id="binding"),
        pytest.param([], [], "queue:v/a", id="queue"),
        pytest.param([LONG], [("ad", "a", "k")], "queue:v/a", id="replaced queue"),
    ],
)
def test_an_exchange_that_is_to_stay_keeps_its_last_binding(
    bound: Workspace, broker: Broker, queues: list[Any], ours: Bindings, held: str
) -> None:
    before = there(broker)
    define(bound, *queues, exchanges=[AD], bindings=bindings(*ours))

    assert holds(bound) == {held: "takes-foreign"}
    assert there(broker) == before


def test_what_is_bound_elsewhere_first_goes(bound: Workspace, broker: Broker) -> None:
    define(bound, "b", exchanges=[AD], bindings=bindings(("ad", "b", "k")))

    assert holds(bound) == {}
    assert there(broker) == (["ad", "up"], [("ad", "b", "k"), ("up", "ad", "")])


def test_a_weight_changes_where_that_is_not_the_last(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    light, heavy, other = ("hash", "a", "1"), ("hash", "a", "2"), ("hash", "b", "1")
    define(workspace, "a", exchanges=[HASH], bindings=bindings(light))
    assert workspace.apply("--adopt").code == 0

    define(workspace, "a", exchanges=[HASH], bindings=bindings(heavy))
    alone = holds(workspace)
    define(workspace, "a", "b", exchanges=[HASH], bindings=bindings(light, other))
    assert holds(workspace) == {}
    define(workspace, "a", "b", exchanges=[HASH], bindings=bindings(heavy, other))

    assert alone == dict.fromkeys(
        ["binding:v/hash/queue/a/1", "binding:v/hash/queue/a/2"], "takes-foreign"
    )
    assert holds(workspace) == {}
    assert there(broker) == (["hash"], [heavy, other])


def test_all_of_it_goes_together(workspace: Workspace, broker: Broker) -> None:
    workspace.cluster("one", broker)
    define(workspace, "a", exchanges=[AD], bindings=bindings(("ad", "a", "k")))
    assert workspace.apply("--adopt").code == 0
    define(workspace)

    done = workspace.apply("--max-deletes", "9")

    assert (done.code, done.cluster["verified"]) == (0, True)
    assert there(broker) == ([], [])
