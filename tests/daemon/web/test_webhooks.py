"""Who knows the secret may have git fetched, and nothing that a delivery says is believed."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest

from rmqsync.daemon.web.webhooks import (
    AT_ONCE,
    MOST_BODY,
    MOST_DELIVERIES,
    MOST_TOLD,
    REPLAY_S,
    RESULTS,
    Webhooks,
)
from tests.daemon.web.webs import HERE, SECRETS, Web

NOW = 1_800_000_000
BODY = b'{"ref": "refs/heads/main"}'
SIGNING = "whsec_" + base64.b64encode(b"a key of thirty-two bytes, about").decode()
Headers = Mapping[str, str]


def mac(secret: bytes, text: bytes) -> hmac.HMAC:
    return hmac.new(secret, text, hashlib.sha256)


def github(secret: str, body: bytes, at: int = NOW, name: str = "one") -> Headers:
    digest = mac(secret.encode(), body).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": name}


def gitlab_token(secret: str, body: bytes, at: int = NOW, name: str = "one") -> Headers:
    return {"X-Gitlab-Token": secret, "X-Gitlab-Event-UUID": name}


def gitlab_signed(secret: str, body: bytes, at: int = NOW, name: str = "one") -> Headers:
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    digest = base64.b64encode(mac(key, f"{name}.{at}.".encode() + body).digest()).decode()
    return {
        "Webhook-Id": name,
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": f"v1,{'A' * 44} v1,{digest}",
    }


def gitea(secret: str, body: bytes, at: int = NOW, name: str = "one") -> Headers:
    digest = mac(secret.encode(), body).hexdigest()
    return {"X-Gitea-Signature": digest, "X-Gitea-Delivery": name}


def bitbucket(secret: str, body: bytes, at: int = NOW, name: str = "one") -> Headers:
    digest = mac(secret.encode(), body).hexdigest()
    return {"X-Hub-Signature": f"sha256={digest}", "X-Request-UUID": name}


def generic(secret: str, body: bytes, at: int = NOW, name: str = "one") -> Headers:
    digest = mac(secret.encode(), f"{at}.".encode() + body).hexdigest()
    return {"X-Rmqsync-Signature": f"t={at},v1={digest}"}


Sign = Callable[..., Headers]
FORGES = [
    pytest.param("github", github, SECRETS["github"], id="github"),
    pytest.param("gitlab", gitlab_token, SECRETS["gitlab"], id="gitlab-token"),
    pytest.param("gitlab", gitlab_signed, SIGNING, id="gitlab-signed"),
    pytest.param("gitlab", gitlab_signed, "plain", id="gitlab-signed-by-plain-text"),
    pytest.param("gitea", gitea, SECRETS["gitea"], id="gitea"),
    pytest.param("bitbucket", bitbucket, SECRETS["bitbucket"], id="bitbucket"),
    pytest.param("generic", generic, SECRETS["generic"], id="generic"),
]
SIGNED = [one for one in FORGES if one.id != "gitlab-token"]
TIMED = [one for one in FORGES if one.id in ("gitlab-signed", "generic")]
every_forge = pytest.mark.parametrize(("forge", "sign", "secret"), FORGES)
every_signature = pytest.mark.parametrize(("forge", "sign", "secret"), SIGNED)
every_time = pytest.mark.parametrize(("forge", "sign", "secret"), TIMED)


class Hooks:
    """An application that listens to one forge, at a time that tests set."""

    def __init__(self, forge: str, secrets: str, patience_s: float = 10.0) -> None:
        self.now = float(NOW)
        self.counts: list[tuple[str, str]] = []
        hooks = Webhooks(
            {forge: secrets}, lambda *one: self.counts.append(one), lambda: self.now, patience_s
        )
        self.web = Web(webhooks=hooks)
        self.forge = forge

    def send(self, headers: Headers, body: bytes = BODY, client: str = "192.0.2.1") -> int:
        return self.answer(headers, body, client).status_code

    def answer(
        self, headers: Headers, body: bytes = BODY, client: str = "192.0.2.1"
    ) -> httpx.Response:
        path = f"/webhooks/{self.forge}"
        return self.web.ask("POST", path, client, headers=dict(headers), content=body)

    @property
    def results(self) -> list[str]:
        assert {result for _, result in self.counts} <= set(RESULTS)
        return [result for _, result in self.counts]

    @property
    def fetches(self) -> int:
        assert set(self.web.service.calls) <= {("fetch", "webhook")}
        return len(self.web.service.calls)


@every_forge
def test_a_right_signature_has_git_fetched(forge: str, sign: Sign, secret: str) -> None:
    hooks = Hooks(forge, secret)

    answer = hooks.answer(sign(secret, BODY))

    assert (answer.status_code, answer.json()) == (202, {"result": "accepted"})
    assert (hooks.fetches, hooks.counts) == (1, [(forge, "accepted")])


@every_forge
def test_a_wrong_secret_has_nothing_done(forge: str, sign: Sign, secret: str) -> None:
    hooks = Hooks(forge, secret)

    answer = hooks.answer(sign("another", BODY))

    assert answer.status_code == 401
    assert secret not in answer.text
    assert (hooks.fetches, hooks.results) == (0, ["bad-signature"])


def test_refusals_are_logged_with_the_address_and_the_reason_but_not_each_of_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks = Hooks("github", SECRETS["github"])

    for _ in range(3):
        hooks.send({})
    hooks.send({}, client="192.0.2.2")
    hooks.web.ask("POST", "/webhooks/gitea", "192.0.2.1", content=BODY)
    hooks.web.ask("POST", "/webhooks/%0Anone", "192.0.2.1", content=BODY)
    told = list(caplog.messages)
    for number in range(2 * MOST_TOLD):
        hooks.send({}, client=f"192.0.2.{10 + number}")

    wrong = "is refused: the signature is wrong, or too old"
    assert told == [
        f"a delivery to /webhooks/github from 192.0.2.1 {wrong}",
        f"a delivery to /webhooks/github from 192.0.2.2 {wrong}",
        "a delivery to /webhooks/gitea from 192.0.2.1 is refused: it is not in daemon.webhooks",
        "a delivery to /webhooks/unknown from 192.0.2.1 is refused: it is not in daemon.webhooks",
    ]
    assert len(caplog.messages) == MOST_TOLD
    assert SECRETS["github"] not in caplog.text


@every_forge
def test_no_signature_has_nothing_done(forge: str, sign: Sign, secret: str) -> None:
    hooks = Hooks(forge, secret)

    assert hooks.send({}) == 401
    assert hooks.send(dict.fromkeys(sign(secret, BODY), "")) == 401
    assert hooks.fetches == 0


@every_signature
def test_a_signature_is_over_the_body_as_it_came(forge: str, sign: Sign, secret: str) -> None:
    hooks = Hooks(forge, secret)

    assert hooks.send(sign(secret, BODY), BODY + b" ") == 401
    assert hooks.send(sign(secret, BODY), json.dumps(json.loads(BODY), indent=1).encode()) == 401
    assert hooks.fetches == 0


@pytest.mark.parametrize("header", ["X-Hub-Signature-256", "X-Hub-Signature"])
def test_a_weaker_digest_is_not_taken(header: str) -> None:
    forge = "github" if header.endswith("256") else "bitbucket"
    digest = hmac.new(SECRETS[forge].encode(), BODY, hashlib.sha1).hexdigest()
    sha256 = mac(SECRETS[forge].encode(), BODY).hexdigest()
    hooks = Hooks(forge, SECRETS[forge])

    assert hooks.send({header: f"sha1={digest}"}) == 401
    assert hooks.send({header: f"sha1={sha256}"}) == 401
    assert hooks.send({header: sha256}) == 401


@pytest.mark.parametrize("name", ["X-Forgejo-Signature", "X-Gogs-Signature"])
def test_descendants_of_gitea_are_taken_too(name: str) -> None:
    hooks = Hooks("gitea", "s")

    assert hooks.send({name: gitea("s", BODY)["X-Gitea-Signature"]}) == 202


def test_a_secret_that_is_not_ascii_is_a_secret() -> None:
    hooks = Hooks("gitlab", "密码")
    headers = {"X-Gitlab-Token": "密码".encode()}

    answer = hooks.web.ask("POST", "/webhooks/gitlab", headers=headers, content=BODY)

    assert answer.status_code == 202


@every_forge
@pytest.mark.parametrize("text", ["{new}\n{old}", "{new}\r\n{old}\r\n", "\n{old}\n\n{new}\n"])
def test_while_a_secret_is_rotated_both_count_and_no_third(
    forge: str, sign: Sign, secret: str, text: str
) -> None:
    hooks = Hooks(forge, text.format(new=secret, old="the-old-one"))

    assert hooks.send(sign(secret, BODY, name="one")) == 202
    assert hooks.send(sign("the-old-one", BODY, name="two")) == 202
    assert hooks.send(sign("another", BODY, name="three")) == 401
    assert hooks.send(sign(f"the-old-one{secret}", BODY, name="four")) == 401
    assert hooks.fetches == 2


@every_forge
def test_blank_lines_are_no_secret(forge: str, sign: Sign, secret: str) -> None:
    hooks = Hooks(forge, "\n\r\n")

    assert hooks.send(sign("", BODY)) == 401


@every_time
@pytest.mark.parametrize(
    ("late_s", "status"),
    [(0, 202), (REPLAY_S, 202), (-REPLAY_S, 202), (REPLAY_S + 1, 401), (-REPLAY_S - 1, 401)],
)
def test_a_signed_time_counts_for_a_while(
    forge: str, sign: Sign, secret: str, late_s: float, status: int
) -> None:
    hooks = Hooks(forge, secret)

    assert hooks.send(sign(secret, BODY, at=int(NOW - late_s))) == status


@every_time
@pytest.mark.parametrize("at", ["", "-1", "now", "1e9", "٣", "9" * 400])
def test_a_time_that_is_none_is_refused(forge: str, sign: Sign, secret: str, at: str) -> None:
    hooks = Hooks(forge, secret)
    right = sign(secret, BODY)
    headers = {key: value.replace(str(NOW), at).encode() for key, value in right.items()}

    assert hooks.send(headers) == 401  # type: ignore[arg-type]


@every_forge
def test_a_delivery_that_came_before_is_taken_and_does_nothing(
    forge: str, sign: Sign, secret: str
) -> None:
    hooks = Hooks(forge, secret)

    assert [hooks.send(sign(secret, BODY)) for _ in range(3)] == [202, 202, 202]
    assert (hooks.fetches, hooks.results) == (1, ["accepted", "replayed", "replayed"])


@every_forge
def test_the_next_push_with_the_same_words_is_another_delivery(
    forge: str, sign: Sign, secret: str
) -> None:
    hooks = Hooks(forge, secret)

    hooks.send(sign(secret, BODY, name="one"))
    hooks.now += 1
    hooks.send(sign(secret, BODY, at=NOW + 1, name="two"))

    assert hooks.fetches == 2


@every_time
def test_a_name_that_nobody_signed_makes_no_new_delivery(
    forge: str, sign: Sign, secret: str
) -> None:
    hooks = Hooks(forge, secret)
    names = ("X-GitHub-Delivery", "X-Gitea-Delivery", "X-Request-UUID", "X-Gitlab-Event-UUID")

    for number, name in enumerate(names):
        assert hooks.send({**sign(secret, BODY), name: f"n{number}"}) == 202
    assert hooks.fetches == 1


@every_time
def test_a_delivery_is_known_as_long_as_its_time_counts(
    forge: str, sign: Sign, secret: str
) -> None:
    """The clock of its sender may be ahead."""
    hooks = Hooks(forge, secret)
    ahead = sign(secret, BODY, at=int(NOW + REPLAY_S))

    assert hooks.send(ahead) == 202
    hooks.now += 2 * REPLAY_S
    assert hooks.send(ahead) == 202
    hooks.now += 1
    assert hooks.send(ahead) == 401

    assert hooks.fetches == 1


def test_a_delivery_is_forgotten_after_a_while() -> None:
    """It is a signature without time: that it came twice proves nothing by then."""
    hooks = Hooks("github", "s")

    hooks.send(github("s", BODY))
    hooks.now += 2 * REPLAY_S + 1
    hooks.send(github("s", BODY))

    assert hooks.fetches == 2


@every_forge
@pytest.mark.parametrize("length", [MOST_BODY, MOST_BODY + 1])
def test_a_body_has_a_bound(forge: str, sign: Sign, secret: str, length: int) -> None:
    hooks = Hooks(forge, secret)
    body = b"x" * length

    fits = length <= MOST_BODY
    assert hooks.send(sign(secret, body), body) == (202 if fits else 413)
    assert hooks.results == ["accepted" if fits else "too-large"]


def test_a_body_that_tells_no_length_has_the_same_bound() -> None:
    hooks = Hooks("github", "s")
    read = []

    async def parts() -> Iterator[bytes]:  # type: ignore[misc]
        for number in range(100):
            read.append(number)
            yield b"x" * 1_000_000

    answer = hooks.web.ask("POST", "/webhooks/github", content=parts())

    assert answer.status_code == 413
    assert len(hooks.results) == 1


def test_a_delivery_that_breaks_off_is_refused_and_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    hooks = Hooks("github", "s")
    messages = [{"type": "http.request", "body": b"x", "more_body": True}]
    scope = {
        "type": "http", "method": "POST", "path": "/webhooks/github", "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-length", b"10")],
        "client": ("192.0.2.1", 4711), "server": ("localhost", 80), "scheme": "http",
        "http_version": "1.1",
    }  # fmt: skip

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        del message

    asyncio.run(hooks.web.app(scope, receive, send))

    assert hooks.results == ["broken-off"]
    assert caplog.messages == [
        "a delivery to /webhooks/github from 192.0.2.1 is refused: it broke off"
    ]


def test_few_bodies_are_read_at_once_since_nobody_knows_who_sends_them() -> None:
    hooks = Hooks("github", "s")
    reading: list[int] = []
    most = 0

    async def body(number: int) -> AsyncIterator[bytes]:
        nonlocal most
        reading.append(number)
        most = max(most, len(reading))
        yield BODY
        await asyncio.sleep(0.01)  # so that others could be read in between
        reading.remove(number)

    async def send() -> list[int]:
        transport = httpx.ASGITransport(hooks.web.app)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as session:
            answers = await asyncio.gather(
                *(
                    session.post("/webhooks/github", content=body(number), headers=headers)
                    for number in range(3 * AT_ONCE)
                )
            )
            return [one.status_code for one in answers]

    headers = dict(github("s", BODY))
    assert asyncio.run(send()) == [202] * 3 * AT_ONCE
    assert most == AT_ONCE


def test_a_body_that_does_not_end_is_given_up() -> None:
    hooks = Hooks("github", "s", patience_s=0.05)

    async def body() -> AsyncIterator[bytes]:
        yield BODY
        await asyncio.sleep(60)

    answer = hooks.web.ask("POST", "/webhooks/github", content=body())

    assert (answer.status_code, hooks.results) == (408, ["broken-off"])
    assert answer.headers["connection"] == "close"
    assert hooks.send(github("s", BODY)) == 202


@every_forge
def test_an_address_has_so_many_deliveries_a_minute(forge: str, sign: Sign, secret: str) -> None:
    hooks = Hooks(forge, secret)
    for _ in range(MOST_DELIVERIES):
        assert hooks.send({}) == 401

    answer = hooks.answer(sign(secret, BODY))

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert hooks.fetches == 0
    assert hooks.send(sign(secret, BODY), client="192.0.2.2") == 202


@pytest.mark.parametrize("forge", ["gitlab", "svn", "%00"])
def test_a_forge_without_secret_is_not_listened_to(forge: str) -> None:
    hooks = Hooks("github", "s")

    answer = hooks.web.ask(
        "POST", f"/webhooks/{forge}", headers=dict(github("s", BODY)), content=BODY
    )

    assert answer.status_code == 404
    assert hooks.fetches == 0
    assert set(hooks.results) <= {"not-configured"}


@every_forge
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x00{", id="no JSON"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"ref": "refs/heads/evil", "repository": {"url": "x"}}', id="another"),
        pytest.param(b"payload=%7B%7D", id="a form"),
    ],
)
def test_nothing_that_a_delivery_says_is_believed(
    forge: str, sign: Sign, secret: str, body: bytes
) -> None:
    hooks = Hooks(forge, secret)

    assert hooks.send(sign(secret, body), body) == 202
    assert hooks.web.service.calls == [("fetch", "webhook")]


def test_a_forge_is_no_browser_and_is_taken_from_any_origin() -> None:
    hooks = Hooks("github", "s")

    assert hooks.send({**github("s", BODY), "Origin": "https://git.example"}) == 202
