"""Pages: whatever things are called is shown as it is, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, unquote

import pytest

from rmqsync.daemon.web.pages import SHOWN
from rmqsync.model.errors import BrokerError, HistoryError, Unreachable
from tests.daemon.web import fleet
from tests.daemon.web.fakes import FakeService
from tests.daemon.web.webs import Web

OBJECTS = [
    f"/clusters/shanghai/objects/{quote(fleet.queue(name), safe='/:')}" for name in fleet.HOSTILE
]
PAGES = [
    "/",
    "/drift",
    "/runs",
    f"/runs/{fleet.RUN}",
    f"/runs/{fleet.RUN[:8]}",
    "/clusters/shanghai",
    "/clusters/shanghai?all=1",
    "/clusters/shanghai/topology",
    "/clusters/shanghai/topology?all=1",
    "/clusters/stopped",
    "/clusters/waiting",
    "/clusters/new",
    *(f"/clusters/site-{sync}" for sync in ("in-sync", "drifted", "failed", "unreachable")),
    *OBJECTS,
]
NOT_THERE = [
    "/nothing",
    f"/clusters/{quote(fleet.SCRIPT, safe='')}",
    f"/clusters/shanghai/objects/{quote(fleet.SCRIPT)}",
    "/runs/nothing",
    "/static/nothing.css",
    "/static/..%2Fapp.py",
    f"/static/{'x' * 300}.css",
    "/static/%00.css",
]


class Page(HTMLParser):
    """What a browser makes of a page: elements with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._said: list[str] = []
        self.feed(text)
        self.text = " ".join(" ".join(self._said).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self._said.append(data)

    def all(self, attribute: str) -> list[str]:
        return [found for _, one in self.elements if (found := one.get(attribute)) is not None]


def page(path: str, web: Web | None = None) -> Page:
    answer = (web or Web()).get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return Page(answer.text)


@pytest.mark.parametrize("path", PAGES)
def test_no_name_becomes_markup(path: str) -> None:
    found = page(path)

    scripts = [one for tag, one in found.elements if tag == "script"]
    assert all(one["src"] for one in scripts)
    assert {one["src"] for one in scripts} <= {
        f"/static/{name}.js" for name in ("app", "layout", "topology")
    }
    assert "b" not in {tag for tag, _ in found.elements}
    assert not [name for _, one in found.elements for name in one if name.startswith("on")]
    assert "49" not in found.text.split()


@pytest.mark.parametrize("path", PAGES)
def test_nothing_comes_from_elsewhere(path: str) -> None:
    found = page(path)

    links = [link for name in ("href", "src", "action", "data-url") for link in found.all(name)]
    assert links
    assert all(re.match(r"/(?!/)|#|\?", link) for link in links), links
    assert not found.all("style")
    assert "style" not in {tag for tag, _ in found.elements}


@pytest.mark.parametrize("path", ["/", "/clusters/shanghai", "/clusters/shanghai/topology", "/runs",
                                  f"/runs/{fleet.RUN}", OBJECTS[0]])  # fmt: skip
def test_every_link_of_a_page_leads_somewhere(path: str) -> None:
    web = Web()
    links = {link for link in page(path, web).all("href") if link.startswith("/")}
    there = {node["id"] for node in fleet.topology()["nodes"]}

    statuses = {}
    for link in links:
        _, _, address = link.partition("/objects/")
        if not address or unquote(address) in there:
            statuses[link] = web.get(link.partition("#")[0]).status_code

    assert set(statuses.values()) == {200}, statuses


@pytest.mark.parametrize(
    "asset", ["app.js", "layout.js", "topology.js", "style.css", "favicon.svg"]
)
def test_no_asset_takes_anything_from_elsewhere(asset: str) -> None:
    answer = Web().get(f"/static/{asset}")

    assert answer.status_code == 200
    hosts = set(re.findall(r"(?:https?:)?//[\w.]+[\w/]*", re.sub(r"(?m)^\s*//.*", "", answer.text)))
    assert hosts <= {"http://www.w3.org/2000/svg"}
    assert "@import" not in answer.text
    assert "innerHTML" not in answer.text


@pytest.mark.parametrize("path", NOT_THERE)
def test_what_is_not_there_is_told_as_a_page(path: str) -> None:
    answer = Web().get(path)

    assert answer.status_code == 404
    assert "<h1>Error 404</h1>" in answer.text
    assert fleet.SCRIPT not in answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(Unreachable("no node answers"), 502, id="a broker"),
        pytest.param(HistoryError("the history is locked"), 503, id="the history"),
        pytest.param(ZeroDivisionError("of ours"), 500, id="a bug"),
    ],
)
def test_an_error_is_told_as_a_page(error: Exception, status: int) -> None:
    web = Web()
    web.service.error = error

    answer = web.get("/clusters/shanghai")

    assert answer.status_code == status
    assert f"<h1>Error {status}</h1>" in answer.text
    assert ("of ours" in answer.text, isinstance(error, BrokerError)) in {
        (False, True), (False, False),
    }  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
