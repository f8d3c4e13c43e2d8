"""What is said to allow a change of a rollback to a backup."""

from __future__ import annotations

import pytest

from rmqsync.model.findings import Origin
from rmqsync.planning.backup_ways import by_hand
from rmqsync.planning.plan import fingerprint
from tests.planning.builders import desired_of, plan_of, queue, rows, vhost


@pytest.mark.parametrize(
    ("wanted", "live", "code", "override"),
    [
        pytest.param(
            rows(vhost(), queue(durable=True)),
            rows(vhost(), queue(durable=False)),
            "on-change",
            "delete it by hand, with all that is in it, then roll back again",
            id="it cannot be changed in place",
        ),
        pytest.param(
            desired_of(rows(), absent={"vhost": {("v",): Origin("backup", 1)}}),
            rows(vhost(), queue()),
            "takes-foreign",
            "delete each of them by hand, then roll back again",
            id="it would take what is not ours",
        ),
    ],
)
def test_nothing_is_to_be_written_into_a_backup(wanted, live, code, override):
    plan = plan_of(wanted, live)

    said = by_hand(plan)

    (hold,) = [change.hold for change in said.changes]
    assert (hold.code.value, hold.override) == (code, override)
    assert fingerprint(said.changes) == plan.fingerprint
