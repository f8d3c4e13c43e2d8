"""What answers mean that are no success, and what a request looks like on the wire."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rmqsync.kinds.base import Request
from rmqsync.model.errors import AccessDenied, BrokerError, Rejected
from tests.broker.connect import client, to_fake
from tests.fakes.faults import Cut, Reply
from tests.fakes.management import PASSWORD, USERNAME, FakeBroker

OVERVIEW = Request("GET", ("overview",))
EXPORT = Request("GET", ("definitions",))
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def fake() -> Iterator[FakeBroker]:
    with FakeBroker() as broker:
        yield broker


def refused(error: str, reason: object, status: int = 401) -> Reply:
    return Reply.of({"error": error, "reason": reason}, status)


@pytest.mark.parametrize(
    ("reply", "request_", "message"),
    [
        (
            refused("not_authorized", "Login failed"),
            OVERVIEW,
            "prod: wrong user name or password for user 'rmqsync': check username and password "
            "(from environment variable MQ_PW)",
        ),
        (
            refused("not_authorised", "Not administrator user"),
            EXPORT,
            "prod: GET /api/definitions: user 'rmqsync' may not: Not administrator user; "
            "grant it: rabbitmqctl set_user_tags rmqsync administrator",
        ),
        (
            refused("not_authorised", "Access refused."),
            Request("PUT", ("queues", "my shop", "orders"), {}),
            "prod: PUT /api/queues/my%20shop/orders: user 'rmqsync' may not: Access refused.; "
            "grant it: rabbitmqctl set_permissions -p 'my shop' rmqsync '.*' '.*' '.*'",
        ),
        (
            refused("not_authorised", "User can only log in via localhost"),
            OVERVIEW,
            "prod: GET /api/overview: user 'rmqsync' may not: User can only log in via localhost; "
            "use another user, or connect from the broker's own host",
        ),
        (
            Reply(401, b"<h1>Sign in</h1>", HTML),
            OVERVIEW,
            "prod: GET /api/overview: answer 401 that is not the broker's: "
            "something in front of it asks for a login of its own",
        ),
    ],
    ids=["password", "tag", "vhost", "loopback", "proxy"],
)
def test_denied_access_says_what_is_missing_and_how_to_grant_it(
    fake: FakeBroker, reply: Reply, request_: Request, message: str
) -> None:
    fake.fail(reply, times=9)
    connection = to_fake(fake, password_from="environment variable MQ_PW")

    with client(connection) as found, pytest.raises(AccessDenied) as raised:
        (found.get if request_.method == "GET" else found.send)(request_)

    assert str(raised.value) == message
    assert len(fake.seen) == 1


def test_a_wrong_password_is_not_tried_on_every_endpoint(fake: FakeBroker) -> None:
    """Accounts get locked by that."""
    connection = to_fake(fake, fake, password="wrong")

    with client(connection) as found, pytest.raises(AccessDenied):
        found.get(OVERVIEW)

    assert len(fake.seen) == 1


@pytest.mark.parametrize("status", [200, 403, 404])
def test_a_page_instead_of_json_is_described(fake: FakeBroker, status: int) -> None:
    fake.fail(Reply(status, b"<html>\n <title>Welcome to ACME  SSO</title>", HTML), times=9)

    with client(to_fake(fake)) as found, pytest.raises(BrokerError) as raised:
        found.get(OVERVIEW)

    assert str(raised.value) == (
        f"prod: GET /api/overview: status {status} with text/html instead of JSON: "
        "'<html> <title>Welcome to ACME SSO</title>'; "
        "is this the management API, or a proxy in front of it?"
    )


@pytest.mark.parametrize("status", [200, 404])
def test_a_page_instead_of_an_answer_to_a_delete_is_not_taken_for_done(
    fake: FakeBroker, status: int
) -> None:
    fake.fail(Reply(status, b"<html>", HTML), times=9)

    with client(to_fake(fake)) as found, pytest.raises(BrokerError, match="instead of JSON"):
        found.send(Request("DELETE", ("queues", "/", "orders")))


def test_redirects_are_not_followed(fake: FakeBroker) -> None:
    with FakeBroker() as thief:
        place = thief.url.replace("//", "//user:pw@") + "/api/overview?token=1"
        fake.fail(Reply(302, headers={"Location": place}))

        with client(to_fake(fake)) as found, pytest.raises(BrokerError) as raised:
            found.get(OVERVIEW)

        assert thief.seen == []
    assert f"it redirects to {thief.url} (status 302), which is not followed" in str(raised.value)


def test_a_wrong_path_prefix_is_hinted_at(fake: FakeBroker) -> None:
    fake.prefix = "/mq"
    connection = to_fake(fake, endpoints=(fake.url.removesuffix("/mq"),))

    with client(connection) as found, pytest.raises(BrokerError, match="with its path prefix"):
        found.fetch(OVERVIEW)


def test_the_path_prefix_of_an_endpoint_is_kept(fake: FakeBroker) -> None:
    fake.prefix = "/mq/prod"

    with client(to_fake(fake)) as found:
        answer = found.get(OVERVIEW)

    assert answer["rabbitmq_version"] == "3.10.8"


def test_nothing_found_is_none_for_a_get_and_done_for_a_delete(fake: FakeBroker) -> None:
    with client(to_fake(fake)) as found:
        found.send(Request("DELETE", ("queues", "/", "orders")))

        assert found.get(Request("GET", ("queues", "/", "orders"))) is None


@pytest.mark.parametrize("name", [".", "..", ""])
def test_what_has_no_address_is_rejected_unsent(fake: FakeBroker, name: str) -> None:
    """The server would take `queues/%2F/..` for `queues`."""
    with client(to_fake(fake)) as found, pytest.raises(Rejected, match="cannot address"):
        found.send(Request("DELETE", ("queues", "/", name)))

    assert fake.seen == []


def test_names_of_any_kind_arrive_as_they_are(fake: FakeBroker) -> None:
    names = ["a/b", "50%", "%2F", "#1?", "me@home", "a b+c", "\"q\" 'x'", "订单", "🐇", "a;b&c=d~e"]

    with client(to_fake(fake)) as found:
        for name in names:
            found.send(Request("PUT", ("queues", "/", name), {}))

    assert [queue["name"] for queue in fake.definitions["queues"]] == names


def test_secrets_in_the_brokers_reason_are_hidden(fake: FakeBroker) -> None:
    uri = "amqp://u:s3cret%21@h/v"
    reason = f'"{uri}" not a valid URI, hunter2 is too short, so is s3cret! and {PASSWORD}, tr-42'
    fake.fail(refused("bad_request", reason, 400))
    body = {"value": {"src-uri": [uri], "password": "hunter2"}}
    connection = to_fake(fake, secrets=lambda: ("tr-42",))

    with client(connection) as found, pytest.raises(Rejected) as raised:
        found.send(Request("PUT", ("parameters", "shovel", "/", "s"), body))

    assert raised.value.reason == (
        '"amqp://…@h/v" not a valid URI, (sensitive) is too short, '
        "so is (sensitive) and (sensitive), (sensitive)"
    )
    assert raised.value.reason in str(raised.value)


def test_password_and_user_name_are_sent_as_utf_8(fake: FakeBroker) -> None:
    fake.users["订单"] = "пароль"

    with client(to_fake(fake, username="订单", password="пароль")) as found:
        found.get(OVERVIEW)


def test_netrc_does_not_replace_the_password(
    fake: FakeBroker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login admin password other\n")
    monkeypatch.setenv("NETRC", str(netrc))

    with client(to_fake(fake)) as found:
        found.get(OVERVIEW)

    sent = fake.seen[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == f"{USERNAME}:{PASSWORD}"


def test_a_proxy_is_not_asked_for_what_is_on_this_machine(
    fake: FakeBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)

    with client(to_fake(fake)) as found:
        found.get(OVERVIEW)

    assert len(fake.seen) == 1


def test_answers_from_afar_come_compressed(fake: FakeBroker) -> None:
    fake.definitions["queues"] = [{"vhost": "/", "name": f"queue-{n}"} for n in range(100)]
    fake.fail(Cut(100))
    near = to_fake(fake)
    far = to_fake(fake, endpoints=(fake.url.replace("127.0.0.1", "0.0.0.0"),))

    with client(far) as found:
        from_afar = found.fetch(EXPORT)
        known = found.fetch(EXPORT, known=from_afar)
    with client(near) as found:
        from_here = found.fetch(EXPORT)

    assert from_afar.document == from_here.document
    assert not known.is_new
    encodings = [seen.headers["Accept-Encoding"] for seen in fake.seen]
    assert encodings == ["gzip", "gzip", "gzip", "identity"]


def test_one_connection_serves_all_calls_one_after_the_other(fake: FakeBroker) -> None:
    with client(to_fake(fake)) as found:
        for number in range(20):
            found.send(Request("PUT", ("queues", "/", f"q{number}"), {}))

    assert fake.connections == 1


def test_calls_at_the_same_time_share_a_bounded_number_of_connections(fake: FakeBroker) -> None:
    with client(to_fake(fake, parallelism=3)) as found, ThreadPoolExecutor(20) as pool:
        calls = [Request("PUT", ("queues", "/", f"q{number}"), {}) for number in range(200)]
        list(pool.map(found.send, calls))

        assert found.requests == 200
    assert len(fake.definitions["queues"]) == 200
    assert fake.connections <= 4


def test_an_unchanged_answer_is_told_by_its_bytes(fake: FakeBroker) -> None:
    with client(to_fake(fake)) as found:
        first = found.fetch(EXPORT)
        again = found.fetch(EXPORT, known=first)
        fake.definitions["queues"].append({"vhost": "/", "name": "q"})
        changed = found.fetch(EXPORT, known=again)

    assert [one.is_new for one in (first, again, changed)] == [True, False, True]
    assert changed.document["queues"] == [{"vhost": "/", "name": "q"}]


def test_an_unchanged_answer_is_told_by_its_tag(fake: FakeBroker) -> None:
    fake.etags = True

    with client(to_fake(fake)) as found:
        first = found.fetch(EXPORT)
        again = found.fetch(EXPORT, known=first)

    assert not again.is_new
    assert fake.seen[1].headers["If-None-Match"] == first.etag


def test_the_body_is_json_with_every_number_as_it_is(fake: FakeBroker) -> None:
    body: dict[str, Any] = {
        "arguments": {"int": 2**63 - 1, "float": 6.0, "huge": 1e22, "text": "订单"}
    }

    with client(to_fake(fake)) as found:
        found.send(Request("PUT", ("queues", "/", "q"), body))

    assert json.dumps(fake.seen[0].body) == json.dumps(body)