def test_no_sign_turns_round_what_is_read(path: str) -> None:
    assert "\u202e" not in page(path).text


def test_a_sign_that_nobody_sees_is_shown_as_an_escape() -> None:
    web = Web(FakeService([fleet.cluster("one", "failed", error="evil\u202eknil\x00\nnext")]))

    assert "evil\\u202eknil\\x00 next" in page("/clusters/one", web).text


def test_the_worst_cluster_comes_first() -> None:
    text = page("/").text

    names = [
        "site-failed",
        "site-unreachable",
        "shanghai",
        "site-drifted",
        "waiting",
        "site-in-sync",
    ]
    assert sorted(names, key=text.index) == names


def test_what_is_to_be_done_is_counted() -> None:
    text = page("/").text

    assert f"shanghai ‖ held {len(fleet.HOSTILE) + 2} 2 2 3" in text


def test_a_held_change_tells_what_allows_it_and_offers_to_approve_what_can_be() -> None:
    found = page("/clusters/shanghai")

    bodies = [body for body in found.all("data-body") if body]
    assert [fleet.HELD in body for body in bodies].count(True) == 1
    assert not [body for body in bodies if fleet.PROTECTED in body]
    assert f"--allow-loss messages:{fleet.HELD}" in found.text
    assert "Nothing allows this." in found.text
    assert f"rmqsync approve shanghai {fleet.HELD}" in found.text


def test_one_message_and_one_consumer_are_not_told_as_several() -> None:
    deleted = fleet.change("qu.a", "delete")
    deleted["impact"] = {"messages": 1, "consumers": 1, "implied": []}
    one = fleet.cluster("one", "held", plan=fleet.plan("one", [deleted]))
    text = page("/clusters/one", Web(FakeService([one]))).text

    assert "Holds 1 message. Has 1 consumer." in text
    assert "Holds 42 messages. Has 2 consumers." in page("/clusters/shanghai").text


def test_held_drift_tells_what_allows_it_where_the_drift_is_told() -> None:
    found = page("/clusters/shanghai")

    assert f"rmqsync approve shanghai --address {fleet.DRIFTED}" in found.text
    assert [fleet.DRIFTED in body for body in found.all("data-body")].count(True) == 1


CLEAN = ("Nobody changed anything past git", "Nothing is held.", "Nothing is left to do.")
NEVER_READ: Any = {"plan": None, "summary": None, "applied": None, "checked_at": None,
                   "drift_known": False}  # fmt: skip


@pytest.mark.parametrize("sync", ["unreachable", "unknown", "failed"])
def test_a_cluster_that_was_never_read_is_not_called_clean(sync: Any) -> None:
    web = Web(FakeService([fleet.cluster("one", sync, **NEVER_READ)]))

    text = page("/clusters/one", web).text

    assert not [one for one in CLEAN if one in text]
    assert "Not compared yet" in text
    assert f"{sync} – – – –" in page("/", web).text
    assert "Nobody changed" not in page("/drift", web).text


