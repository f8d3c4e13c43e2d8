"""Who is told of what, once; and that telling is in nobody's way."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest

from rmqsync.config.secrets import SecretRef
from rmqsync.config.settings import Event, Notify
from rmqsync.daemon.documents import ClusterDetailDocument
from rmqsync.daemon.drifts import DriftLog, Noted
from rmqsync.daemon.happenings import Happening, Said, happenings, losses, run_happening
from rmqsync.daemon.notify import Notifier
from rmqsync.daemon.watch import Watch
from rmqsync.model.drifts import DriftRow, Told, looked
from rmqsync.model.errors import HistoryError
from rmqsync.report.document import ChangeDocument

SECRET = "pa55word-of-the-hook"
BOUND_S = 10.0


class Hook(ThreadingHTTPServer):
    """Takes what it is told; answers with what it should."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.statuses: list[int] = []
        self.came = threading.Semaphore(0)
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.came.release()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def url(hook: Hook) -> str:
    return f"json://ann:{SECRET}@127.0.0.1:{hook.server_address[1]}/x"


def target(*events: Event, clusters: tuple[str, ...] = ("*",)) -> Notify:
    return Notify(url=SecretRef(env="X"), on=events or tuple(Event), clusters=clusters)


def happened(event: Event, cluster: str = "one", title: str = "it happened") -> Happening:
    return Happening(event, cluster, title, ("queue:shop/a",))


def test_what_happens_at_once_is_one_message_to_whoever_wants_it(hook: Hook) -> None:
    counted: list[str] = []
    notifier = Notifier([(target(Event.DRIFT, clusters=("one",)), url(hook))], counted.append)
    notifier.tell(happened(Event.DRIFT, title="first"))
    notifier.tell(happened(Event.HELD, title="unwanted"))
    notifier.tell(happened(Event.DRIFT, "two", title="elsewhere"))
    notifier.tell(happened(Event.DRIFT, title="second"))
    notifier.close(BOUND_S)

    (message,) = hook.got
    assert "first" in message["message"]
    assert "second" in message["message"]
    assert "queue:shop/a" in message["message"]
    assert "unwanted" not in message["message"]
    assert "elsewhere" not in message["message"]
    assert counted == ["sent"]


def test_it_is_tried_again_and_told_when_it_is_in_vain(
    hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.statuses = [500, 500, 200, 500, 500, 500]
    counted: list[str] = []
    notifier = Notifier([(target(), url(hook))], counted.append, pauses_s=(0.01, 0.01))
    notifier.tell(happened(Event.FAILED))
    for _ in range(3):
        assert hook.came.acquire(timeout=BOUND_S)
    notifier.tell(happened(Event.FAILED))
    for _ in range(3):
        assert hook.came.acquire(timeout=BOUND_S)
    notifier.close(BOUND_S)

    assert counted == ["sent", "failed"]
    told = "notify[0] could not be told (it answers 500): it happened"
    assert [one.getMessage() for one in caplog.records if one.name == "rmqsync.daemon"] == [told]
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (f"json://ann:{SECRET}@127.0.0.1:1/x", "connection refused"),
        (f"gibberish://{SECRET}", "apprise does not know such an address"),
    ],
)
def test_what_is_lost_is_told_with_the_reason_and_without_the_address(
    where: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    notifier = Notifier([(target(), where)], pauses_s=())
    notifier.tell(happened(Event.FAILED, title="the first"))
    notifier.tell(happened(Event.HELD, title="the second"))
    notifier.close(BOUND_S)

    told = f"notify[0] could not be told ({reason}): the first; the second"
    assert [one.getMessage() for one in caplog.records if one.name == "rmqsync.daemon"] == [told]
    assert SECRET not in caplog.text


def detail(sync: str, **keys: Any) -> ClusterDetailDocument:
    return cast(
        ClusterDetailDocument,
        {"name": "one", "sync": sync, "error": None, "mode": "apply", "plan": None, **keys},
    )


def events(*syncs: str) -> list[tuple[Event, str]]:
    told = Said()
    found = []
    for sync in syncs:
        new, told = happenings(told, detail(sync), None)
        found += [(one.event, one.title.partition(": ")[2]) for one in new]
    return found


def test_a_state_is_told_when_it_comes_and_when_it_is_over() -> None:
    assert events("in-sync", "failed", "failed", "in-sync", "pending", "in-sync") == [
        (Event.FAILED, "the last comparison failed"),
        (Event.FAILED, "it does not fail any more"),
    ]


@pytest.mark.parametrize(
    ("in_run", "title"),
    [
        (True, "cluster one: the last run failed"),
        (False, "cluster one: the last comparison failed"),
    ],
)
def test_it_is_told_whether_a_run_failed_or_a_comparison(in_run: bool, title: str) -> None:
    (found,), _ = happenings(Said(), detail("failed"), None, in_run=in_run)

    assert found.title == title


def test_while_a_cluster_cannot_be_read_nothing_is_over() -> None:
    syncs = ("held", "failed", "unreachable", "failed", "unreachable", "failed", "in-sync")

    assert events(*syncs) == [
        (Event.HELD, "changes are held"),
        (Event.FAILED, "the last comparison failed"),
        (Event.UNREACHABLE, "it cannot be reached"),
        (Event.FAILED, "it does not fail any more"),
        (Event.HELD, "nothing is held any more"),
        (Event.UNREACHABLE, "it can be reached again"),
    ]


def test_a_cluster_that_was_read_can_be_reached_though_a_run_on_it_failed() -> None:
    told = Said(frozenset({Event.UNREACHABLE, Event.FAILED}))

    found, left = happenings(told, detail("failed"), Noted([], [], []))

    assert [one.title for one in found] == ["cluster one: it can be reached again"]
    assert left.events == {Event.FAILED}


def test_good_news_is_no_warning() -> None:
    told = Said()
    calm = []
    for sync in ("held", "in-sync", "unreachable", "in-sync"):
        found, told = happenings(told, detail(sync), None)
        calm += [one.is_good for one in found]

    assert calm == [False, True, False, True]


def test_the_log_warns_of_trouble_and_not_of_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="rmqsync.daemon")
    watch = Watch(DriftLog(None), Notifier([]), cast(Any, None))
    for sync in ("held", "in-sync"):
        watch.changed(detail(sync), None)

    assert [(one.levelname, one.message) for one in caplog.records] == [
        ("WARNING", "cluster one: changes are held"),
        ("INFO", "cluster one: nothing is held any more"),
    ]


