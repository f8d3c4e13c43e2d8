"""How a run ended, in one word; that a backup comes first, and that a history never stops a run."""

from dataclasses import replace

import pytest

from rmqsync.app.journal import RunJournal, Written, status_of
from rmqsync.app.plan import Planned, Target
from rmqsync.loading.compile import Options
from rmqsync.model.changes import (
    Action,
    Change,
    ClusterPlan,
    ClusterResult,
    Hold,
    HoldCode,
    Outcome,
    Ref,
    Result,
    Revision,
)
from rmqsync.model.errors import BrokerError, HistoryError, Refused, SourceError
from rmqsync.model.runs import RunStatus, Starter
from rmqsync.planning.rules import Rules

APPLIED, FAILED = Result(Outcome.APPLIED), Result(Outcome.FAILED, "no")
UNSENT = Result(Outcome.SKIPPED, "interrupted before it was sent")
PROOF = Result(Outcome.SKIPPED, "no", Hold(HoldCode.NOT_PROVEN, "not proven", None))


def change(number: int = 0, hold: HoldCode | None = None) -> Change:
    row = {"name": f"v{number}"}
    held = None if hold is None else Hold(hold, "because", None)
    return Change(Action.CREATE, Ref("vhost", (row["name"],)), None, row, hold=held)


def plan(*holds: HoldCode | None) -> ClusterPlan:
    return ClusterPlan("one", changes=tuple(map(change, range(len(holds)), holds)))


HELD = Result(Outcome.SKIPPED, "because")


@pytest.mark.parametrize(
    ("holds", "results", "rest", "status"),
    [
        ([None], [APPLIED], {"verified": True}, "applied"),
        ([None, HoldCode.LOSS], [APPLIED, HELD], {"verified": True}, "held"),
        ([HoldCode.LOSS], [HELD], {}, "held"),
        ([HoldCode.DRIFT], [HELD], {}, "applied"),
        ([None, None], [APPLIED, PROOF], {"verified": True}, "held"),
        ([None, None], [APPLIED, FAILED], {"verified": True}, "partial"),
        ([None, None], [APPLIED, UNSENT], {"verified": True}, "partial"),
        ([None], [APPLIED], {"verified": False}, "partial"),
        ([None, None], [FAILED, UNSENT], {}, "failed"),
        ([None], [UNSENT], {"verified": False, "error": "the lock was lost"}, "failed"),
        ([None, HoldCode.LOSS], [UNSENT, UNSENT], {"error": "no rights"}, "refused"),
        ([None, None], [APPLIED, UNSENT], {"verified": True, "interrupted": True}, "interrupted"),
        ([None], [UNSENT], {"interrupted": True}, "interrupted"),
        ([None], [APPLIED], {"verified": True, "interrupted": True}, "applied"),
        ([None, None], [APPLIED], {"verified": True}, "partial"),
    ],
)
def test_a_run_ends_in_one_word(holds, results, rest, status) -> None:
    result = ClusterResult(plan(*holds), tuple(results), **rest)

    assert status_of(result).value == status


class Reader:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.asked = error, []

    def export(self, *, again: bool) -> bytes:
        self.asked.append(again)
        if self.error:
            raise self.error
        return b'{"queues": [{"vhost": "a", "name": "q"}, {"vhost": "b", "name": "q"}]}'


class Checkout:
    revision = Revision("c" * 40, dirty=True)

    def tree(self, layers) -> str:
        return f"tree of {', '.join(layers)}"


class Backups:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.kept = error, []

    def keep(self, cluster: str, run: str, content: bytes) -> str:
        if self.error:
            raise self.error
        self.kept.append((cluster, run, content))
        return f"/backups/{cluster}/{run}.json"


class History:
    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.written = error, []

    def begin(self, record) -> None:
        self._write("begin", record)

    def end(self, record, keep_s: float) -> None:
        assert keep_s == 60
        self._write("end", record)

    def _write(self, what: str, record) -> None:
        if self.error:
            raise self.error
        self.written.append((what, record))


STARTER = Starter(run="id", who="t@here", host="here", process="1")


def journal(history=None, backups=None, warned=None) -> RunJournal:
    def write(planned, result, keys):
        return Written(f"{keys}", {"create": 1}, None if result is None else result.error)

    warn = (lambda _: None) if warned is None else warned.append
    return RunJournal(STARTER, history, backups, 60, write, lambda _: 7, warn)


def planned(reader=None, *holds, **options) -> Planned:
    target = Target("one", reader or Reader(), Checkout(), ("base",), Options(**options), Rules())
    return Planned(target, plan(*(holds or (None,))))


