"""
AMQP connections to a cluster: each address in turn, errors in plain words.

The management API tells what queues held some time ago; AMQP tells what they hold, and has queues
that belong to one connection. A connection serves one thread: `pika` is not made for more.
"""

from __future__ import annotations

import getpass
import logging
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rmqsync.broker.amqp_lock import QueueLock, holder, in_the_way, is_held_by
from rmqsync.broker.amqp_queue import QueueProbe
from rmqsync.broker.connection import TlsFiles
from rmqsync.broker.transport import tls_context
from rmqsync.broker.wording import say
from rmqsync.kinds.base import Request
from rmqsync.model.errors import AccessDenied, BrokerError, Refused, Unreachable
from rmqsync.model.values import JsonValue
from rmqsync.version import __version__

if TYPE_CHECKING:
    import pika

HEARTBEAT_S = 10
"""A peer that is silent for twice as long is given up, on both sides."""
CONNECT_TIMEOUT_S = 10.0
BLOCKED_TIMEOUT_S = 15.0
"""A broker short of memory or disk takes no messages: we do not wait for it longer than this."""
_PORTS = {"amqp": 5672, "amqps": 5671}


@dataclass(frozen=True, slots=True, kw_only=True)
class AmqpConnection:
    """One cluster over AMQP, and who we are to it."""

    name: str
    urls: tuple[str, ...] = field(repr=False)
    """`amqp` or `amqps`, tried in turn; one with user and password uses these."""
    username: str
    password: str = field(repr=False)
    tls: TlsFiles = field(default_factory=TlsFiles)
    lock_vhost: str = "/"
    timeout_s: float = 30.0


Ask = Callable[[Request], JsonValue]
"""Answers a GET of the management API."""


