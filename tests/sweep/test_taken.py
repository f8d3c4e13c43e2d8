"""A run that is killed amid a replacement: what nobody declares and it did not put back is told."""

from __future__ import annotations

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace
from tests.sweep.proxy import Proxy
from tests.sweep.test_fences import killed

BY_HAND = "binding:shop/ex.order/queue/qu.hand/k"


def topology(sort: str) -> dict[str, object]:
    order = {"vhost": "shop", "name": "ex.order", "type": sort, "on_change": "recreate"}
    return {"vhosts": [{"name": "shop"}], "exchanges": [order]}


@pytest.mark.parametrize("is_bound_again", [True, False], ids=["bound again", "forgotten"])
def test_what_was_not_put_back_is_named(
    workspace: Workspace, broker: Broker, is_bound_again: bool
) -> None:
    with Proxy(broker) as proxy:
        workspace.cluster("one", broker, endpoints=[proxy.url])
        workspace.define(topology("topic"))
        workspace.commit()
        assert workspace.apply("--adopt").code == 0
        with broker.management() as api:
            api.put("queues", "shop", "qu.hand", body={"durable": True})
            path = ("bindings", "shop", "e", "ex.order", "q", "qu.hand")
            api.post(*path, body={"routing_key": "k", "arguments": {}})
        workspace.define(topology("direct"))
        workspace.commit()
        killed(workspace, proxy, "DELETE /api/exchanges/shop/ex.order")
        if is_bound_again:
            with broker.management() as api:
                api.put("exchanges", "shop", "ex.order", body={"type": "direct", "durable": True})
                api.post(*path, body={"routing_key": "k", "arguments": {}})

        planned, applied, after = workspace.plan(), workspace.apply(), workspace.plan()
        binding = {"source": "ex.order", "destination": "qu.hand", "routing_key": "k"}
        gone = {"vhost": "shop", "bindings": [{**binding, "state": "absent"}]}
        workspace.define(gone, "base/gone.yaml")
        workspace.commit()
        assert workspace.apply().code == 0
        settled = workspace.plan()

    told = [
        [one["message"] for one in found.cluster["findings"] if one["code"] == "RMQ106"]
        for found in (planned, applied, after, settled)
    ]
    assert applied.code == 0, applied.out + applied.err
    assert [len(found) for found in told] == ([0, 0, 0, 0] if is_bound_again else [1, 1, 1, 0])
    assert all(BY_HAND in message for found in told for message in found)
