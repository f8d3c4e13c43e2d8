"""Passwords, tags, rights and TLS on real brokers of every generation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rmqsync.broker.connection import ClusterConnection, TlsFiles
from rmqsync.kinds.base import Request
from rmqsync.model.errors import AccessDenied, BrokerError, Unreachable
from tests.broker.connect import api, over_tls, to_broker
from tests.brokers import Broker
from tests.brokers.certificates import make_certificates

PLAIN: dict[str, Any] = {"durable": True, "auto_delete": False, "arguments": {}}


def with_user(broker: Broker, name: str, tags: str) -> ClusterConnection:
    with api(to_broker(broker)) as found:
        found.send(Request("PUT", ("users", name), {"password": "secret-pw", "tags": tags}))
    return to_broker(broker, username=name, password="secret-pw")


def test_a_wrong_password(broker: Broker) -> None:
    connection = to_broker(broker, password="wrong", password_from="file /run/secrets/mq")

    with api(connection) as found, pytest.raises(AccessDenied) as raised:
        found.read()

    assert str(raised.value) == (
        "prod: wrong user name or password for user 'admin': "
        "check username and password (from file /run/secrets/mq)"
    )


@pytest.mark.parametrize(
    ("tags", "path", "reason"),
    [
        ("monitoring", "definitions", "Not administrator user"),
        ("", "overview?disable_stats=true", "Not management user"),
    ],
)
def test_a_user_without_the_administrator_tag(
    broker: Broker, tags: str, path: str, reason: str
) -> None:
    connection = with_user(broker, "some one", tags)

    with api(connection) as found, pytest.raises(AccessDenied) as raised:
        found.read()

    assert str(raised.value) == (
        f"prod: GET /api/{path}: user 'some one' may not: {reason}; "
        "grant it: rabbitmqctl set_user_tags 'some one' administrator"
    )


def test_an_administrator_without_rights_in_a_vhost(broker: Broker) -> None:
    """What is missing is known after reading; and a call that is made all the same says it too."""
    connection = with_user(broker, "ops", "administrator")
    call = Request("PUT", ("queues", "/", "orders"), PLAIN)
    grant = "rabbitmqctl set_permissions -p / ops '.*' '.*' '.*'"

    with api(connection) as found:
        found.read()
        missing = found.missing_rights([call])
        with pytest.raises(AccessDenied) as raised:
            found.send(call)

    assert missing == (grant,)
    assert str(raised.value) == (
        f"prod: PUT /api/queues/%2F/orders: user 'ops' may not: Access refused.; grant it: {grant}"
    )


RIGHTS: dict[str, Any] = {"configure": "^mine", "write": "^(mine|amq.default$)", "read": "^mine"}
CALLS = {
    "own queue": (Request("PUT", ("queues", "/", "mine-q"), PLAIN), True),
    "other queue": (Request("PUT", ("queues", "/", "q"), PLAIN), False),
    "own exchange": (
        Request("PUT", ("exchanges", "/", "mine-x"), {"type": "topic", **PLAIN}),
        True,
    ),
    "other exchange": (Request("PUT", ("exchanges", "/", "y"), {"type": "topic", **PLAIN}), False),
    "bind": (Request("POST", ("bindings", "/", "e", "mine-0", "q", "mine-0"), {}), True),
    "bind from other": (
        Request("POST", ("bindings", "/", "e", "amq.topic", "q", "mine-0"), {}),
        False,
    ),
    "bind to other": (Request("POST", ("bindings", "/", "e", "mine-0", "q", "0"), {}), False),
    "bind exchange": (
        Request("POST", ("bindings", "/", "e", "mine-0", "e", "amq.topic"), {}),
        False,
    ),
    "delete own": (Request("DELETE", ("queues", "/", "mine-0")), True),
    "delete other": (Request("DELETE", ("queues", "/", "0")), False),
    "unbind": (Request("DELETE", ("bindings", "/", "e", "mine-0", "q", "0", "~")), False),
    "dead letters": (
        Request(
            "PUT",
            ("queues", "/", "mine-d"),
            {**PLAIN, "arguments": {"x-dead-letter-exchange": "dlx"}},
        ),
        False,
    ),
    "dead letters to default": (
        Request(
            "PUT",
            ("queues", "/", "mine-e"),
            {**PLAIN, "arguments": {"x-dead-letter-exchange": ""}},
        ),
        True,
    ),
    "alternate": (
        Request(
            "PUT",
            ("exchanges", "/", "mine-a"),
            {"type": "fanout", **PLAIN, "arguments": {"alternate-exchange": "ae"}},
        ),
        False,
    ),
    "policy": (
        Request("PUT", ("policies", "/", "p"), {"pattern": "^zzz", "definition": {"expires": 1}}),
        True,
    ),
}


@pytest.mark.parametrize(("call", "allowed"), CALLS.values(), ids=CALLS)
def test_missing_rights_are_those_that_the_broker_asks_for(
    broker: Broker, call: Request, allowed: bool
) -> None:
    connection = with_user(broker, "ops", "administrator")
    with api(to_broker(broker)) as admin:
        admin.send(Request("PUT", ("permissions", "/", "ops"), RIGHTS))
        for name in ("mine-0", "0"):
            admin.send(Request("PUT", ("queues", "/", name), PLAIN))
        admin.send(Request("PUT", ("exchanges", "/", "mine-0"), {"type": "topic", **PLAIN}))
        admin.send(Request("POST", ("bindings", "/", "e", "mine-0", "q", "0"), {}))

    with api(connection) as found:
        found.read()
        foreseen = found.missing_rights([call]) == ()
        try:
            found.send(call)
            possible = True
        except AccessDenied:
            possible = False

    assert (foreseen, possible) == (allowed, allowed)


def test_tls_with_a_private_authority_and_a_client_certificate(broker: Broker) -> None:
    with api(over_tls(broker)) as found:
        assert found.read().version == broker.version


def test_tls_of_an_authority_that_is_not_trusted(broker: Broker, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    url = broker.tls.management_url

    for ca in (None, str(tmp_path / "ca.pem")):
        connection = over_tls(broker, tls={"ca": ca})
        with api(connection) as found, pytest.raises(Unreachable) as raised:
            found.read()

        assert str(raised.value).startswith(f"prod: cannot reach {url}: its certificate cannot")
        assert str(raised.value).endswith("name the file of the authority that signed it in tls.ca")


def test_tls_without_the_client_certificate_that_the_broker_wants(broker: Broker) -> None:
    connection = over_tls(broker, tls={"cert": None, "key": None})

    with api(connection) as found, pytest.raises(Unreachable, match=r"set tls\.cert and tls\.key"):
        found.read()


def test_tls_with_a_client_certificate_that_the_broker_does_not_know(
    broker: Broker, tmp_path: Path
) -> None:
    make_certificates(tmp_path)
    files = {"cert": str(tmp_path / "client.pem"), "key": str(tmp_path / "client.key")}

    with api(over_tls(broker, tls=files)) as found, pytest.raises(Unreachable) as raised:
        found.read()

    assert "it refuses the client certificate in tls.cert" in str(raised.value)


def test_tls_under_a_name_that_is_not_in_the_certificate(broker: Broker) -> None:
    port = broker.tls.management_tls_port
    connection = replace(over_tls(broker), endpoints=(f"https://0.0.0.0:{port}",))

    with api(connection) as found, pytest.raises(Unreachable) as raised:
        found.read()

    assert "its certificate is not for '0.0.0.0': use a name that is in it" in str(raised.value)


def test_tls_unchecked_is_warned_of_once(broker: Broker, caplog: pytest.LogCaptureFixture) -> None:
    with api(over_tls(broker, tls={"ca": None, "verify": False})) as found:
        found.read()
        live = found.read()

    assert live.version == broker.version
    assert caplog.messages == ["certificates are not checked cluster=prod"]


def test_http_where_https_is_spoken_and_the_other_way_round(broker: Broker) -> None:
    http = broker.tls.management_url.replace("https:", "http:")
    https = broker.management_url.replace("http:", "https:")

    with api(to_broker(broker, endpoints=(http,))) as found, pytest.raises(Unreachable):
        found.read()
    with api(to_broker(broker, endpoints=(https,))) as found, pytest.raises(Unreachable) as raised:
        found.read()

    assert "what answers there does not speak TLS: is it http?" in str(raised.value)


@pytest.mark.parametrize("option", ["ca", "cert"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "no such file or directory"), ("junk", "not a certificate")],
)
def test_tls_files_that_cannot_be_used_are_named(
    tmp_path: Path, option: str, content: str | None, problem: str
) -> None:
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    connection = ClusterConnection(
        name="prod",
        endpoints=("https://127.0.0.1:1",),
        username="u",
        password="p",
        tls=TlsFiles(ca=str(path)) if option == "ca" else TlsFiles(cert=str(path)),
    )

    with api(connection) as found, pytest.raises(BrokerError) as raised:
        found.read()

    assert str(raised.value).startswith(f"prod: cannot use tls.{option} '{path}': {problem}")