class Amqp:
    """Fits the port of the same name. Every call of `lock` and `queue` opens a connection."""

    def __init__(self, settings: Callable[[], AmqpConnection], ask: Ask) -> None:
        """`settings` is asked by the first call: who only plans needs no address."""
        self._settings = settings
        self._ask = ask

    @cached_property
    def _connection(self) -> AmqpConnection:
        return self._settings()

    def lock(self) -> QueueLock | None:
        """
        Return the cluster's lock, held; `None` while another connection holds it.

        Raises `Unreachable`, `AccessDenied` or `BrokerError`; `Refused` where a queue of its name
        is there that is no lock.
        """
        vhost = self._connection.lock_vhost
        connection = self._open(vhost, f"rmqsync lock, {_who(self._connection.name)}")
        found = QueueLock.take(self._connection.name, vhost, connection, HEARTBEAT_S)
        problem = None if found is not None else in_the_way(self._ask, vhost)
        if problem is not None:
            raise Refused(problem)
        return found

    def holder(self) -> str:
        """Return who holds the lock, as well as the cluster can tell."""
        return holder(self._ask, self._connection.lock_vhost)

    def is_held_by(self, lock: object) -> bool:
        """Tell whether that lock is this cluster's: two names may lead to one broker."""
        return isinstance(lock, QueueLock) and is_held_by(
            self._ask, self._connection.lock_vhost, lock.token
        )

    def queue(self, vhost: str, name: str, expiration_ms: int | None = None) -> QueueProbe:
        """
        Return an exact look at one queue; close it in the end. Raises as `lock` does.

        After `expiration_ms` sentinels vanish by themselves.
        """
        connection = self._open(vhost, f"rmqsync proof, {_who(self._connection.name)}")
        return QueueProbe(self._connection.name, connection, vhost, name, expiration_ms)

    def _open(self, vhost: str, title: str) -> pika.BlockingConnection:
        """Return a connection to the first address that lets us in."""
        import pika

        logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it says is in our errors
        failures: dict[str, Exception] = {}
        for url in self._connection.urls:
            shown, parameters = self._parameters(url, vhost, title)
            try:
                return pika.BlockingConnection(parameters)
            except (pika.exceptions.AMQPError, OSError, ValueError) as error:
                failures[shown] = error
        raise self._refused(failures, vhost)

    def _parameters(
        self, url: str, vhost: str, title: str
    ) -> tuple[str, pika.ConnectionParameters]:
        import pika

        settings = self._connection
        wrong = f"{settings.name}: an address in amqp is no amqp:// or amqps:// URL"
        try:
            parts = urlsplit(url)
            number = parts.port
        except ValueError:  # it repeats what it takes for a port, a part of a password maybe
            hint = "; in user and password, signs such as / are written as %2F"
            raise BrokerError(f"{wrong}{hint}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise BrokerError(wrong)
        port = number or _PORTS[parts.scheme]
        username, password = settings.username, settings.password
        if parts.username is not None:
            username, password = unquote(parts.username), unquote(parts.password or "")
        options = None
        if parts.scheme == "amqps":
            context = tls_context(settings.name, settings.tls)
            options = pika.SSLOptions(context, parts.hostname)
        timeout_s = min(CONNECT_TIMEOUT_S, settings.timeout_s)
        shown = f"{parts.scheme}://{parts.hostname}:{port}"
        return shown, pika.ConnectionParameters(
            host=parts.hostname,
            port=port,
            virtual_host=vhost,
            credentials=pika.PlainCredentials(username, password),
            heartbeat=HEARTBEAT_S,
            ssl_options=options,
            socket_timeout=timeout_s,
            stack_timeout=timeout_s + 5,
            blocked_connection_timeout=BLOCKED_TIMEOUT_S,
            client_properties=_properties(title),
        )

    def _refused(self, failures: Mapping[str, Exception], vhost: str) -> BrokerError:
        secrets = (self._connection.password,)
        told = [f"{url}: {say(_reason(e, vhost), secrets)}" for url, e in failures.items()]
        text = f"{self._connection.name}: no AMQP connection: {'; '.join(told)}"
        denied = [_is_denial(error) for error in failures.values()]
        return AccessDenied(text) if denied and all(denied) else Unreachable(text)


def _properties(title: str) -> dict[str, Any]:
    return {
        "connection_name": title,
        "product": "rmqsync",
        "version": __version__,
        "capabilities": {"consumer_cancel_notify": True},
    }


def _who(cluster: str) -> str:
    """Return who runs this, where: what a run that waits for us is told."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    host = socket.gethostname()
    return f"{user} on {host}, process {os.getpid()}, rmqsync {__version__}, cluster {cluster}"


def _is_denial(error: Exception) -> bool:
    import pika.exceptions as known

    return isinstance(error, known.ProbableAuthenticationError | known.ProbableAccessDeniedError)


_MORE = re.compile(r"refused for user '.*': (.+?)[\"']?$")
"""What a broker adds to its refusal where rights are not the cause, such as `connection limit (0)
is reached`; seen on 3.10.8 and 4.3.6."""


def _reason(error: Exception, vhost: str) -> str:
    import pika.exceptions as known

    if isinstance(error, known.ProbableAuthenticationError):
        return "user or password is wrong"
    if isinstance(error, known.ProbableAccessDeniedError):
        more = _MORE.search(str(error))
        if more is not None:
            return f"vhost '{vhost}' does not let our user in: {more[1]}"
        return f"vhost '{vhost}' is not there, or our user has no permissions in it"
    inner: BaseException = error
    while not str(inner) and (inner.__cause__ or inner.__context__) is not None:
        inner = inner.__cause__ or inner.__context__ or inner
    text = str(inner) or repr(inner)
    found = next((one for one in _exceptions_in(error)), None)
    return (str(found) or repr(found)) if found is not None else text


def _exceptions_in(error: BaseException) -> list[BaseException]:
    """Return the errors of the socket or of TLS that pika keeps inside its own."""
    found: list[BaseException] = []
    todo = [*error.args, getattr(error, "exception", None), *getattr(error, "exceptions", ())]
    for one in todo:
        if isinstance(one, OSError):
            found.append(one)
        elif isinstance(one, BaseException):
            found += _exceptions_in(one)
    return found
