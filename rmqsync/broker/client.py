"""
The management API of one cluster: every endpoint in turn, retries, errors in plain words.

All calls may be sent twice: GET, PUT and DELETE by nature, POST of a binding since the broker
answers 201 to one that exists, POST of definitions since import only adds and overwrites. So a call
is repeated after a lost connection, a stale kept one (the broker closes those after 5 s or 1000
requests), a timeout, after which it may still take effect, and 408, 429, 500, 502, 503 and 504.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from rmqsync.broker.connection import ClusterConnection
from rmqsync.broker.failures import Failure
from rmqsync.broker.paths import Unaddressable, path_of, query_of
from rmqsync.broker.refusals import Call, check, json_of
from rmqsync.broker.transport import Answer, Transport
from rmqsync.kinds.base import Request
from rmqsync.model.errors import BrokerError, Rejected, Unreachable
from rmqsync.model.values import JsonValue

logger = logging.getLogger(__name__)

_T = TypeVar("_T")

ROUNDS = 4
"""How often all endpoints are tried."""
PAUSE_S = 0.25
"""Before the second round; doubled for each further one."""
LONGEST_PAUSE_S = 10.0
"""Whatever `Retry-After` asks for."""
PATIENT = 10
"""Exports and uploads may take so many times the timeout."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Time and chance, for tests to replace."""

    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = random.random


class Sent(NamedTuple):
    """One request as it went out, for whoever counts or measures."""

    endpoint: str
    method: str
    target: str
    status: int | None
    """`None`: there was no answer."""
    seconds: float


class Fetched(NamedTuple):
    """A large answer, and what tells whether the next one is the same."""

    digest: bytes
    """Of the body as it was sent: an unchanged one is neither unpacked nor parsed."""
    etag: str | None
    document: Any
    is_new: bool
    """Else the document is that of what was known before, `None` where it was not kept."""
    answer: Answer | None = None
    """As it was sent; `None` where it was not kept."""


