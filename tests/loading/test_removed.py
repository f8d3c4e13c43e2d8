"""`removed:` entries and what the analysis reads, over all layers."""

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.loading.removed import address_problem
from rmqsync.model.changes import Loss
from rmqsync.model.definitions import Removed, When
from rmqsync.model.findings import Origin
from tests.loading.files import compiled, errors, warnings


def test_later_layers_replace_entries_of_earlier_ones():
    found = compiled(
        "removed:\n"
        "  - {address: 'queue:shop/a', when: drained, allow_loss: messages}\n"
        "  - {address: 'queue:shop/b', keep: true}\n",
        "removed:\n  - address: queue:shop/a\n",
    )

    assert found.removed == (
        Removed("queue:shop/a", source=Origin("layer1/a.yaml", 2, 14)),
        Removed("queue:shop/b", keep=True, source=Origin("base/a.yaml", 3, 15)),
    )


def test_an_entry_says_when_and_at_which_cost():
    found = compiled("removed: [{address: 'queue:shop/a', when: drained, allow_loss: messages}]")

    (one,) = found.removed
    assert (one.when, one.allow_loss, one.keep) == (When.DRAINED, Loss.MESSAGES, False)


@pytest.mark.parametrize("kind", list(KINDS), ids=lambda kind: kind.name)
def test_every_kind_has_addresses(kind):
    address = address_of(kind, kind.key(dict(kind.example)))

    assert address_problem(address, KINDS) is None
    assert address_problem(address + "/x", KINDS) is not None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        (
            "queus:shop/a",
            "'queus:shop/a' does not start with a kind and ':'; did you mean 'queue'?",
        ),
        (
            "queue:shop",
            "'queue:shop' is no address of a queue; one looks like queue:shop/billing",
        ),
        (
            "queue:shop/a*",
            "'queue:shop/a*' holds a pattern, and must name one object; "
            "write such characters as %2A, %3F and %5B if they are part of the name",
        ),
        (
            "queue:shop/a b",
            "'queue:shop/a b' is not encoded as addresses are; write queue:shop/a%20b",
        ),
        (
            "queue:%2f/a",
            "'queue:%2f/a' is not encoded as addresses are; write queue:%2F/a",
        ),
    ],
)
def test_an_address_names_one_object(address, said):
    assert errors(f"removed:\n  - address: '{address}'\n") == [f"base/a.yaml:2:14: {said}"]


def test_the_same_address_twice_in_a_layer_is_an_error():
    text = "removed:\n  - address: vhost:a\n  - address: vhost:a\n"

    assert errors(text) == [
        "base/a.yaml:3:14: vhost:a is removed twice in one layer, first at base/a.yaml:2:14; "
        "keep one of them"
    ]


def test_something_declared_is_not_removed():
    assert warnings("vhosts: [{name: a}]\nremoved: [{address: 'vhost:a'}]") == [
        "base/a.yaml:2:21: vhost:a is declared, so that it is not removed; "
        "take the vhost out of the definitions, or this entry"
    ]


def test_an_entry_that_is_kept_has_no_conditions():
    assert errors("removed: [{address: 'vhost:a', keep: true, when: empty}]") == [
        "base/a.yaml:1:21: vhost:a is kept, and yet it says when or at which loss it may go; "
        "write either keep: true, or when and allow_loss"
    ]


def test_what_the_analysis_reads_is_collected():
    found = compiled(
        {
            "base/a.yaml": "events: [order.created]\nconventions: {RMQ101: {severity: error}}",
            "base/b.yaml": "events: [{key: order.paid}]\nrouting_tests: [{event: order.paid}]",
        },
        "conventions: {RMQ101: {pattern: x}, RMQ201: null}",
    )

    assert found.extra == {
        "events": ["order.created", {"key": "order.paid"}],
        "routing_tests": [{"event": "order.paid"}],
        "conventions": {"RMQ101": {"severity": "error", "pattern": "x"}},
    }
