"""A later layer merges into, omits, forbids and revives what an earlier one declares."""

import pytest

from rmqsync.model.changes import Ref
from rmqsync.model.definitions import OnChangeRule
from rmqsync.model.findings import Origin
from tests.loading.files import compiled, errors, rows, warnings

BASE = """\
vhosts: [{name: shop}]
vhost: shop
exchanges: [{name: orders, type: topic}]
queues:
  - name: billing
    type: quorum
    arguments: {x-delivery-limit: 5, x-max-length: 9}
    bindings: [{source: orders, routing_key: a}]
policies:
  - {name: ttl, pattern: ^qu, priority: 3, definition: {message-ttl: 1000, max-length: 5}}
parameters:
  - {component: plugin, name: p, value: {a: {b: 1, c: null}, d: [1, 2]}}
"""
BILLING = {"vhost": "shop", "name": "billing", "durable": True, "auto_delete": False}


@pytest.mark.parametrize(
    ("later", "arguments"),
    [
        pytest.param(
            "{name: billing, arguments: {x-max-length: 3}}",
            {"x-queue-type": "quorum", "x-delivery-limit": 5, "x-max-length": 3},
            id="mappings merge key by key",
        ),
        pytest.param(
            "{name: billing, arguments: {x-max-length: null, x-nothing: null}}",
            {"x-queue-type": "quorum", "x-delivery-limit": 5},
            id="null removes a key",
        ),
        pytest.param("{name: billing, arguments: null}", {}, id="null removes a whole field"),
        pytest.param(
            "{name: billing, type: classic, arguments: {x-delivery-limit: null}}",
            {"x-queue-type": "classic", "x-max-length": 9},
            id="the short form of a type counts as the argument",
        ),
    ],
)
def test_a_later_layer_merges_into_an_earlier_one(later, arguments):
    found = rows(BASE, f"vhost: shop\nqueues: [{later}]\n")

    assert found["queue"] == {("shop", "billing"): {**BILLING, "arguments": arguments}}


def test_lists_are_replaced_and_nulls_that_nothing_is_under_stay():
    found = rows(BASE, "vhost: shop\nparameters: [{component: plugin, name: p, value: {d: [3]}}]")

    (row,) = found["parameter"].values()
    assert row["value"] == {"a": {"b": 1, "c": None}, "d": [3]}


def test_null_is_a_value_where_a_field_takes_any():
    found = rows(
        "global_parameters: [{name: x, value: 1}]", "global_parameters: [{name: x, value: null}]"
    )

    assert found["global_parameter"] == {("x",): {"name": "x", "value": None}}


def test_a_layer_may_say_one_field_only():
    found = rows(BASE, "vhost: shop\npolicies: [{name: ttl, priority: 7}]")

    (row,) = found["policy"].values()
    assert (row["priority"], row["pattern"]) == (7, "^qu")


def test_nested_objects_merge_by_identity_and_are_never_replaced_as_a_list():
    later = "vhost: shop\nqueues: [{name: billing, bindings: [{source: orders, routing_key: b}]}]"

    found = rows(BASE, later)

    assert [key[4] for key in found["binding"]] == ["a", "b"]


def test_what_all_layers_together_lack_is_an_error():
    assert errors("vhosts: [{name: shop}]\nvhost: shop\nexchanges:\n  - {name: orders}\n") == [
        "base/a.yaml:4:5: exchange 'orders' in vhost 'shop' lacks 'type', in all layers together; "
        "add 'type'"
    ]


def test_the_origin_is_the_last_layer_that_says_something():
    found = compiled(BASE, "\n\nvhost: shop\npolicies:\n  - {name: ttl, priority: 7}\n")

    assert found.origins["policy"] == {("shop", "ttl"): Origin("layer1/a.yaml", 5)}
    assert found.origins["queue"] == {("shop", "billing"): Origin("base/a.yaml", 5)}