class Client:
    """Thread-safe; connections are opened by the first call."""

    def __init__(
        self,
        connection: ClusterConnection,
        *,
        observe: Callable[[Sent], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.connection = connection
        self.requests = 0
        """How many requests were sent, repetitions included."""
        self._observe = observe
        self._pace = pace or Pace()
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._first = 0

    def get(self, request: Request) -> Any:
        """Return the parsed answer to a GET; `None` for 404."""
        call = self._call(request)

        def accept(answer: Answer) -> Any:
            check(call, answer, (404,))
            return None if answer.status == 404 else json_of(call, answer)

        return self._run(call, accept)

    def fetch(
        self, request: Request, *, known: Fetched | None = None, patient: bool = False
    ) -> Fetched:
        """Answer a GET of something large, which is parsed only if it is not what is `known`."""
        call = self._call(request)
        headers = {"If-None-Match": known.etag} if known is not None and known.etag else {}

        def accept(answer: Answer) -> Fetched:
            if known is not None and answer.status == 304:
                return known._replace(is_new=False)
            check(call, answer)
            digest = hashlib.sha256(answer.wire).digest()
            etag = answer.headers.get("ETag")
            if known is not None and digest == known.digest:
                return known._replace(etag=etag, is_new=False)
            return Fetched(digest, etag, json_of(call, answer), is_new=True, answer=answer)

        return self._run(call, accept, headers=headers, patient=patient)

    def send(self, request: Request) -> None:
        """Carry out one call; a DELETE that finds nothing is done."""
        call = self._call(request)
        allowed = (404,) if request.method == "DELETE" else ()
        body = None if request.body is None else _encode(request.body)
        self._run(call, lambda answer: check(call, answer, allowed), body=body)

    def upload(self, document: Mapping[str, Any]) -> None:
        """POST a definitions document."""
        request = Request("POST", ("definitions",), document)
        call = self._call(request)
        body = _encode(document)
        self._run(call, lambda answer: check(call, answer), body=body, patient=True)

    def close(self) -> None:
        with self._lock:
            transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()

    def _call(self, request: Request) -> Call:
        try:
            path = path_of(request.path)
        except Unaddressable as error:
            reason = str(error)
            raise Rejected(f"{self.connection.name}: {reason}", 405, reason) from error
        return Call(
            self.connection,
            request.method,
            request.path,
            path + query_of(request.query),
            request.body,
        )

    def _run(
        self,
        call: Call,
        accept: Callable[[Answer], _T],
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        patient: bool = False,
    ) -> _T:
        """Try until `accept` takes an answer; it raises `Failure` to have another try."""
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        timeout_s = self.connection.timeout_s * (PATIENT if patient else 1)
        failures: dict[str, Failure] = {}
        may_be_done = False
        started = self._pace.clock()
        for number in range(ROUNDS):
            if number:
                self._wait(number, failures.values())
            for endpoint in self._in_turn():
                known = failures.get(endpoint)
                if known is not None and known.lasting:
                    continue
                try:
                    answer = self._exchange(call, endpoint, body, sent, timeout_s)
                    accepted = accept(answer)
                except Failure as failure:
                    failures[endpoint] = failure
                    may_be_done = may_be_done or failure.may_be_done
                    self._leave(endpoint, call, failure)
                else:
                    return accepted
            if all(failure.lasting for failure in failures.values()):
                break
            if self._pace.clock() - started >= timeout_s:
                break
        raise self._given_up(failures, may_be_done)

    def _exchange(
        self,
        call: Call,
        endpoint: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout_s: float,
    ) -> Answer:
        transport = self._open()
        with self._lock:
            self.requests += 1
        started = self._pace.clock()
        status: int | None = None
        try:
            answer = transport.exchange(
                endpoint,
                call.method,
                call.target,
                body=body,
                headers=headers,
                timeout_s=timeout_s,
            )
            status = answer.status
            return answer
        finally:
            seconds = self._pace.clock() - started
            logger.debug(
                "request cluster=%s endpoint=%s method=%s target=%s status=%s seconds=%.3f",
                self.connection.name,
                endpoint,
                call.method,
                call.target,
                status,
                seconds,
            )
            if self._observe is not None:
                self._observe(Sent(endpoint, call.method, call.target, status, seconds))

    def _open(self) -> Transport:
        with self._lock:
            if self._transport is None:
                self._transport = Transport(self.connection)
            return self._transport

    def _in_turn(self) -> Iterator[str]:
        endpoints, first = self.connection.endpoints, self._first
        yield from endpoints[first:]
        yield from endpoints[:first]

    def _leave(self, endpoint: str, call: Call, failure: Failure) -> None:
        """Begin with the next endpoint from now on."""
        logger.info(
            "no use cluster=%s endpoint=%s request=%s reason=%s",
            self.connection.name,
            endpoint,
            call.title,
            failure.reason,
        )
        endpoints = self.connection.endpoints
        with self._lock:
            if endpoints[self._first] == endpoint:
                self._first = (self._first + 1) % len(endpoints)

    def _wait(self, number: int, failures: Iterable[Failure]) -> None:
        pause = PAUSE_S * 2 ** (number - 1) * (0.5 + self._pace.chance())
        asked = [failure.retry_after_s or 0.0 for failure in failures]
        self._pace.sleep(min(max(pause, *asked), LONGEST_PAUSE_S))

    def _given_up(self, failures: Mapping[str, Failure], may_be_done: bool) -> BrokerError:
        told = [failure.error for failure in failures.values()]
        first = next((error for error in told if error is not None), None)
        if first is not None and (len(failures) == 1 or isinstance(first, Rejected)):
            return first
        reasons = "; ".join(f"{url}: {failure.reason}" for url, failure in failures.items())
        words = "cannot reach" if len(failures) == 1 else "no endpoint gives an answer:"
        text = f"{self.connection.name}: {words} {reasons}"
        return BrokerError(text) if all(told) else Unreachable(text, may_be_done=may_be_done)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def _encode(body: JsonValue) -> bytes:
    # A lone surrogate must reach the broker, which answers with a reason, rather than end here.
    return _ENCODER.encode(body).encode("utf-8", "surrogatepass")