@pytest.mark.parametrize("sync", ["unreachable", "failed"])
def test_what_cannot_be_read_any_more_is_told_as_of_when_it_could(sync: Any) -> None:
    web = Web(FakeService([fleet.cluster("one", sync)]))

    assert "What follows is as of" in page("/clusters/one", web).text
    assert "2026-01-02 03:04:05Z" in page("/clusters/one", web).text
    assert "As of" in page("/", web).text
    assert "as of" not in page("/clusters/site-in-sync").text


def test_where_nothing_was_applied_nobody_is_called_innocent() -> None:
    found = fleet.cluster("one", "pending", mode="report", applied=None, drift_known=False)
    web = Web(FakeService([found]))

    for path in ("/clusters/one", "/drift"):
        text = page(path, web).text
        assert "Nobody changed" not in text
        assert "whose change a difference is cannot be told" in text
    assert "→ pending 0 – 0" in page("/", web).text


def test_drift_is_told_once_and_not_as_held_too() -> None:
    """Paused or not: what is left alone needs nobody's yes."""
    for code in ("drift", "paused"):
        held = fleet.hold(code, "rmqsync resume one")
        change = fleet.change(fleet.DRIFTED, "update", cause="drift", hold=held)
        plan = fleet.plan("one", [change])
        found = fleet.cluster("one", "drifted", plan=plan, drifts=[fleet.drift(fleet.DRIFTED)])
        text = page("/clusters/one", Web(FakeService([found]))).text

        assert "Held 0 Nothing else: what has drifted is left alone" in text
        assert f"{fleet.DRIFTED} left alone" in text


def test_the_fleet_tells_who_paused_a_cluster_and_until_when() -> None:
    told = r"Paused by ops & co \d+ d ago , until 2099-01-01 00:00:00Z \( in \d+ d \): <script>"

    assert re.search(told, page("/").text)


def test_a_cluster_tells_that_the_newest_commit_of_its_source_is_broken() -> None:
    text = page("/clusters/site-in-sync").text

    assert "cannot be used; c0ffee012345 stays in force" in text
    assert "base/<b>.yaml:3:9 unknown key" in text


def test_a_history_that_cannot_be_read_is_not_an_empty_one() -> None:
    web = Web()
    web.service.history_problem = "the history file is locked"

    for path in ("/clusters/shanghai", "/runs"):
        text = page(path, web).text
        assert "The history cannot be read: the history file is locked" in text
        assert "No runs yet." not in text


def test_older_runs_are_a_link_away_and_those_of_one_cluster_can_be_had() -> None:
    web = Web()
    web.service.past = 91

    first, all_of_them = page("/runs?cluster=waiting", web), page("/runs?limit=200", web)

    assert "These are the newest 50." in first.text
    assert "/runs?cluster=waiting&limit=200" in first.all("href")
    assert {one for one in first.all("href") if one.startswith("/clusters/")} == {
        "/clusters/waiting"
    }
    assert "These are the newest" not in all_of_them.text
    assert "/runs?cluster=shanghai" in page("/clusters/shanghai", web).all("href")
    assert web.get("/runs?cluster=nobody").status_code == 404
    assert [web.get(f"/runs?limit={one}").status_code for one in ("0", "x", "9999999")] == [200] * 3


def test_a_run_shows_who_approved_what_and_why() -> None:
    web = Web()
    told = "one: queue:a approved by ann until 2026-01-02: agreed"
    web.service.outcome["clusters"][0]["findings"] = [
        {"code": "RMQ104", "severity": "note", "message": told, "address": None, "source": None}
    ]

    assert f"note {told}" in page(f"/runs/{fleet.RUN}", web).text


def test_a_run_of_which_nothing_was_sent_says_so() -> None:
    web = Web()
    cluster = web.service.outcome["clusters"][0]
    web.service.outcome["runs"] = [{**fleet.past_run(), "status": "refused"}]
    cluster["changes"] = [fleet.change("qu.a", result="skipped", error="no lock")]

    text = page(f"/runs/{fleet.RUN}", web).text

    assert "The run was refused: nothing was sent." in text
    assert "read again" not in text


