"""What a tree says compiles to what it was made from: the examples of all kinds, and any rows."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.values import unmangled
from rmqsync.loading.dump import TreeOptions, tree
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.definitions import Live
from rmqsync.model.values import canonical
from rmqsync.planning.compare import compare
from tests.corpora import GENERATIONS, compiled, load, names, resolved
from tests.corpora.strategies import clusters

VERSIONS = {"3.10": (3, 10, 8), "4.0": (4, 0, 5), "4.3": (4, 3, 6)}
TIDIED = ("queue", "vhost")
"""Kinds that leave out what the broker fills in: judged by `compare` alone."""


def assert_says_the_same(rows, version, *, inline_hashes=False):
    context = Context(version=version, default_queue_types=default_types(rows))
    live = Live(rows, "…", default_queue_types=context.default_queue_types)

    made = tree(live, KINDS, context, TreeOptions(inline_hashes=inline_hashes))

    assert made.findings == ()
    desired = compiled(made, version=version)
    again = resolved(desired.rows, made)
    found = compare(again, rows, context, KINDS)
    assert (list(found.missing), list(found.differing), list(found.extra)) == ([], [], [])
    for kind, expected in rows.items():
        if kind not in TIDIED:
            assert {k: canonical(r) for k, r in again[kind].items()} == {
                k: canonical(r) for k, r in expected.items()
            }
    return made


def default_types(rows):
    return {
        key[0]: row["default_queue_type"]
        for key, row in rows.get("vhost", {}).items()
        if row.get("default_queue_type")
    }


@pytest.mark.parametrize("kind", KINDS.names)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_rows_come_back(kind, data):
    version = data.draw(st.sampled_from(sorted(VERSIONS.values())))
    rows = data.draw(clusters(KINDS[kind], Context(version=version)))
    # A tag that looks like UTF-8 read as Latin-1 is what brokers make of another one.
    tags = [row["tags"] for found in rows.values() for row in found.values() if "tags" in row]
    assume(all(unmangled(one) == one for one in tags))

    made = assert_says_the_same(rows, version, inline_hashes=data.draw(st.booleans()))

    for secret in made.secrets.values():
        if len(secret.value) > 9:  # else it may well be a name, too
            assert all(secret.value not in text for text in made.files.values())


def test_the_corpora_hold_objects_of_every_kind():
    """But raw parameters: no broker takes one of a component that it does not know."""
    documents = [load(name) for generation in GENERATIONS for name in names(generation)]

    found = {
        kind
        for document in documents
        for kind, rows in rows_of_export(document, KINDS).items()
        if rows
    }

    assert found == set(KINDS.names) - {"parameter"}
