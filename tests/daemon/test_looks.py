"""What a running daemon tells of objects and of what leads from one cluster to another."""

from __future__ import annotations

from urllib.parse import quote

from tests.daemon.daemons import Home

DEFINITIONS = {
    "vhosts": [{"name": "shop"}],
    "queues": [{"vhost": "shop", "name": "订单.支付"}],
    "policies": [{"vhost": "shop", "name": "expiry", "pattern": ".", "definition": {"expires": 9}}],
    "shovels": [
        {
            "vhost": "shop",
            "name": "away",
            "src-uri": "amqp:///shop",
            "src-queue": "订单.支付",
            "dest-uri": "amqps://mq.beijing.example",
            "dest-queue": "q",
        }
    ],
}
QUEUE = "queue:shop/%E8%AE%A2%E5%8D%95.%E6%94%AF%E4%BB%98"


def test_the_settings_say_which_cluster_a_shovel_leads_to_and_how_a_layer_is_called(
    empty_home: Home,
) -> None:
    home = empty_home
    home.push(DEFINITIONS)
    home.snapshot("shanghai")
    home.snapshot("beijing")
    far = {"endpoints": ["https://mq.beijing.example"], "username": "u", "password": {"env": "U"}}
    home.settings["clusters"]["beijing"] = {**far, "layers": ["base"], "every": "1h"}
    home.environ["U"] = "u"
    with home.running() as daemon:
        daemon.until(lambda: daemon.cluster("shanghai")["plan"], "it is compared")

        links = daemon.get("/api/v1/clusters/shanghai/topology")["links"]
        told = daemon.get(f"/api/v1/clusters/shanghai/objects/{quote(QUEUE)}")

    assert [(one["source"], one["target"]) for one in links] == [
        (QUEUE, "shovel:shop/away"),
        ("shovel:shop/away", "cluster:beijing/queue:%2F/q"),
    ]
    assert {one["layer"] for one in told["fields"]} == {"base"}
    assert [one["address"] for one in told["policies"]] == ["policy:shop/expiry"]
