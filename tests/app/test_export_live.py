"""
On real brokers: what a corpus makes of one, its export says, and makes of an empty one.

Judged by the brokers' own exports, not by what wrote the tree.
"""

import pytest

from rmqsync.broker.cluster import ManagementApi
from rmqsync.broker.connection import ClusterConnection
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Context
from rmqsync.loading.document_of import compile_document
from rmqsync.loading.dump import TreeOptions, tree
from rmqsync.planning.compare import compare
from rmqsync.planning.plan import context_of, parse_version
from tests import corpora


@pytest.fixture
def connect():
    """Gives the API of a broker; closed after the test."""
    opened = []

    def open_one(broker):
        connection = ClusterConnection(
            name=broker.name,
            endpoints=(broker.management_url,),
            username=broker.username,
            password=broker.password,
        )
        opened.append(ManagementApi(connection))
        return opened[-1]

    yield open_one
    for api in opened:
        api.close()


@pytest.fixture
def filled(empty_broker, connect):
    """Gives a broker that has a corpus, and the API of it."""

    def fill(generation, name):
        broker = empty_broker(generation)
        api = connect(broker)
        api.upload(corpora.load(name))
        return broker, api

    return fill


def dumped(live, **options):
    context = Context(
        version=parse_version(live.version), default_queue_types=live.default_queue_types
    )
    return tree(live, KINDS, context, TreeOptions(**options))


def raw_export(broker):
    with broker.management() as api:
        return corpora.comparable(api.get("definitions"), broker.username)


@pytest.mark.parametrize(("generation", "name"), corpora.pairs())
def test_after_an_export_nothing_differs(filled, generation, name):
    _, api = filled(generation, name)
    live = api.read()

    made = dumped(live)

    desired = corpora.compiled(made, version=parse_version(live.version))
    context = context_of(desired, live, Context(secret=values(made)))
    found = compare(desired.rows, live.rows, context, KINDS)
    extra = [ref for ref, row in found.extra if not says_nothing(KINDS[ref.kind], row)]
    assert (list(found.missing), list(found.differing), extra) == ([], [], [])
    assert made.findings == ()
    assert not [one for one in desired.findings if one.is_error]


@pytest.mark.parametrize(("generation", "name"), corpora.pairs())
def test_an_export_makes_an_empty_broker_the_same(filled, empty_broker, connect, generation, name):
    broker, api = filled(generation, name)
    live = api.read()
    made = dumped(live)
    desired = corpora.compiled(made, version=parse_version(live.version))

    other = empty_broker(generation, 1)
    connect(other).upload(compile_document(corpora.resolved(desired.rows, made)))

    one, two = raw_export(broker), raw_export(other)
    for section, items in one.items():
        assert two[section] == items, section


@pytest.mark.parametrize("generation", corpora.GENERATIONS)
def test_an_export_of_an_export_is_the_same_text(filled, empty_broker, connect, generation):
    """Sorted and named alike whatever order a broker gives: `git diff` shows changes only."""
    _, api = filled(generation, "topology")
    made = dumped(api.read())
    desired = corpora.compiled(made)

    other = connect(empty_broker(generation, 1))
    other.upload(compile_document(corpora.resolved(desired.rows, made)))
    again = dumped(other.read())

    assert again.files == made.files


def says_nothing(kind, row):
    return kind.is_nothing(row) or kind.of_cluster(row)


def values(made):
    return {name: secret.value for name, secret in made.secrets.items()}.get
