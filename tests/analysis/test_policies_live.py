"""The simulation equals what brokers of every generation go by."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from rmqsync.analysis.policies import PolicyIndex
from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.model.definitions import Rows
from rmqsync.model.values import Row
from tests.analysis.asking import in_effect
from tests.analysis.worlds import NAMES, objects, policies
from tests.brokers import Broker
from tests.brokers.pool import Pool
from tests.kinds.cluster import Cluster

_POLICIES, _OPERATORS = 5, 3
VHOSTS = [f"v{number}" for number in range(len(NAMES))]


class World(NamedTuple):
    """A broker with many queues and exchanges, whose policies come and go."""

    broker: Broker
    cluster: Cluster
    objects: Rows

    @property
    def context(self) -> Context:
        return self.cluster.context

    def put(self, found: list[Row], operators: list[Row]) -> None:
        """Make these policies; those of the same name are overwritten."""
        document: dict[str, Any] = {}
        for kind, rows in (("policy", found), ("operator_policy", operators)):
            for row in rows:
                KINDS[kind].embed(document, row)
        answer = self.cluster.upload(document)
        assert answer.is_fine, answer

    def check(self, found: list[Row], operators: list[Row]) -> int:
        """Compare all objects; the number that have a policy."""
        self.put(found, operators)
        rows: Rows = {
            "policy": {(row["vhost"], row["name"]): row for row in found},
            "operator_policy": {(row["vhost"], row["name"]): row for row in operators},
        }

        simulated = PolicyIndex(rows, self.context).all(self.objects, live=True)
        told = in_effect(self.broker)

        assert {ref: told[ref] for ref in simulated} == simulated
        return sum(1 for one in simulated.values() if one.policy or one.operator_policy)


@pytest.fixture(scope="module", params=["r310", "r40", "r43"])
def world(request: pytest.FixtureRequest, broker_pool: Pool) -> Iterator[World]:
    from tests.brokers import Unavailable
    from tests.brokers.pool import are_required

    try:
        broker = broker_pool.empty_broker(request.param)
    except Unavailable as error:
        if are_required():
            raise
        pytest.skip(str(error))
    document: dict[str, Any] = {"vhosts": [{"name": vhost} for vhost in VHOSTS]}
    found: Rows = {"queue": {}, "exchange": {}}
    for vhost, names in zip(VHOSTS, NAMES, strict=True):
        for kind, row in objects(vhost, names):
            KINDS[kind].embed(document, row)
            found[kind][(vhost, row["name"])] = row
    with Cluster(broker) as cluster:
        for name in ("vhosts", "exchanges", "queues"):
            answer = cluster.upload({name: document[name]})
            assert answer.is_fine, answer
        yield World(broker, cluster, found)


@given(data=st.data())
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_what_is_in_effect(world: World, data: st.DataObject) -> None:
    found, operators = [], []
    for vhost in VHOSTS:
        found += data.draw(policies(vhost, "policy", _POLICIES, world.context))
        operators += data.draw(policies(vhost, "operator_policy", _OPERATORS, world.context))

    count = world.check(found, operators)

    event(f"{count // 20 * 20} or more objects with a policy")
