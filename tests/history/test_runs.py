"""The history of runs, the same on both databases."""

import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from rmqsync.history.database import MIGRATING
from rmqsync.history.processes import current
from rmqsync.history.runs import RunHistory
from rmqsync.history.schema import VERSION, migrate
from rmqsync.model.errors import HistoryError
from rmqsync.model.runs import RunRecord, RunStatus
from tests.history.records import ended, run

DAY_S = 86400.0
FOREVER_S = 100 * 365 * DAY_S


@pytest.fixture
def history(history_url: str) -> RunHistory:
    return RunHistory(history_url, wait_s=1)


def driver(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:")


def listed(record: RunRecord) -> RunRecord:
    """As a list has it."""
    return replace(record, document=None)


def test_a_history_that_nobody_wrote_is_empty(history: RunHistory) -> None:
    assert history.runs() == ()
    assert history.clusters() == ()
    assert history.find("3") == ()


def test_a_run_is_written_when_it_begins_and_when_it_ends(history: RunHistory) -> None:
    begun = run(process=current())
    done = ended(begun, summary={"create": 2, "applied": 2}, verified=True, backup="/b/1.json")

    history.begin(begun)
    before = history.runs()
    history.end(done, FOREVER_S)

    assert before == (listed(begun),)
    assert history.runs() == (listed(done),)
    assert history.find(begun.run[:6]) == (done,)


def test_the_end_is_written_though_the_beginning_could_not(history: RunHistory) -> None:
    done = ended(run())

    history.end(done, FOREVER_S)

    assert history.runs() == (listed(done),)


texts = st.text(st.characters(), max_size=30)
records = st.builds(
    RunRecord,
    run=st.just(""),
    cluster=texts,
    started_at=st.datetimes(min_value=datetime(2000, 1, 1)).map(
        lambda at: f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    ),
    ended_at=st.none() | st.just("2026-11-24T09:00:00.000Z"),
    trigger=texts,
    who=texts,
    host=texts,
    process=st.just("-/-/1/-"),
    action=texts,
    status=st.sampled_from([one for one in RunStatus if one is not RunStatus.RUNNING]),
    exit_code=st.none() | st.integers(0, 255),
    commit=st.none() | texts,
    tree=st.none() | texts,
    dirty=st.booleans(),
    summary=st.dictionaries(texts, st.integers(0, 10**9), max_size=3),
    verified=st.none() | st.booleans(),
    error=st.none() | texts,
    backup=st.none() | texts,
    rmqsync_version=texts,
    document=st.none() | texts,
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(record=records)
def test_what_is_written_is_read_whatever_is_in_it(history: RunHistory, record: RunRecord) -> None:
    """NUL and halves of characters, which no database takes, are escaped."""
    record = replace(record, run=str(uuid.uuid4()))

    def plain(value: object) -> object:
        if isinstance(value, str):
            return value.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
        return value

    wanted = {
        name: value if name == "summary" else plain(getattr(record, name))
        for name in RunRecord.__slots__
        for value in [getattr(record, name)]
    }

    history.end(record, FOREVER_S)

    (found,) = history.find(record.run)
    assert found == RunRecord(**wanted)


def test_runs_come_newest_first_and_are_chosen(history: RunHistory) -> None:
    first, second = ended(run(1)), ended(run(2, cluster="two"))
    third = ended(run(3, run=second.run))
    for one in (second, third, first):
        history.end(one, FOREVER_S)

    assert history.runs() == (listed(third), listed(second), listed(first))
    assert history.runs(limit=1) == (listed(third),)
    assert history.runs(clusters=["two"]) == (listed(second),)
    assert history.runs(clusters=[]) == ()
    assert history.runs(since=second.started_at) == (listed(third), listed(second))
    assert history.clusters() == ("one", "two")
    assert history.ids() == (second.run, first.run)
    assert history.find(second.run) == (third, second)


def test_the_beginning_of_an_id_is_no_pattern(history: RunHistory) -> None:
    history.end(ended(run()), FOREVER_S)

    assert history.find("%") == ()
    assert history.find("_") == ()


def test_old_runs_go_but_the_last_of_each_cluster(history: RunHistory) -> None:
    now = datetime.now(UTC)

    def at(days: float, cluster: str) -> RunRecord:
        time = (now - timedelta(days=days)).isoformat(timespec="milliseconds")
        return ended(run(cluster=cluster), started_at=time.replace("+00:00", "Z"))

    old = [at(9, "one"), at(8, "one"), at(7, "two")]
    new = at(1, "one")
    for one in old:
        history.end(one, FOREVER_S)

    history.end(new, 2 * DAY_S)

    assert [one.started_at for one in history.runs()] == [new.started_at, old[2].started_at]


def process_of_a_child(code: str = "") -> tuple[str, "subprocess.Popen[str]"]:
    """A process as it tells of itself; it lives until its input ends."""
    script = "from rmqsync.history.processes import current as c; print(c(), flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    return child.stdout.readline().strip(), child


def test_a_run_whose_process_is_gone_was_interrupted(history: RunHistory) -> None:
    process, child = process_of_a_child()
    history.begin(run(1, process=process))
    alive = [one.status for one in history.runs()]

    child.kill()
    child.communicate()
    gone = [one.status for one in history.runs()]

    assert alive == [RunStatus.RUNNING]
    assert gone == [RunStatus.INTERRUPTED]


def test_a_later_run_of_the_host_closes_what_died(history: RunHistory, history_url: str) -> None:
    """So that others, who cannot see its processes, know too."""
    process, child = process_of_a_child()
    child.communicate("\n")
    history.begin(run(1, process=process))
    history.begin(run(2, process=process, host="elsewhere"))

    history.begin(run(3, process=current(), cluster="two"))

    engine = create_engine(driver(history_url))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT status FROM rmqsync_runs ORDER BY started_at"))
        found = [status for (status,) in rows]
    engine.dispose()
    assert found == ["interrupted", "running", "running"]


def test_a_run_that_broke_off_in_a_process_that_goes_on_is_closed(history: RunHistory) -> None:
    """As a daemon does after an error of its own."""
    for second, cluster in ((1, "one"), (2, "two"), (3, "one")):
        history.begin(run(second, process=current(), cluster=cluster))

    assert [one.status.value for one in history.runs()] == ["running", "running", "interrupted"]


@pytest.mark.parametrize("cluster", ["one", "two"])
def test_a_run_elsewhere_is_over_once_another_ended_after_it(
    history: RunHistory, cluster: str
) -> None:
    history.begin(run(1, process="other/1/1/1"))
    history.begin(run(2, process=current()))
    before = history.runs()[1].status

    history.end(ended(run(3, cluster=cluster)), FOREVER_S)

    after = {one.started_at: one.status for one in history.runs()}["2026-11-24T08:00:01.000Z"]
    assert before is RunStatus.RUNNING
    assert after is (RunStatus.INTERRUPTED if cluster == "one" else RunStatus.RUNNING)


_WRITER = """
import sys
from rmqsync.history.runs import RunHistory
from tests.history.records import ended, run
history = RunHistory(sys.argv[1])
for second in range(10):
    record = run(second)
    history.begin(record)
    history.end(ended(record), 1e10)
"""


def test_many_processes_write_at_once_from_the_first_on(
    history: RunHistory, history_url: str
) -> None:
    """They meet in a database that does not even have its tables yet."""
    command = [sys.executable, "-c", _WRITER, history_url]

    with ThreadPoolExecutor(6) as pool:
        done = list(
            pool.map(lambda _: subprocess.run(command, capture_output=True, text=True), range(6))
        )

    assert [one.stderr for one in done] == [""] * 6
    assert len(history.runs()) == 60


def test_who_comes_while_tables_are_made_waits_for_them(postgres) -> None:
    """SQLite has its one lock for writers; PostgreSQL would let two make the same table."""
    url = postgres.new_database()
    history = RunHistory(url, wait_s=3)
    engine = create_engine(driver(url))
    with engine.connect() as first, ThreadPoolExecutor(1) as pool:
        first.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATING})
        migrate(first)
        second = pool.submit(history.begin, run())
        time.sleep(0.5)
        waits = not second.done()
        first.commit()
        second.result()
    engine.dispose()

    assert waits
    assert len(history.runs()) == 1


