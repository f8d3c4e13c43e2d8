"""What objects name must be declared, and what the findings say where it is not."""

import json

import pytest

from tests.loading.files import compiled, errors, warnings

SHOP = """\
vhost: shop
vhosts: [{name: shop}]
users: [{name: joe}]
exchanges: [{name: orders, type: topic}]
queues: [{name: billing}]
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            "bindings:\n  - {source: ordres, destination: billing}",
            "7:14: exchange 'ordres' in vhost 'shop' is not declared, but binding from exchange "
            "'ordres' to queue 'billing' with key '' in vhost 'shop' names it as source; "
            "did you mean 'orders'?",
            id="source",
        ),
        pytest.param(
            "bindings:\n  - {source: orders, destination: x}",
            "7:35: queue 'x' in vhost 'shop' is not declared, but binding from exchange 'orders' "
            "to queue 'x' with key '' in vhost 'shop' names it as destination; "
            "declare it under queues",
            id="destination",
        ),
        pytest.param(
            "bindings:\n  - {source: orders, destination: billing, destination_type: exchange}",
            "7:35: exchange 'billing' in vhost 'shop' is not declared, but binding from exchange "
            "'orders' to exchange 'billing' with key '' in vhost 'shop' names it as destination; "
            "declare it under exchanges",
            id="a queue is no exchange",
        ),
        pytest.param(
            "permissions:\n  - {user: jo, configure: '', write: '', read: ''}",
            "7:12: user 'jo' is not declared, but permission of user 'jo' in vhost 'shop' names it "
            "as user; did you mean 'joe'?",
            id="user",
        ),
        pytest.param(
            "policies:\n  - {vhost: shpo, name: x, pattern: x, definition: {expires: 5}}",
            "7:13: vhost 'shpo' is not declared, and policy 'x' in vhost 'shpo' is in it; "
            "did you mean 'shop'?",
            id="vhost",
        ),
    ],
)
def test_something_missing_is_an_error(text, said):
    assert errors(SHOP + text) == [f"base/a.yaml:{said}"]


def test_a_missing_vhost_is_said_once_for_each_file():
    text = "vhost: nowhere\nqueues:\n" + "".join(f"  - name: q{n}\n" for n in range(9))

    assert errors(
        {"base/a.yaml": text, "base/b.yaml": text.replace("q", "r").replace("rueues", "queues")}
    ) == [
        f"base/{name}.yaml:3:5: vhost 'nowhere' is not declared, and queue '{queue}' in vhost "
        "'nowhere' is in it; add it to vhosts"
        for name, queue in (("a", "q0"), ("b", "r0"))
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "policies: [{vhost: /, name: x, pattern: x, definition: {expires: 5}}]", id="vhost /"
        ),
        pytest.param("bindings: [{source: amq.topic, destination: billing}]", id="amq."),
        pytest.param(
            "policies: [{name: x, pattern: x, definition: {dead-letter-exchange: ''}}]",
            id="default exchange",
        ),
    ],
)
def test_what_is_always_there_needs_no_declaration(text):
    assert warnings(SHOP + text) == []


def test_a_dead_letter_exchange_that_is_not_declared_is_a_warning():
    text = SHOP.replace(
        "queues: [{name: billing}]",
        "queues:\n  - {name: billing, arguments: {x-dead-letter-exchange: dead}}",
    )

    assert warnings(text) == [
        "base/a.yaml:6:57: exchange 'dead' in vhost 'shop' is not declared, but queue 'billing' in "
        "vhost 'shop' names it as arguments.x-dead-letter-exchange; declare it under exchanges"
    ]


def test_what_is_outside_the_scope_is_not_missing():
    text = "permissions: [{vhost: shop, user: joe, configure: '', write: '', read: ''}]"
    shop = "vhosts: [{name: shop}]\n"

    assert warnings(shop + text, scope_vhosts=("shop",)) == []
    assert warnings(text, scope_kinds=("permission",)) == []


def test_what_is_outside_the_scope_cannot_be_declared():
    text = "vhosts: [{name: shop}, {name: other}]\nusers: [{name: joe}]\n"

    assert errors(text, scope_vhosts=("sh*",)) == [
        "base/a.yaml:1:24: vhost 'other' is outside the scope of this cluster; take it out of the "
        "layers, or widen scope in rmqsync.yaml",
        "base/a.yaml:2:9: user 'joe' is outside the scope of this cluster; take it out of the "
        "layers, or widen scope in rmqsync.yaml",
    ]
    assert len(errors("users: [{name: guest, state: absent}]", scope_vhosts=("sh*",))) == 1
    assert warnings("users: [{name: joe}]", scope_vhosts=("sh*",), scope_kinds=("us*",)) == []


def test_a_broken_entry_still_declares_its_object():
    text = SHOP.replace("[{name: billing}]", "[{name: billing, durabel: true}]")

    assert errors(text + "bindings: [{source: orders, destination: billing}]") == [
        "base/a.yaml:5:26: the key 'durabel' is unknown in entry 1 of 'queues'; "
        "did you mean 'durable'?"
    ]


def test_what_is_nested_in_a_broken_entry_is_declared_all_the_same():
    text = "vhosts: [{name: shop, descripton: x, queues: [{name: q, durabel: true}, {name: r}]}]\n"
    bindings = "vhost: shop\nbindings:\n"
    for queue in ("q", "r", "s"):
        bindings += f"  - {{source: amq.topic, destination: {queue}}}\n"

    said = [line.split(": ", 2)[:2] for line in errors({"a/a.yaml": text, "a/b.yaml": bindings})]

    assert [place for place, _ in said] == ["a/a.yaml:1:23", "a/a.yaml:1:57", "a/b.yaml:5:38"]


def test_an_object_in_a_vhost_is_in_that_one_whatever_it_says():
    text = "vhosts: [{name: shop, queues: [{name: q, vhost: other}]}]\n"

    assert errors(text) == [
        "base/a.yaml:1:42: the key 'vhost' is unknown in entry 1 of 'queues'; known keys are "
        "arguments, auto_delete, bindings, durable, name, omit, on_change, state and type"
    ]


def test_names_with_unknown_variables_in_them_are_not_missing():
    text = (
        SHOP
        + "bindings: [{source: orders, destination: qu.sh}, {source: 'x.${r}', destination: q}]"
    )
    text = text.replace("name: billing", "name: 'qu.${r}'")

    assert [line.split(": ")[1].split(";")[0] for line in errors(text)] == [
        "'${r}' names no variable",
        "exchange 'x.${r}' in vhost 'shop' is not declared, but binding from exchange 'x.${r}' to "
        "queue 'q' with key '' in vhost 'shop' names it as source",
        "'${r}' names no variable",
    ]


def test_a_file_that_cannot_be_read_is_not_blamed_for_what_is_missing():
    found = errors({"base/a.yaml": "vhosts: [", "base/b.yaml": "vhost: shop\nqueues: [{name: x}]"})

    assert len(found) == 1
    assert found[0].startswith("base/a.yaml:")


def test_all_errors_of_all_files_come_at_once():
    files = {
        "base/1.yaml": "vhosts: [{name: shop, descripton: x}]\nqueues: [{name: a}]\n",
        "base/2.yaml": "vhost: shop\nqueues:\n- {name: a}\n- {name: a, durable: false}\n"
        "- {name: b, arguments: {x-max-length: -1}}\n",
        "base/3.yaml": "a: b: c",
        "layer/4.yaml": "vhost: shop\nbindings: [{source: '${x}', destination: a}]\n"
        "exchanges: [{name: e}]\nremoved: [{address: 'queue:x'}]\n"
        "users: [{name: u, password: secret}]\n",
    }

    said = [line.split(": ", 1)[0] for line in errors(files)]

    assert said == [
        "base/1.yaml:1:23",
        "base/1.yaml:2:10",
        "base/2.yaml:4:3",
        "base/2.yaml:5:39",
        "base/3.yaml:1:5",
        "layer/4.yaml:2:21",
        "layer/4.yaml:3:13",
        "layer/4.yaml:4:21",
        "layer/4.yaml:5:29",
    ]


def test_two_weights_on_one_consistent_hash_exchange_are_an_error():
    text = SHOP.replace("type: topic", "type: x-consistent-hash")

    assert errors(
        text + "bindings:\n"
        "  - {source: orders, destination: billing, routing_key: '1'}\n"
        "  - {source: orders, destination: billing, routing_key: '2'}\n"
    ) == [
        "base/a.yaml:8:57: queue 'billing' has two weights on exchange 'orders': '1' and '2'; "
        "a consistent hash exchange counts one binding for each destination; keep one"
    ]


def test_values_in_the_raw_form_are_checked_where_they_stand():
    text = (
        "vhosts: [{name: shop}]\nparameters:\n"
        "  - {vhost: shop, component: vhost-limits, name: limits, value: {max-queues: many}}\n"
    )

    assert errors(text) == ["base/a.yaml:3:78: max-queues is 'many', must be an integer"]


def test_a_vhost_of_an_export_of_one_vhost_need_not_be_declared():
    text = {"rabbit_version": "4.0.5", "original_vhost_name": "shop", "queues": [{"name": "q"}]}

    assert warnings(json.dumps(text)) == [
        "base/a.yaml:1:71: vhost 'shop' is not declared, and queue 'q' in vhost 'shop' is in it; "
        "add it to vhosts"
    ]


def test_references_that_the_cluster_has_to_settle_are_kept():
    found = compiled("queues: [{vhost: /, name: x}]")

    assert [(kind, key, ref.key) for kind, key, ref in found.open_references] == [
        ("queue", ("/", "x"), ("/",))
    ]