def test_a_run_that_was_killed_says_that_nobody_knows_its_end() -> None:
    web = Web()
    web.service.outcome["clusters"] = [fleet.plan("shanghai", [fleet.change("qu.a")])]
    web.service.outcome["runs"] = [{**fleet.past_run(), "status": "interrupted"}]

    text = page(f"/runs/{fleet.RUN}", web).text

    assert "How it ended is not known. This is what it was about to do:" in text


def test_an_object_tells_where_each_value_comes_from() -> None:
    text = page(OBJECTS[0]).text

    assert "durable true true base base/queues.yaml:7" in text
    assert "regions/<b>" in text
    assert f"Policy in force: {fleet.SCRIPT}" in text


def test_links_are_told_by_name_and_lead_to_where_they_end() -> None:
    found = page("/clusters/shanghai/topology")

    assert "订单队列 queue in /" in found.text
    assert "%E8" not in found.text
    assert "/clusters/site-drifted/topology#queue%3A%252F%2Fqu.dead" in found.all("href")
    assert "mail shovel in / site-drifted: qu.dead cluster" in found.text
    assert "mq.far.example cluster" in found.text


def test_a_policy_is_told_with_its_objects_and_an_object_with_its_policy() -> None:
    def place(address: str) -> str:
        return f"/clusters/shanghai/objects/{quote(address, safe='/:')}"

    assert "expiry policy / 1 object" in page("/clusters/shanghai/topology").text
    policy = page(place(fleet.EXPIRY))
    assert "In force for 1 qu.order.billing queue in /" in policy.text
    assert place(fleet.BILLING) in policy.all("href")
    assert place(fleet.policy(fleet.SCRIPT)) in page(place(fleet.BILLING)).all("href")


def test_a_vhost_can_be_chosen_by_its_very_name() -> None:
    """The text of an option loses blanks, its value does not."""
    found = page("/clusters/shanghai/topology")

    values = [one.get("value") for tag, one in found.elements if tag == "option"]
    assert values == ["", *fleet.topology()["vhosts"]]


def many(count: int) -> FakeService:
    """Return a daemon with a cluster where all that many objects differ."""
    names = [f"qu.{number:05}" for number in range(count)]
    changes = [fleet.change(name, "update", fields=[fleet.FIELD]) for name in names]
    found = fleet.plan("big", changes, unmanaged=count)
    drifts = [fleet.drift(f"drifted.{name}") for name in names]
    service = FakeService([fleet.cluster("big", "drifted", plan=found, drifts=drifts)])
    queues = [fleet.queue(name) for name in names]
    service.drawn = {
        "cluster": "big",
        "at": fleet.AT,
        "vhosts": ["/"],
        "nodes": [fleet.node(fleet.ORDERS), *(fleet.node(one) for one in queues)],
        "links": [fleet.link(fleet.ORDERS, one, "#") for one in queues],
    }
    return service


@pytest.mark.parametrize(("path", "groups"), [("/clusters/big", 3), ("/clusters/big/topology", 1)])
def test_of_ten_thousand_objects_a_page_shows_a_few_and_how_many_there_are(
    path: str, groups: int
) -> None:
    answer = Web(many(10_000)).get(path)

    found = Page(answer.text)
    assert len(answer.content) < 1_000_000
    links = [link for link in found.all("href") if "/objects/" in link]
    assert len(set(links)) <= groups * SHOWN + 1
    assert found.text.count("10000") >= groups
    assert "9800 more are not shown" in found.text


def test_all_are_shown_where_that_is_asked_for() -> None:
    found = page("/clusters/big?all=1", Web(many(1000)))

    links = {link for link in found.all("href") if "/objects/" in link}
    assert len(links) == 3000
    assert "more are not shown" not in found.text