def test_a_newer_history_is_left_alone(history: RunHistory, history_url: str) -> None:
    history.begin(run())
    engine = create_engine(driver(history_url))
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE rmqsync_history SET version = {VERSION + 1}"))
    engine.dispose()

    for use in (history.runs, lambda: history.begin(run()), lambda: history.end(run(), 1)):
        with pytest.raises(HistoryError, match=f"newer rmqsync: its version is {VERSION + 1},"):
            use()


def test_a_table_that_is_locked_is_waited_for_a_bounded_time(
    history: RunHistory, history_url: str
) -> None:
    history.begin(run())
    engine = create_engine(driver(history_url))
    begin = "BEGIN EXCLUSIVE" if history_url.startswith("sqlite") else "BEGIN"
    with engine.connect() as connection:
        connection.exec_driver_sql(begin) if begin != "BEGIN" else connection.exec_driver_sql(
            "LOCK TABLE rmqsync_runs"
        )
        started = time.monotonic()
        with pytest.raises(HistoryError, match="lock"):
            history.begin(run())
        took = time.monotonic() - started
    engine.dispose()

    assert 0.9 < took < 5


def test_a_row_that_is_none_of_ours_is_told(history: RunHistory, history_url: str) -> None:
    history.begin(run())
    engine = create_engine(driver(history_url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE rmqsync_runs SET summary = '[1]'"))
    engine.dispose()

    with pytest.raises(HistoryError, match="none of ours"):
        history.runs()


def test_the_password_is_in_no_error(postgres) -> None:
    gone = RunHistory(postgres.url().replace(f":{postgres.port}/", ":9/"), wait_s=1)
    denied = RunHistory(postgres.url().replace(postgres.password, "hunter2-wrong"), wait_s=1)

    for history, reason in ((gone, "refused"), (denied, "password authentication failed")):
        with pytest.raises(HistoryError, match=reason) as caught:
            history.begin(run())
        assert postgres.password not in str(caught.value)
        assert "hunter2" not in str(caught.value)


def test_a_url_that_is_none_is_not_repeated() -> None:
    with pytest.raises(HistoryError) as caught:
        RunHistory("hunter2")

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://u:hunter2@h/db", "sqlite://u:hunter2@h/db"])
def test_another_database_is_refused_by_name(url: str) -> None:
    with pytest.raises(HistoryError, match="sqlite:///PATH") as caught:
        RunHistory(url)

    assert "hunter2" not in str(caught.value)


def test_a_path_may_hold_what_means_something_in_a_url(tmp_path) -> None:
    path = tmp_path / "100% of ?runs#" / "history.sqlite"

    RunHistory(f"sqlite:///{path}").begin(run())

    assert path.exists()
    assert len(RunHistory(f"sqlite:///{path}").runs()) == 1


def test_a_missing_driver_says_what_to_install() -> None:
    """As it is after `pip install rmqsync` alone."""
    script = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from rmqsync.history.runs import RunHistory\n"
        "RunHistory('postgresql://u:hunter2@h/db')"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    last = done.stderr.splitlines()[-1]
    assert last.endswith("install it with: pip install 'rmqsync[postgresql]'")
    assert "hunter2" not in done.stderr


def test_nothing_is_imported_before_it_is_used() -> None:
    script = (
        "import sys, rmqsync.cli.history, rmqsync.cli.plan, rmqsync.wiring_history; "
        "print('sqlalchemy' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert done.stdout == "False\n", done.stderr


def test_the_file_is_for_its_owner_only(tmp_path) -> None:
    path = tmp_path / "data" / "history.sqlite"

    RunHistory(f"sqlite:///{path}").begin(run())

    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert os.stat(path.parent).st_mode & 0o777 == 0o700


def test_reading_makes_no_file(tmp_path) -> None:
    RunHistory(f"sqlite:///{tmp_path}/none.sqlite").runs()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("reads", [True, False])
def test_each_time_a_file_is_removed_that_was_in_use_is_told_once(
    tmp_path, caplog: pytest.LogCaptureFixture, reads: bool
) -> None:
    url = f"sqlite:///{tmp_path}/history.sqlite"
    one, other = RunHistory(url), RunHistory(url)
    one.runs()
    one.begin(run())
    assert caplog.messages == []

    for times in (1, 2):
        for file in tmp_path.glob("history.sqlite*"):
            file.unlink()
        if reads:
            assert (other.runs(), one.runs()) == ((), ())
        other.begin(run())
        one.begin(run())

        assert len(caplog.messages) == times
    assert caplog.messages[0].startswith(f"history '{tmp_path}/history.sqlite' was removed while ")


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
def test_a_file_that_is_no_history_is_told_by_name(tmp_path, content: bytes) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(content)
    history = RunHistory(f"sqlite:///{path}", wait_s=1)

    for use in (history.runs, lambda: history.begin(run())):
        with pytest.raises(HistoryError, match=f"history '{path}': "):
            use()
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_file_is_told(tmp_path) -> None:
    history = RunHistory(f"sqlite:///{tmp_path}", wait_s=1)

    for use in (history.runs, lambda: history.begin(run())):
        with pytest.raises(HistoryError, match=f"history '{tmp_path}': "):
            use()


def test_the_other_name_of_postgresql_is_understood(postgres) -> None:
    """As platforms write it that hand out addresses of databases."""
    history = RunHistory(postgres.new_database().replace("postgresql:", "postgres:"))

    history.begin(run())

    assert len(history.runs()) == 1
