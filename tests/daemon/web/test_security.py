"""Anonymous people read, holders of a token do what it is for, other sites have nothing done."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import HTTPException, Request

from rmqsync.config.settings import Right
from rmqsync.daemon.ports import SHORT
from rmqsync.daemon.web.security import FAILURES_S, MOST_BODY, MOST_FAILURES, Rate, Tokens
from tests.daemon.web import fleet
from tests.daemon.web.webs import HERE, READER, TOKEN, Web

API = "/api/v1/clusters/waiting"
PAUSE = {"reason": "maintenance", "for": "2h"}
APPROVE = {"fingerprint": fleet.FINGERPRINT, "addresses": []}
DOES = [
    pytest.param("plan", None, 202, ("plan", "waiting", "ops"), id="plan"),
    pytest.param("sync", None, 202, ("sync", "waiting", "ops"), id="sync"),
    pytest.param("cancel", None, 202, ("cancel", "waiting", "ops"), id="cancel"),
    pytest.param("pause", PAUSE, 200, ("pause", "waiting", "maintenance", "ops", True), id="pause"),
    pytest.param("resume", None, 200, ("resume", "waiting", "ops"), id="resume"),
    pytest.param("approve", APPROVE, 200, ("approve", "waiting", "ops", (), None), id="approve"),
]
ALL = ["plan", "sync", "cancel", "pause", "resume", "approve"]
BODIES: dict[str, Any] = {"pause": PAUSE, "approve": APPROVE}
READS = [
    "/", "/runs", "/clusters/shanghai", "/clusters/shanghai/topology", "/healthz", "/readyz",
    "/metrics", "/api/v1/fleet", "/api/v1/clusters", "/api/v1/clusters/shanghai",
    "/api/v1/clusters/shanghai/topology", "/api/v1/runs", "/api/v1/openapi.json",
    "/static/app.js",
]  # fmt: skip


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.mark.parametrize(("verb", "body", "status", "call"), DOES)
def test_a_token_with_the_right_does_it_in_its_name(
    web: Web, verb: str, body: Any, status: int, call: tuple[Any, ...]
) -> None:
    answer = web.post(f"{API}/{verb}", body)

    assert answer.status_code == status, answer.text
    assert web.service.calls == [call]


@pytest.mark.parametrize(
    ("authorization", "said"),
    [
        pytest.param(None, "needs a token", id="none"),
        pytest.param("", "needs a token", id="an empty header"),
        pytest.param("Bearer", "needs a token", id="no value"),
        pytest.param("Bearer wrong", "no such token", id="a wrong one"),
        pytest.param(f"Basic {TOKEN}", "no such token", id="another scheme"),
        pytest.param(f"Bearer {TOKEN[:-1]}", "no such token", id="the beginning of one"),
        pytest.param(f"Bearer {TOKEN} {READER}", "no such token", id="two"),
        pytest.param("Bearer 秘密".encode(), "no such token", id="not ASCII"),
    ],
)
@pytest.mark.parametrize("verb", ALL)
def test_without_a_token_that_is_known_nothing_is_done(
    web: Web, verb: str, authorization: Any, said: str
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = web.post(f"{API}/{verb}", BODIES.get(verb), token=None, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert said in answer.json()["error"]
    assert web.service.calls == []


@pytest.mark.parametrize("where", ["?who=ops", "?token=" + TOKEN, "?authorization=Bearer " + TOKEN])
def test_nobody_names_himself_in_an_address(web: Web, where: str) -> None:
    answer = web.post(f"{API}/sync{where}", token=None)

    assert (answer.status_code, web.service.calls) == (401, [])


def test_a_cookie_is_no_token(web: Web) -> None:
    answer = web.post(f"{API}/sync", token=None, headers={"Cookie": f"token={TOKEN}"})

    assert (answer.status_code, web.service.calls) == (401, [])


@pytest.mark.parametrize("verb", ["sync", "cancel", "pause", "resume", "approve"])
def test_a_token_does_only_what_it_is_for(web: Web, verb: str) -> None:
    answer = web.post(f"{API}/{verb}", BODIES.get(verb), token=READER)

    assert answer.status_code == 403
    assert "token 'reader' may not" in answer.json()["error"]
    assert READER not in answer.text
    assert web.service.calls == []


def test_a_token_with_one_right_has_that(web: Web) -> None:
    assert web.post(f"{API}/plan", token=READER).status_code == 202


def test_who_guesses_has_to_wait_and_others_have_not(web: Web) -> None:
    statuses = [
        web.post(f"{API}/plan", token=f"guess {number}", client="192.0.2.1").status_code
        for number in range(MOST_FAILURES + 1)
    ]
    same = web.post(f"{API}/plan", token="another guess", client="192.0.2.1")
    other = web.post(f"{API}/plan", token="another guess", client="192.0.2.2")

    assert statuses == [401] * MOST_FAILURES + [429]
    assert same.status_code == 429
    assert 0 < int(same.headers["retry-after"]) <= FAILURES_S + 1
    assert other.status_code == 401


def test_a_token_that_nobody_guesses_is_right_however_many_guess_behind_the_same_proxy(
    web: Web,
) -> None:
    for number in range(MOST_FAILURES + 1):
        web.post(f"{API}/plan", token=f"guess {number}")

    assert web.post(f"{API}/plan").status_code == 202


def test_a_token_short_enough_to_be_guessed_waits_with_those_who_guess() -> None:
    tokens = Tokens({"short": ("x" * (SHORT - 1), [Right.PLAN]), "long": ("x" * SHORT, ())})
    for number in range(MOST_FAILURES):
        with pytest.raises(HTTPException):
            tokens.bearer(bearing(f"guess {number}"))

    with pytest.raises(HTTPException) as caught:
        tokens.bearer(bearing("x" * (SHORT - 1)))

    assert caught.value.status_code == 429
    assert tokens.bearer(bearing("x" * SHORT)) == ("long", frozenset())


def test_a_program_with_an_old_token_keeps_nobody_waiting(web: Web) -> None:
    statuses = {
        web.post(f"{API}/plan", token="the one before").status_code
        for _ in range(2 * MOST_FAILURES)
    }

    assert statuses == {401}
    assert web.post(f"{API}/plan", token="a typing error").status_code == 401


def bearing(token: str) -> Request:
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return Request({"type": "http", "headers": headers, "client": ("192.0.2.1", 4711)})


def test_who_forgot_his_token_does_not_have_to_wait(web: Web) -> None:
    for _ in range(MOST_FAILURES + 1):
        web.post(f"{API}/plan", token=None)

    assert web.post(f"{API}/plan").status_code == 202


def test_too_many_are_few_again_after_a_time() -> None:
    now = 100.0
    rate = Rate(2, 60.0, lambda: now)
    rate.add("a")
    now = 110.0
    rate.add("a")

    assert (rate.left_s("a"), rate.left_s("b")) == (50.0, 0.0)
    now = 160.5
    assert rate.left_s("a") == 0.0
    rate.add("a")
    assert rate.left_s("a") == 9.5


@pytest.mark.parametrize("path", READS)
def test_anonymous_people_read(web: Web, path: str) -> None:
    assert web.get(path).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", READS)
def test_anonymous_people_write_nowhere(web: Web, path: str, method: str) -> None:
    assert web.ask(method, path).status_code == 405
    assert web.service.calls == []


@pytest.mark.parametrize("verb", ALL)
def test_reading_an_address_that_writes_does_nothing(web: Web, verb: str) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}

    assert web.get(f"{API}/{verb}", headers=headers).status_code in (404, 405)
    assert web.service.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example"}, id="another site"),
        pytest.param({"Origin": "http://localhost:9999"}, id="another port"),
        pytest.param({"Origin": "http://localhost:8080.evil.example"}, id="a name like ours"),
        pytest.param({"Origin": "http://evil@localhost:8080"}, id="with a user"),
        pytest.param({"Origin": "null"}, id="a sandbox"),
        pytest.param({"Origin": "http://["}, id="no address at all"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="a browser says so"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="a neighbour"),
    ],
)
def test_a_page_of_another_site_has_nothing_done_even_with_the_token(
    web: Web, headers: dict[str, str]
) -> None:
    answer = web.post(f"{API}/sync", headers=headers)

    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]
    assert web.service.calls == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": HERE, "Sec-Fetch-Site": "same-origin"}, id="our page"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed by hand"),
        pytest.param({}, id="no browser"),
    ],
)
def test_our_own_page_has_it_done(web: Web, headers: dict[str, str]) -> None:
    assert web.post(f"{API}/sync", headers=headers).status_code == 202


LOCAL = ["localhost", "LocalHost:8080", "127.0.0.1:8080", "127.0.0.2:8080", "[::1]:8080", "[::1]"]
FOREIGN = [
    "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
    "[::1].evil.example", "10.0.0.1:8080", "127.evil.example", "",
]  # fmt: skip


@pytest.mark.parametrize("host", LOCAL)
def test_loopback_answers_to_its_own_names(web: Web, host: str) -> None:
    assert web.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/fleet", "/metrics", "/webhooks/github"])
@pytest.mark.parametrize("host", FOREIGN)
def test_loopback_tells_nothing_to_a_name_that_was_pointed_at_it(
    web: Web, host: str, path: str
) -> None:
    """A page of evil.example, which resolves to 127.0.0.1 by now, would read what it gets."""
    for method in ("GET", "POST"):
        answer = web.ask(method, path, headers={"Host": host})

        assert answer.status_code == 421
        assert answer.json()["error"] == "this daemon is reached as localhost only"
        assert "behind a proxy set daemon.bind to an address that is not" in answer.json()["hint"]


@pytest.mark.parametrize("host", ["mq.example.com", "10.0.0.1:8080"])
def test_an_address_that_others_reach_answers_to_any_name(host: str) -> None:
    assert Web(loopback=False).get("/", headers={"Host": host}).status_code == 200


def _server_error(web: Web) -> httpx.Response:
    web.service.error = ZeroDivisionError("of ours")
    return web.get("/api/v1/fleet")


ANSWERS = {
    "a page": lambda web: web.get("/"),
    "an answer of the API": lambda web: web.get("/api/v1/fleet"),
    "a probe": lambda web: web.get("/healthz"),
    "metrics": lambda web: web.get("/metrics"),
    "an asset": lambda web: web.get("/static/app.js"),
    "nothing there": lambda web: web.get("/nothing"),
    "wrong method": lambda web: web.ask("DELETE", "/"),
    "no token": lambda web: web.post(f"{API}/sync", token=None),
    "another site": lambda web: web.post(f"{API}/sync", headers={"Origin": "null"}),
    "a foreign name": lambda web: web.get("/", headers={"Host": "evil.example"}),
    "a wrong body": lambda web: web.post(f"{API}/pause", {"raison": 1}),
    "a webhook": lambda web: web.post("/webhooks/github", token=None),
    "a redirect": lambda web: web.get("/runs/", follow_redirects=False),
    "a bug of ours": _server_error,
}


@pytest.mark.parametrize("case", ANSWERS)
def test_every_answer_has_the_headers_that_keep_browsers_in_bounds(web: Web, case: str) -> None:
    headers = ANSWERS[case](web).headers

    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == ("max-age=300" if case == "an asset" else "no-store")
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_a_bug_is_told_by_a_number_that_the_log_knows(
    web: Web, caplog: pytest.LogCaptureFixture
) -> None:
    answer = _server_error(web)

    assert answer.status_code == 500
    number = answer.json()["error"].rpartition(" ")[2]
    assert "of ours" not in answer.text
    assert [number in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Content-Length": str(MOST_BODY + 1)}, id="too long"),
        pytest.param({"Content-Length": "9" * 5000}, id="a number without end"),
        pytest.param({"Content-Length": b"\xb2"}, id="a digit that is no number"),
        pytest.param({"Transfer-Encoding": "chunked"}, id="no length"),
    ],
)
def test_a_body_without_bounds_is_not_read(web: Web, headers: dict[str, Any]) -> None:
    async def ask() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> Any:
            raise AssertionError("it is read")

        async def send(message: Any) -> None:
            sent.append(message)

        raw = {"Host": "localhost", "Authorization": f"Bearer {TOKEN}", **headers}
        pairs = [
            (name.lower().encode(), value if isinstance(value, bytes) else value.encode())
            for name, value in raw.items()
        ]
        await web.app(
            {"type": "http", "method": "POST", "path": f"{API}/pause", "headers": pairs,
             "query_string": b"", "client": ("127.0.0.1", 1), "server": ("localhost", 8080),
             "scheme": "http", "http_version": "1.1", "root_path": ""},
            receive, send,
        )  # fmt: skip
        return sent

    begin, *_ = asyncio.run(ask())

    assert begin["status"] == 413
    assert web.service.calls == []


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        pytest.param("pause", {}, id="no reason"),
        pytest.param("pause", {"reason": ""}, id="an empty reason"),
        pytest.param("pause", {"reason": "x" * 501}, id="a long reason"),
        pytest.param("pause", {"reason": "x", "for": "soon"}, id="no duration"),
        pytest.param("pause", {"reason": "x", "for": "0h"}, id="no time at all"),
        pytest.param("pause", {"reason": "x", "duration": "2h"}, id="another name"),
        pytest.param("pause", [], id="a list"),
        pytest.param("approve", {"fingerprint": "short"}, id="no fingerprint"),
        pytest.param("approve", {**APPROVE, "all": True}, id="an unknown key"),
    ],
)
def test_a_body_that_does_not_fit_says_what_is_wrong(web: Web, verb: str, body: Any) -> None:
    answer = web.post(f"{API}/{verb}", body)

    assert answer.status_code == 422
    assert set(answer.json()) == {"error", "hint"}
    assert web.service.calls == []


@pytest.mark.parametrize("body", [b"\xff", b"{", b"[" * 100_000, b'{"reason": "\\ud800"}'])
def test_a_body_that_is_no_text_is_told_as_such(web: Web, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    answer = web.ask("POST", f"{API}/pause", headers=headers, content=body)

    assert answer.status_code in (400, 422)
    assert json.loads(answer.text)["error"]
    assert web.service.calls == []


def test_a_plan_that_has_changed_since_is_not_approved(web: Web) -> None:
    answer = web.post(f"{API}/approve", {**APPROVE, "fingerprint": "0" * 16})

    assert answer.status_code == 409
    assert "another one by now" in answer.json()["error"]


@pytest.mark.parametrize(("alive", "status"), [(True, 200), (False, 503)])
def test_it_is_alive_while_its_loop_ticks(web: Web, alive: bool, status: int) -> None:
    web.service.alive = alive

    assert web.get("/healthz").status_code == status


def test_it_is_ready_once_nothing_is_wrong_and_else_says_what_is(web: Web) -> None:
    web.service.found_problems = ["never fetched", "no history"]

    answer = web.get("/readyz")

    assert (answer.status_code, answer.text) == (503, "never fetched\nno history\n")
