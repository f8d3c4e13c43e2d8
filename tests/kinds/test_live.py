"""
Every kind against real brokers: what it says is what the broker does.

An object is made, changed field by field and removed with nothing but the calls its kind gives;
after each what is read back must mean what was asked for, and what was not must stay as it was.
"""

from collections.abc import Iterator

import pytest

from rmqsync.kinds import KINDS
from rmqsync.kinds.registry import Registry
from rmqsync.kinds.settling import optional_names
from rmqsync.model.values import Key, Row, same
from tests.brokers import Broker
from tests.kinds.cluster import Cluster, errors, row_of
from tests.kinds.lives import LIVES, SECRETS, Life

_LIVES = [pytest.param(life, id=f"{life.kind}-{life.name}") for life in LIVES]


@pytest.fixture
def cluster(broker: Broker) -> Iterator[Cluster]:
    with Cluster(broker, SECRETS) as cluster:
        yield cluster


def _arrange(cluster: Cluster, life: Life) -> None:
    version = cluster.context.version
    assert version is not None
    if not life.since <= version < life.before:
        pytest.skip("not on this generation")
    for name, entry in life.needs:
        cluster.declare(KINDS[name], None, row_of(KINDS[name], entry))


def _live(cluster: Cluster, life: Life, key: Key) -> Row | None:
    """Read a row; one of a typed component that a raw parameter stands for, in its raw form."""
    kind = KINDS[life.kind]
    if kind.name != "parameter":
        return cluster.row(kind, key)
    raw = Registry([KINDS["parameter"]])
    return cluster.rows(raw)["parameter"].get(key)


@pytest.mark.parametrize("life", _LIVES)
def test_a_life(cluster: Cluster, life: Life) -> None:
    _arrange(cluster, life)
    kind = KINDS[life.kind]
    live: Row | None = None
    for entry in life.steps:
        desired = row_of(kind, entry)
        assert errors(kind, desired, cluster.context) == [] or live is not None
        settled = desired if live is None else kind.settle(desired, live, cluster.context)
        assert live is None or not same(settled, live), "the step changes nothing"
        if live is not None:
            assert not list(kind.update_problems(live, settled, cluster.context))

        cluster.declare(kind, live, settled)

        live = _live(cluster, life, kind.key(desired))
        assert live is not None, entry
        found = kind.settle(desired, live, cluster.context)
        assert same(found, live), (found, live)
        kept = {n: settled[n] for n in optional_names(kind.fields) if n in settled}
        if "metadata" not in kept and "password" not in kept:
            assert {name: live[name] for name in kept} == kept
    assert live is not None

    cluster.declare(kind, live, live)

    assert _live(cluster, life, kind.key(live)) == live, "declared as it is, it changes"

    cluster.remove(kind, live)

    assert _live(cluster, life, kind.key(live)) is None


@pytest.mark.parametrize("life", _LIVES)
def test_an_import_makes_the_same(cluster: Cluster, life: Life) -> None:
    """The first step, uploaded as an item of the definitions document."""
    if not life.by_import:
        pytest.skip("cannot be imported by itself")
    _arrange(cluster, life)
    kind = KINDS[life.kind]
    desired = row_of(kind, life.steps[0])
    document: dict[str, list[Row]] = {}
    kind.embed(document, desired)

    answer = cluster.upload(cluster.context.resolve(document))

    assert answer.is_fine, answer
    live = _live(cluster, life, kind.key(desired))
    assert live is not None
    found = kind.settle(desired, live, cluster.context)
    assert same(found, live), (found, live)
