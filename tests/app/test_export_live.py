"""
On real brokers: what a corpus makes of one, its export says, and makes of an empty one.

Judged by the brokers' own exports, not by what wrote the tree.
"""

from typing import NamedTuple

import pytest

from rmqsync.broker.cluster import ManagementApi
from rmqsync.broker.connection import ClusterConnection
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.loading.document_of import compile_document
from rmqsync.loading.dump import TreeOptions, tree
from rmqsync.model.definitions import Live
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


class Taken(NamedTuple):
    """What a broker had once a corpus was imported."""

    live: Live
    export: dict[str, list[str]]


@pytest.fixture(scope="module")
def known():
    return {}


@pytest.fixture
def filled(empty_broker, connect, known):
    """Gives what a broker makes of a corpus, asked once for all tests."""

    def fill(generation, name):
        if (generation, name) not in known:
            broker = empty_broker(generation)
            api = connect(broker)
            api.upload(corpora.load(name))
            known[generation, name] = Taken(api.read(), raw_export(broker))
        return known[generation, name]

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
    live = filled(generation, name).live

    made = dumped(live)

    assert made.findings == ()
    desired = corpora.compiled(made, version=parse_version(live.version))
    context = context_of(desired, live, Context(secret=values(made)))
    found = compare(desired.rows, live.rows, context, KINDS)
    extra = [ref for ref, row in found.extra if not says_nothing(KINDS[ref.kind], row)]
    assert (list(found.missing), list(found.differing), extra) == ([], [], [])


@pytest.mark.parametrize(("generation", "name"), corpora.pairs())
def test_an_export_makes_an_empty_broker_the_same(filled, empty_broker, connect, generation, name):
    one = filled(generation, name)
    made = dumped(one.live)
    desired = corpora.compiled(made, version=parse_version(one.live.version))

    other = empty_broker(generation, 1)
    connect(other).upload(compile_document(corpora.resolved(desired.rows, made)))

    export = raw_export(other)
    for section, items in one.export.items():
        assert export[section] == items, section


@pytest.mark.parametrize("generation", corpora.GENERATIONS)
def test_an_export_of_an_export_is_the_same_text(filled, empty_broker, connect, generation):
    """Sorted and named alike in whatever order a broker answers: `git diff` shows changes."""
    made = dumped(filled(generation, "topology").live)
    desired = corpora.compiled(made)

    other = connect(empty_broker(generation, 1))
    other.upload(compile_document(corpora.resolved(desired.rows, made)))

    assert dumped(other.read()).files == made.files


def says_nothing(kind, row):
    return kind.is_nothing(row) or kind.of_cluster(row)


def values(made):
    return {name: secret.value for name, secret in made.secrets.items()}.get