@pytest.mark.parametrize("how", ["omit: true", "state: absent"])
def test_what_goes_takes_along_what_is_written_inside_of_it(how):
    found = compiled(BASE, f"vhost: shop\nqueues: [{{name: billing, {how}}}]")

    assert found.rows["queue"] == found.rows["binding"] == {}
    assert list(found.rows["exchange"]) == [("shop", "orders")]


def test_what_is_written_elsewhere_stays_and_misses_it():
    later = "vhost: shop\nexchanges:\n  - {name: orders, omit: true}\n"

    assert errors(BASE, later) == [
        "base/a.yaml:8:25: exchange 'orders' in vhost 'shop' is not declared, but binding from "
        "exchange 'orders' to queue 'billing' with key 'a' in vhost 'shop' names it as source; "
        "declare it under exchanges"
    ]


def test_an_absent_object_is_listed_as_such():
    found = compiled("users:\n  - {name: guest, state: absent}\n")

    assert found.absent == {"user": {("guest",): Origin("base/a.yaml", 2)}}
    assert found.rows["user"] == {}


@pytest.mark.parametrize("how", ["omit: true", "state: absent"])
def test_a_later_layer_starts_afresh_with_what_was_taken_away(how):
    found = compiled(
        BASE,
        f"vhost: shop\npolicies: [{{name: ttl, {how}}}]",
        "vhost: shop\npolicies: [{name: ttl, pattern: x, definition: {expires: 5}}]",
    )

    (row,) = found.rows["policy"].values()
    assert (row["priority"], row["definition"]) == (0, {"expires": 5})
    assert found.absent == {}


def test_what_one_layer_forbids_another_may_leave_alone():
    found = compiled("users: [{name: guest, state: absent}]", "users: [{name: guest, omit: true}]")

    assert found.absent == {}


def test_omitting_nothing_is_worth_a_word():
    assert warnings("users:\n  - {name: guest, omit: true}\n") == [
        "base/a.yaml:2:5: no earlier layer declares user 'guest', so there is nothing to omit; "
        "remove the entry; state: absent deletes an object from the cluster"
    ]


def test_the_last_layer_decides_what_a_change_may_do():
    later = "vhost: shop\nqueues: [{name: billing, on_change: migrate}]"

    found = compiled(
        BASE.replace("name: billing\n", "name: billing\n    on_change: recreate\n"), later
    )

    assert found.on_change == {Ref("queue", ("shop", "billing")): OnChangeRule.MIGRATE}
    assert "on_change" not in found.rows["queue"][("shop", "billing")]


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"base/a.yaml": "users: [{name: x, tags: a}]\n", "base/b.yaml": "users: [{name: x}]\n"},
            id="two files",
        ),
        pytest.param(
            {
                "base/a.yaml": "users: [{name: x, tags: a}]\n",
                "base/b.yaml": "users: [{name: x, tags: [a]}]\n",
            },
            id="two files that say the same",
        ),
    ],
)
def test_the_same_object_twice_in_one_layer_names_both_places(files):
    assert errors(files) == [
        "base/b.yaml:1:9: user 'x' is declared twice in one layer, first at base/a.yaml:1:9; "
        "keep one of them, or move one to a later layer"
    ]


def test_unequal_doubles_in_one_file_are_an_error():
    text = "users:\n- {name: x}\n- {name: x, tags: [a]}\n- {name: x, omit: true}\n"

    assert [line.partition(";")[0] for line in errors(text)] == [
        "base/a.yaml:3:3: user 'x' is declared twice in one layer, first at base/a.yaml:2:3",
        "base/a.yaml:4:3: user 'x' is declared twice in one layer, first at base/a.yaml:2:3",
    ]


def test_arguments_of_a_binding_are_its_identity():
    base = BASE + "bindings: [{source: orders, destination: billing, arguments: {h: 1}}]\n"
    later = "vhost: shop\nbindings: [{source: orders, destination: billing, arguments: {h: 1.0}}]\n"

    found = rows(base, later)

    assert [key[5] for key in found["binding"]] == ["", '{"h":1}', '{"h":1.0}']
