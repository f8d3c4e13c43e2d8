"""What a cycle waits for, one at a time, on a broker that is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.inside import Inside, fake_broker
from tests.fakes.faults import Reply
from tests.fakes.management import FakeBroker


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with fake_broker() as made:
        yield made


def test_cycles_that_could_not_read_the_cluster_are_no_runs_that_failed(
    tmp_path: Path, broker: FakeBroker
) -> None:
    inside = Inside(tmp_path, broker)
    inside.commit("qu.a")
    with inside.running() as daemon:
        broker.fail(Reply(403), times=1000)
        for _ in range(20):
            assert daemon.cycle()["sync"] != "in-sync"
        broker.heal()
        rights = broker.definitions["permissions"]
        broker.definitions["permissions"] = []
        assert daemon.cycle()["failures"] == 21
        broker.definitions["permissions"] = rights
        waits = daemon.cycle()["waits"]

    assert waits is not None
    assert waits["text"].startswith("1 run failed; ")
    assert waits["until"] is not None
    assert waits["until"] < "2026-01-01T12:01:00Z"
