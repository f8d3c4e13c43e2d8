"""What a cycle waits for, one at a time, on a broker that is a fake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from rmqsync.history.cancels import CancelHistory
from rmqsync.model.errors import HistoryError
from tests.daemon.inside import NAME, Inside, fake_broker
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
    inside.commit("qu.a", "qu.b")
    with inside.running() as daemon:
        assert daemon.cycle()["sync"] == "in-sync"
        inside.commit("qu.a")  # a deletion needs rights
        broker.fail(Reply(403), times=1000)
        for _ in range(20):
            assert daemon.cycle()["sync"] != "in-sync"
        broker.heal()
        rights = broker.definitions["permissions"]
        broker.definitions["permissions"] = []
        assert daemon.cycle()["failures"] == 21
        broker.definitions["permissions"] = rights
        found = daemon.cycle()
        waits, next_at = found["waits"], found["next_at"]

    assert waits is not None
    assert waits["text"].startswith("1 run failed; ")
    assert waits["until"] is not None
    assert waits["until"] < "2026-01-01T12:01:00Z"
    assert next_at is not None
    assert waits["until"] < next_at < "2026-01-01T12:01:00Z"


AT_TWO = [{"cron": "0 14 * * *", "for": "1h"}]


def queues(broker: FakeBroker) -> list[str]:
    return [one["name"] for one in broker.definitions["queues"]]


def test_what_waits_for_a_window_is_looked_at_when_that_opens(
    tmp_path: Path, broker: FakeBroker
) -> None:
    inside = Inside(tmp_path, broker, {"every": "1d", "windows": AT_TWO})
    inside.commit("qu.a")
    with inside.running() as daemon:
        waiting = daemon.cycle()
        inside.clock += timedelta(hours=2)
        after = daemon.cycle()

    assert waiting["waits"] is not None
    assert waiting["waits"]["until"] == "2026-01-01T14:00:00Z"
    assert waiting["next_at"] == "2026-01-01T14:00:01Z"
    assert (after["sync"], after["next_at"], queues(broker)) == ("in-sync", None, ["qu.a"])


def test_what_is_paused_is_looked_at_when_that_ends(tmp_path: Path, broker: FakeBroker) -> None:
    inside = Inside(tmp_path, broker, {"every": "1d"})
    inside.commit("qu.a")
    with inside.running() as daemon:
        daemon.cycle()
        daemon.service.pause(NAME, "upgrade", "ann", "2999-01-01T00:00:00Z")
        paused = daemon.cycle()
        daemon.service.resume(NAME, "ann")
        resumed = daemon.cycle()

    assert paused["next_at"] == "2999-01-01T00:00:01Z"
    assert (resumed["paused"], resumed["next_at"]) == (None, None)


def test_what_was_called_off_stays_so_for_every_daemon_and_over_a_restart(
    tmp_path: Path, broker: FakeBroker
) -> None:
    inside = Inside(tmp_path, broker, {"windows": AT_TWO})
    inside.commit("qu.a")
    with inside.running() as one, inside.running() as other:
        one.cycle()
        other.cycle()
        assert one.service.cancel(NAME, "ann")
        inside.clock += timedelta(hours=2)
        elsewhere = other.cycle()["waits"]
    with inside.running() as again:
        found = again.cycle()
        assert (elsewhere, queues(broker)) == (found["waits"], [])
        inside.commit("qu.a", "qu.b")
        another = again.cycle()

    assert found["waits"] is not None
    assert found["waits"]["reason"] == "cancelled"
    assert found["waits"]["text"].startswith("ann cancelled what waited")
    assert (another["sync"], sorted(queues(broker))) == ("in-sync", ["qu.a", "qu.b"])


def test_what_was_called_off_is_over_once_somebody_had_it_run(
    tmp_path: Path, broker: FakeBroker
) -> None:
    inside = Inside(tmp_path, broker, {"windows": AT_TWO, "on_drift": "heal"})
    inside.commit("qu.a")
    with inside.running() as daemon:
        daemon.cycle()
        daemon.service.cancel(NAME, "ann")
        inside.clock += timedelta(hours=2)
        assert daemon.cycle("operator", "bob")["sync"] == "in-sync"
        daemon.cycle()
        broker.definitions["queues"].clear()
        again = daemon.cycle()

    assert (again["sync"], queues(broker)) == ("in-sync", ["qu.a"])


def test_a_sync_outside_of_the_window_takes_a_cancellation_back_for_every_daemon(
    tmp_path: Path, broker: FakeBroker
) -> None:
    inside = Inside(tmp_path, broker, {"windows": AT_TWO})
    inside.commit("qu.a")
    with inside.running() as one, inside.running() as other:
        one.cycle()
        one.service.cancel(NAME, "ann")
        cancelled = other.cycle()
        note = other.service.sync(NAME, "bob")
        waiting = one.cycle("operator", "bob")["waits"]
        assert other.service.cluster(NAME)["waits"] == waiting
        inside.clock += timedelta(hours=2)
        after = one.cycle()

    assert cancelled["waits"] is not None
    assert cancelled["waits"]["reason"] == "cancelled"
    assert note == cancelled["blocked"]
    assert note is not None
    assert "outside of its windows" in note
    assert "takes back that it was cancelled" in note
    assert waiting is not None
    assert waiting["reason"] == "window"
    assert (after["sync"], queues(broker)) == ("in-sync", ["qu.a"])


def test_what_was_called_off_stays_so_where_a_sync_cannot_write_that_down(
    tmp_path: Path, broker: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: object) -> None:
        raise HistoryError("locked")

    inside = Inside(tmp_path, broker, {"windows": AT_TWO})
    inside.commit("qu.a")
    with inside.running() as daemon:
        daemon.cycle()
        daemon.service.cancel(NAME, "ann")
        monkeypatch.setattr(CancelHistory, "forget", away)
        note = daemon.service.sync(NAME, "bob")
        inside.clock += timedelta(hours=2)
        after = daemon.cycle()["waits"]

    assert note is not None
    assert note.startswith("It was cancelled, and the history cannot be written")
    assert after is not None
    assert after["reason"] == "cancelled"


@pytest.mark.parametrize(
    ("windows", "until"),
    [
        ([], "2026-01-02T12:00:00Z"),
        (AT_TWO, "2026-01-02T12:00:00Z"),
        ([{"cron": "0 14 * * 1", "for": "2h"}], "2026-01-05T16:00:00Z"),
    ],
)
def test_an_approval_counts_until_it_could_have_been_used(
    tmp_path: Path, broker: FakeBroker, windows: list[dict[str, str]], until: str
) -> None:
    policy = {"vhost": "/", "name": "p", "pattern": "^q", "apply-to": "all", "priority": 0}
    broker.definitions["policies"] = [{**policy, "definition": {"max-length": 5}}]
    inside = Inside(tmp_path, broker, {"windows": windows})
    inside.commit(policies=[{**policy, "definition": {"max-length": 9}}])
    with inside.running() as daemon:
        plan = daemon.cycle()["plan"]
        assert plan is not None
        assert plan["fingerprint"] is not None
        given = daemon.service.approve(NAME, "ann", plan["fingerprint"])

    assert (given.addresses, given.until) == (("policy:%2F/p",), until)


def test_what_failed_is_told_for_what_it_was(
    tmp_path: Path, broker: FakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    inside = Inside(tmp_path, broker)
    inside.commit("qu.a")
    with inside.running() as daemon:
        broker.fail(Reply(401), times=1000)
        compared = daemon.cycle()
        broker.heal()
        daemon.cycle()
        inside.commit("qu.a", "qu.b")
        data = daemon.running.session.data_dir
        shutil.rmtree(Path(data) / "backups")
        (Path(data) / "backups").write_text("no folder")
        ran = daemon.cycle()

    told = [one for one in caplog.messages if " failed: " in one]
    assert (compared["sync"], ran["sync"]) == ("failed", "failed")
    assert [one.partition(" failed: ")[0] for one in told] == [
        "cluster mq: the last comparison",
        "cluster mq: the last run",
    ]
