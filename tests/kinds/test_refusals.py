"""What a kind calls an error is what the broker of that generation refuses, and the other way."""

import pytest

from rmqsync.kinds import KINDS
from rmqsync.model.values import Row
from tests.brokers import Broker
from tests.kinds.cluster import Cluster, errors, row_of
from tests.kinds.refusals import CASES, Case


@pytest.mark.parametrize("group", CASES)
def test_errors_are_what_the_broker_refuses(broker: Broker, group: str) -> None:
    with Cluster(broker) as cluster:
        differing = [
            (case, here, there)
            for case in CASES[group]
            for here, there in [_judge(cluster, case)]
            if bool(here) != bool(there)
        ]

    assert differing == []


def _judge(cluster: Cluster, case: Case) -> tuple[list[str], str]:
    """Return our errors and the broker's; what was made is removed."""
    kind, row = KINDS[case[0]], row_of(KINDS[case[0]], case[1])
    for request in kind.declare(None, row, cluster.context):
        answer = cluster.send(request)
        if not answer.is_fine:
            _clean(cluster, case[0], row)
            return errors(kind, row, cluster.context), answer.text or str(answer.status)
    _clean(cluster, case[0], row)
    return errors(kind, row, cluster.context), ""


def _clean(cluster: Cluster, name: str, row: Row) -> None:
    if name in ("permission", "topic_permission"):
        return  # of our own user: the fixture puts them right
    kind = KINDS[name]
    lookup = kind.lookup(row)
    found = kind.handles(row, cluster.send(lookup).data) if lookup else ()
    for request in kind.remove(row, found):
        cluster.send(request)
