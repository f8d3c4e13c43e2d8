"""What of an export is inside a scope."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.loading.export_part import part_of_export
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.loading.scope import Scope
from rmqsync.model.definitions import Rows
from tests import corpora

EXPORT = {
    "rabbit_version": "4.3.0",
    "vhosts": [{"name": "shop"}, {"name": "other"}],
    "users": [{"name": "crm", "password_hash": "x", "limits": {"max-connections": 1}}],
    "permissions": [{"user": "crm", "vhost": "shop"}, {"user": "crm", "vhost": "other"}],
    "parameters": [
        {"component": "shovel", "vhost": "shop", "name": "a", "value": {"src-uri": "amqp://a:b@c"}},
        {"component": "vhost-limits", "vhost": "shop", "name": "limits", "value": {}},
        {"component": "sharding", "vhost": "shop", "name": "b", "value": {}},
        {"component": "shovel", "vhost": "other", "name": "a", "value": {}},
    ],
    "global_parameters": [{"name": "cluster_name", "value": "rabbit@mq1"}],
    "policies": [{"vhost": "other", "name": "all"}],
    "queues": [{"vhost": "shop", "name": "a"}, {"vhost": "other", "name": "b"}],
    "topic_permissions": [],
}


def names(vhosts=("*",), kinds=("*",)):
    """Of each section, the objects that are left."""
    found = part_of_export(EXPORT, Scope(vhosts, kinds))
    assert found["rabbit_version"] == "4.3.0"
    return {
        section: [f"{item.get('vhost', '')}/{item.get('name', item.get('user'))}" for item in items]
        for section, items in found.items()
        if isinstance(items, list) and items
    }


def test_without_a_scope_it_is_the_same():
    assert part_of_export(EXPORT, Scope()) == EXPORT


def test_narrowed_vhosts_leave_out_what_is_cluster_wide():
    """Password hashes of users that another repository manages, above all."""
    assert names(vhosts=["shop"]) == {
        "vhosts": ["/shop"],
        "permissions": ["shop/crm"],
        "parameters": ["shop/a", "shop/limits", "shop/b"],
        "queues": ["shop/a"],
    }


@pytest.mark.parametrize(
    ("kinds", "left"),
    [
        (["user"], {"users": ["/crm"]}),
        (["user_limit"], {"users": ["/crm"]}),
        (["shovel"], {"parameters": ["shop/a", "other/a"]}),
        (["vhost_limit"], {"parameters": ["shop/limits"]}),
        (["parameter"], {"parameters": ["shop/b"]}),
        (
            ["polic*", "global_parameter"],
            {"global_parameters": ["/cluster_name"], "policies": ["other/all"]},
        ),
    ],
)
def test_parameters_are_of_the_kind_that_they_are_read_as(kinds, left):
    assert names(kinds=kinds) == left


ALWAYS = {"vhost", "user", "exchange", "queue"}
"""What others hang on: without these, they are in no rows."""
INSIDE = {"user_limit", "vhost_limit"}
"""What comes along in an item of another kind."""


@given(
    name=st.sampled_from([name for one in corpora.GENERATIONS for name in corpora.names(one)]),
    data=st.data(),
)
def test_all_that_is_covered_is_left_and_nothing_else(name, data):
    """Judged by the rows that planning would read."""
    export = corpora.load(name)
    vhosts = [vhost["name"] for vhost in export["vhosts"]]
    chosen = data.draw(st.lists(st.sampled_from([*vhosts, "*"]), min_size=1))
    kinds = data.draw(st.sets(st.sampled_from(KINDS.names)))
    scope = Scope(chosen, sorted(ALWAYS | kinds))

    left = refs(rows_of_export(part_of_export(export, scope)))

    covered = {
        (kind, key) for kind, key in refs(rows_of_export(export)) if scope.covers(KINDS[kind], key)
    }
    assert left >= covered
    assert {kind for kind, _ in left - covered} <= INSIDE


def refs(rows: Rows):
    return {(kind, key) for kind, found in rows.items() for key in found}