def test_a_run_is_backed_up_then_written_down_then_closed() -> None:
    history, backups = History(), Backups()
    found, one = journal(history, backups), planned()
    result = ClusterResult(one.plan, (APPLIED,), verified=True)

    found.before_first_write(one, fresh=True)
    same = found.finished(one, result)

    (begin, begun), (end, ended) = history.written
    assert same is result
    assert (begin, end) == ("begin", "end")
    assert (begun.status, begun.exit_code, begun.ended_at) == (RunStatus.RUNNING, None, None)
    assert (begun.commit, begun.tree, begun.dirty) == ("c" * 40, "tree of base", True)
    assert begun.backup == "/backups/one/id.json"
    assert ended.ended_at >= begun.started_at
    assert ended == replace(
        begun,
        status=RunStatus.APPLIED,
        exit_code=7,
        ended_at=ended.ended_at,
        verified=True,
    )
    assert found.keys() == {"one": {"run": "id", "backup": "/backups/one/id.json"}}


@pytest.mark.parametrize("fresh", [True, False])
def test_under_a_lock_the_last_reading_is_as_good_as_another(fresh: bool) -> None:
    reader = Reader()

    journal(None, Backups()).before_first_write(planned(reader), fresh=fresh)

    assert reader.asked == [not fresh]


def test_only_what_is_in_scope_is_kept() -> None:
    whole, part = Backups(), Backups()

    journal(None, whole).before_first_write(planned(), fresh=True)
    journal(None, part).before_first_write(planned(scope_vhosts=("a",)), fresh=True)

    assert whole.kept == [("one", "id", Reader().export(again=False))]
    assert part.kept == [("one", "id", b'{"queues":[{"vhost":"a","name":"q"}]}')]


@pytest.mark.parametrize(
    ("reader", "backups"),
    [
        (Reader(), Backups(SourceError("the disk is full"))),
        (Reader(BrokerError("the disk is full")), Backups()),
    ],
)
def test_without_a_backup_nothing_may_be_written(reader, backups) -> None:
    history = History()
    found, one = journal(history, backups), planned(reader)

    with pytest.raises(Refused, match=r"the disk is full.*--backup none.*daemon.backups: 0"):
        found.before_first_write(one, fresh=False)

    assert history.written == []
    found.finished(one, ClusterResult(one.plan, (UNSENT,), error="refused"))
    ((what, record),) = history.written
    assert (what, record.status, record.backup) == ("end", RunStatus.REFUSED, None)
    assert record.error == "refused"


def test_without_backups_the_export_is_not_asked_for() -> None:
    reader = Reader()
    found = journal(History())

    found.before_first_write(planned(reader), fresh=False)

    assert reader.asked == []
    assert found.keys() == {"one": {"run": "id", "backup": None}}


def test_a_history_that_cannot_be_had_is_told_and_stops_nothing() -> None:
    warned: list[str] = []
    found = journal(History(HistoryError("history '/h': locked")), Backups(), warned)
    one = planned()

    found.before_first_write(one, fresh=True)
    found.finished(one, ClusterResult(one.plan, (APPLIED,), verified=True))

    assert warned == [
        "the history does not have this run yet, it is written again when that ends: "
        "history '/h': locked",
        "this run is missing in the history: history '/h': locked",
    ]


@pytest.mark.parametrize(
    ("begins", "ends", "told"),
    [
        (False, True, ["the history does not have this run yet"]),
        (True, False, ["how this run ended is missing in the history"]),
    ],
)
def test_a_run_is_called_missing_only_where_the_history_lacks_it(begins, ends, told) -> None:
    warned: list[str] = []
    history = History()
    found, one = journal(history, Backups(), warned), planned()

    history.error = None if begins else HistoryError("locked")
    found.before_first_write(one, fresh=True)
    history.error = None if ends else HistoryError("locked")
    found.finished(one, ClusterResult(one.plan, (APPLIED,), verified=True))

    assert [what for what, _ in history.written] == ["begin" if begins else "end"]
    assert [text.partition(",")[0].partition(":")[0] for text in warned] == told


def test_what_only_holds_is_written_down_and_not_backed_up() -> None:
    history, backups = History(), Backups()
    found, one = journal(history, backups), planned(None, HoldCode.LOSS)

    found.before_first_write(one, fresh=False)
    found.finished(one, ClusterResult(one.plan, (HELD,)))

    assert backups.kept == []
    assert [(what, one.status) for what, one in history.written] == [("end", RunStatus.HELD)]


def test_what_has_nothing_to_do_is_not_written_down() -> None:
    history = History()
    found = journal(history, Backups())
    one = replace(planned(), plan=ClusterPlan("one"))

    found.before_first_write(one, fresh=False)
    found.finished(one, ClusterResult(one.plan))

    assert history.written == []
    assert found.keys() == {}
