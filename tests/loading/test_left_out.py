"""What files may say and nobody manages is left out, with a finding."""

import json

import pytest

from tests.loading.files import compiled, errors, warnings

EXPORT = {
    "rabbitmq_version": "4.3.3",
    "vhosts": [{"name": "shop"}],
    "users": [{"name": "joe", "tags": []}],
    "exchanges": [{"vhost": "shop", "name": "orders", "type": "topic"}],
    "queues": [{"vhost": "shop", "name": "billing"}],
}


def export(**sections):
    return json.dumps({**EXPORT, **sections})


def binding(source, destination, kind="queue"):
    return {
        "vhost": "shop",
        "source": source,
        "destination": destination,
        "destination_type": kind,
        "routing_key": "",
        "arguments": {},
    }


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        pytest.param(
            {"queues": [{"vhost": "shop", "name": "amq.gen-x"}]},
            ["queue 'amq.gen-x' in vhost 'shop' is left out: it is the broker's own"],
            id="a name of the broker's",
        ),
        pytest.param(
            {"global_parameters": [{"name": "internal_cluster_id", "value": "x"}]},
            ["global parameter 'internal_cluster_id' is left out: it is the broker's own"],
            id="internal parameters",
        ),
        pytest.param(
            {
                "global_parameters": [
                    {"name": "cluster_name", "value": "prod"},
                    {"name": "cluster_tags", "value": []},
                ]
            },
            [
                f"global parameter '{name}' is left out: it says which cluster an export was made "
                "of"
                for name in ("cluster_name", "cluster_tags")
            ],
            id="which cluster it was",
        ),
        pytest.param(
            {"bindings": [binding("orders", "exclusive")]},
            [
                "binding from exchange 'orders' to queue 'exclusive' with key '' in vhost 'shop' "
                "is left out: the export does not hold queue 'exclusive' in vhost 'shop'"
            ],
            id="bindings to clients' exclusive queues",
        ),
        pytest.param(
            {"bindings": [binding("internal", "orders", "exchange"), binding("orders", "billing")]},
            [
                "binding from exchange 'internal' to exchange 'orders' with key '' in vhost 'shop' "
                "is left out: the export does not hold exchange 'internal' in vhost 'shop'"
            ],
            id="bindings of internal exchanges",
        ),
    ],
)
def test_exports_hold_what_nobody_manages(sections, said):
    text = export(**{"queues": EXPORT["queues"], **sections})

    assert [line.split(": ", 1)[1] for line in warnings(text)] == said


def test_people_may_name_the_cluster():
    found = compiled("global_parameters: [{name: cluster_name, value: prod}]")

    assert list(found.rows["global_parameter"]) == [("cluster_name",)]


def test_people_who_write_a_reserved_name_made_a_mistake():
    assert errors("vhosts: [{name: shop, queues: [{name: amq.x}]}]") == [
        "base/a.yaml:1:39: names starting with 'amq.' are the broker's own: 'amq.x'"
    ]


def test_what_a_layer_takes_away_from_an_export_is_missing():
    later = "queues: [{vhost: shop, name: billing, omit: true}]"

    (said,) = errors(export(bindings=[binding("orders", "billing")]), later)
    assert "queue 'billing' in vhost 'shop' is not declared" in said


def test_our_own_user_and_its_rights_are_in_no_compiled_set():
    text = """\
vhosts: [{name: shop}]
users:
  - name: rmqsync
    limits: {max-channels: 5}
    permissions: [{vhost: shop, configure: "", write: "", read: ""}]
  - name: joe
    permissions: [{vhost: shop, configure: "", write: "", read: ""}]
"""

    found = compiled(text, own_user="rmqsync")

    assert list(found.rows["user"]) == [("joe",)]
    assert list(found.rows["permission"]) == [("shop", "joe")]
    assert found.rows["user_limit"] == {}
    assert [str(one) for one in found.findings] == [
        f"base/a.yaml:{place}: {what} is left out: rmqsync logs in as 'rmqsync' and never changes "
        "that user or its rights; remove it from the definitions"
        for place, what in (
            ("3:5", "limits of user 'rmqsync'"),
            ("3:5", "user 'rmqsync'"),
            ("5:19", "permission of user 'rmqsync' in vhost 'shop'"),
        )
    ]
