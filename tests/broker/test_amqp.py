"""AMQP connections: addresses in turn, whose user, TLS, and what is said when none is open."""

import pytest

from rmqsync.broker.amqp import Amqp, AmqpConnection
from rmqsync.broker.connection import TlsFiles
from rmqsync.model.errors import AccessDenied, BrokerError, Unreachable
from tests.brokers import Broker

DEAD = "amqp://127.0.0.1:1"
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


def amqp(broker: Broker, **changes) -> Amqp:
    given = {
        "name": "prod",
        "urls": (broker.amqp_url,),
        "username": broker.username,
        "password": broker.password,
    }
    return Amqp(lambda: AmqpConnection(**(given | changes)), lambda _request: None)


def reach(found: Amqp) -> None:
    lock = found.lock()
    assert lock is not None
    lock.release()


def test_addresses_are_tried_in_turn(r40: Broker) -> None:
    reach(amqp(r40, urls=(DEAD, r40.amqp_url)))


def test_an_address_with_a_user_uses_it(r40: Broker) -> None:
    reach(amqp(r40, urls=(r40.amqp_uri(),), username="nobody", password="wrong"))


def test_tls_shows_our_certificate_and_checks_theirs(broker: Broker) -> None:
    files = TlsFiles(ca=str(broker.tls.ca), cert=str(broker.tls.cert), key=str(broker.tls.key))

    reach(amqp(broker, urls=(broker.tls.amqps_url,), tls=files))


def test_a_certificate_that_is_not_trusted_ends_it(r40: Broker) -> None:
    with pytest.raises(Unreachable, match=r"(?i)certificate"):
        reach(amqp(r40, urls=(r40.tls.amqps_url,)))


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        pytest.param(
            {"password": "wr0ng-secret"}, AccessDenied, "user or password is wrong", id="password"
        ),
        pytest.param({"lock_vhost": "none"}, AccessDenied, "vhost 'none' is not there", id="vhost"),
        pytest.param({"urls": (DEAD,)}, Unreachable, "amqp://127.0.0.1:1: .*refused", id="dead"),
        pytest.param({"urls": ("http://x",)}, BrokerError, "no amqp:// or amqps://", id="no amqp"),
    ],
)
def test_what_is_said_when_nothing_lets_us_in(r40: Broker, changes, error, words) -> None:
    with pytest.raises(error, match=words) as caught:
        reach(amqp(r40, **changes))

    assert "wr0ng-secret" not in str(caught.value)
    assert r40.password not in str(caught.value)


def test_a_limit_on_connections_is_named_as_the_cause(r40: Broker) -> None:
    with r40.management() as management:
        management.put("vhosts", "full", body={})
        management.put("permissions", "full", r40.username, body=EVERYTHING)
        management.put("vhost-limits", "full", "max-connections", body={"value": 0})

    with pytest.raises(AccessDenied, match=r"let our user in: connection limit \(0\) is reached$"):
        amqp(r40).queue("full", "q")