@pytest.mark.parametrize(("number", "said"), [(1, "1 change made"), (2, "2 changes made")])
def test_one_change_is_not_told_as_several(number: int, said: str) -> None:
    done = [
        {"result": "applied", "action": "create", "address": f"queue:a/{n}"} for n in range(number)
    ]
    found = run_happening("one", "applied", cast(Any, {"changes": done}), "0123456789")

    assert found is not None
    assert found.title.endswith(said)


def test_what_is_held_is_not_told_again_after_the_cluster_was_away() -> None:
    assert events("held", "unreachable", "held", "drifted") == [
        (Event.HELD, "changes are held"),
        (Event.UNREACHABLE, "it cannot be reached"),
        (Event.UNREACHABLE, "it can be reached again"),
        (Event.HELD, "nothing is held any more"),
    ]


def change(address: str) -> ChangeDocument:
    return cast(ChangeDocument, {"address": address, "kind": "queue", "cause": "drift"})


class Away:
    def look(self, cluster: str, causes: Any, at: str) -> Any:
        raise HistoryError("the history is away")


@pytest.mark.parametrize("store", [None, Away()])
def test_without_a_history_drift_is_kept_in_memory(
    store: Any, caplog: pytest.LogCaptureFixture
) -> None:
    log = DriftLog(store)
    first = log.note("one", [change("queue:a/b")], "2026-01-01T00:00:00Z")
    same = log.note("one", [change("queue:a/b")], "2026-01-01T00:01:00Z")
    gone = log.note("one", [], "2026-01-01T00:02:00Z")
    again = log.note("one", [change("queue:a/b")], "2026-01-01T00:03:00Z")

    assert [len(noted.new) for noted in (first, same, gone, again)] == [1, 0, 0, 1]
    assert [row.address for row in gone.gone] == ["queue:a/b"]
    assert (again.open[0]["times"], again.open[0]["since"]) == (2, "2026-01-01T00:03:00Z")
    assert caplog.text.count("drift is kept in memory only") == (store is not None)


class Returning:
    """A store that is away at first, and knows then what it is told."""

    def __init__(self) -> None:
        self.is_away = True
        self.rows: dict[str, DriftRow] = {}

    def look(self, cluster: str, causes: Any, at: str) -> Told:
        if self.is_away:
            raise HistoryError("the history is away")
        told = looked(self.rows.values(), cluster, causes, at)
        self.rows.update({row.address: row for row in (*told.open, *told.gone)})
        return told


def test_what_drifted_while_the_history_was_away_is_written_later_and_told_once() -> None:
    store = Returning()
    log = DriftLog(store)
    drifted = [change("queue:a/b")]
    log.note("one", drifted, "2026-01-01T00:00:00Z")
    store.is_away = False
    back = log.note("one", drifted, "2026-01-01T00:01:00Z")

    assert [row.address for row in store.rows.values()] == ["queue:a/b"]
    assert (len(back.open), back.new) == (1, [])
    store.is_away = True
    gone = log.note("one", [], "2026-01-01T00:02:00Z")
    store.is_away = False
    again = log.note("one", [], "2026-01-01T00:03:00Z")
    assert [len(noted.gone) for noted in (gone, again)] == [1, 0]
    assert store.rows["queue:a/b"].gone_at is not None


def test_new_drift_is_told_once_and_so_is_its_end() -> None:
    log = DriftLog(None)
    told = Said()
    titles = []
    for changes in ([change("queue:a/b")], [change("queue:a/b")], []):
        noted: Noted = log.note("one", changes, "2026-01-01T00:00:00Z")
        found, told = happenings(told, detail("drifted"), noted)
        titles += [one.title for one in found]

    assert titles == [
        "cluster one: 1 object changed outside of rmqsync",
        "cluster one: 1 object no longer drifted",
    ]


def test_what_a_killed_run_took_is_told_once_and_again_where_it_is_another() -> None:
    told: frozenset[str] = frozenset()
    titles, lines = [], []
    for message in ("run 1 took a", None, "run 1 took a", "run 2 took b"):
        findings = [{"code": "RMQ101", "message": "else"}]
        if message is not None:
            findings.append({"code": "RMQ106", "message": message})
        found, told = losses(told, detail("in-sync", plan={"findings": findings}))
        titles += [(one.event, one.title) for one in found]
        lines += [one.lines[:-1] for one in found]
        assert not losses(told, detail("in-sync", plan={"findings": findings}))[0]
        assert losses(told, detail("unreachable")) == ([], told)

    assert lines == [
        ("run 1 took a",),
        ("run 1 took a",),
        ("run 2 took b",),
    ]
    assert set(titles) == {(Event.FAILED, "cluster one: a run was killed amid a replacement")}
