"""
Webhooks: what forges send when something was pushed. All that one can do is have git fetched.

The signature is over the body as it came. What a delivery says is never read.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from rmqsync.daemon.ports import Service
from rmqsync.daemon.web.security import Rate, is_at_most

LOG = logging.getLogger("rmqsync.daemon")
MOST_BODY = 5_000_000
REPLAY_S = 300.0
"""How old a signed time may be, and how far ahead: a delivery is known for twice as long."""
MOST_KNOWN = 10_000
MOST_DELIVERIES = 60
"""Of one address in a minute."""
AT_ONCE = 4
"""Bodies that are read: who sends them is not known before the end, and all are in memory."""
PATIENCE_S = 10.0
"""So long a delivery may take, and wait for others. Forges give up after about as long."""
RESULTS = (
    "accepted", "replayed", "bad-signature", "not-configured", "rate-limited", "too-large",
    "broken-off",
)  # fmt: skip
MOST_TOLD = 20
"""Refusals that are logged in a minute."""

Verify = Callable[[Headers, bytes, bytes, float], bool]
"""(headers, body, secret, now) to whether the signature is right."""


def _hex(given: str, body: bytes, secret: bytes) -> bool:
    return _same(given, hmac.new(secret, body, hashlib.sha256).hexdigest().encode())


def _same(given: str, wanted: bytes) -> bool:
    return hmac.compare_digest(given.encode("latin-1", "replace"), wanted)  # the bytes as they came


def _github(headers: Headers, body: bytes, secret: bytes, now: float) -> bool:
    del now
    return _prefixed(headers.get("x-hub-signature-256", ""), body, secret)


def _bitbucket(headers: Headers, body: bytes, secret: bytes, now: float) -> bool:
    del now
    return _prefixed(headers.get("x-hub-signature", ""), body, secret)


def _prefixed(given: str, body: bytes, secret: bytes) -> bool:
    scheme, _, digest = given.partition("=")
    return _hex(digest, body, secret) and scheme == "sha256"


def _gitea(headers: Headers, body: bytes, secret: bytes, now: float) -> bool:
    del now
    names = ("x-gitea-signature", "x-forgejo-signature", "x-gogs-signature")
    given = next((headers[name] for name in names if name in headers), "")
    return _hex(given, body, secret)


def _gitlab(headers: Headers, body: bytes, secret: bytes, now: float) -> bool:
    if "webhook-signature" in headers:
        return _standard(headers, body, secret, now)
    return _same(headers.get("x-gitlab-token", ""), secret)


def _standard(headers: Headers, body: bytes, secret: bytes, now: float) -> bool:
    """Signatures of id, time and body, several of them with blanks between."""
    at = headers.get("webhook-timestamp", "")
    if not _is_recent(at, now):
        return False
    key = secret
    if secret.startswith(b"whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix(b"whsec_"), validate=True)
        except ValueError:
            return False
    signed = f"{headers.get('webhook-id', '')}.{at}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    given = headers["webhook-signature"].split()[:10]
    return sum(_same(one, wanted) for one in given) > 0


def _generic(headers: Headers, body: bytes, secret: bytes, now: float) -> bool:
    found = re.fullmatch(r"t=([0-9]{1,12}),v1=(\S+)", headers.get("x-rmqsync-signature", ""))
    if found is None or not _is_recent(found[1], now):
        return False
    return _hex(found[2], found[1].encode() + b"." + body, secret)


def _is_recent(at: str, now: float) -> bool:
    return at.isascii() and at.isdigit() and len(at) <= 12 and abs(now - int(at)) <= REPLAY_S


_VERIFY: Mapping[str, Verify] = {
    "github": _github,
    "gitlab": _gitlab,
    "gitea": _gitea,
    "bitbucket": _bitbucket,
    "generic": _generic,
}
_DELIVERY: Mapping[str, Sequence[str]] = {
    "github": ("x-github-delivery",),
    "gitlab": ("webhook-id", "x-gitlab-event-uuid"),
    "gitea": ("x-gitea-delivery", "x-forgejo-delivery", "x-gogs-delivery"),
    "bitbucket": ("x-request-uuid",),
    "generic": ("x-rmqsync-signature",),
}
"""What tells one delivery of a forge from another, what is signed first: no other header counts."""


class Webhooks:
    """Secrets by forge, and the deliveries that came lately. Thread-safe."""

    def __init__(
        self,
        secrets: Mapping[str, str],
        count: Callable[[str, str], None] = lambda _forge, _result: None,
        clock: Callable[[], float] = time.time,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """A secret of several lines is several: the new one and the old, while it is rotated."""
        self._secrets: dict[str, Sequence[bytes]] = {
            forge: [line.encode() for line in value.splitlines() if line]
            for forge, value in secrets.items()
        }
        self._count = count
        self._clock = clock
        self._patience_s = patience_s
        self._room = asyncio.Semaphore(AT_ONCE)
        self._known: OrderedDict[str, float] = OrderedDict()
        self._rate = Rate(MOST_DELIVERIES, 60.0)
        self._told = Rate(1, 60.0)
        self._all_told = Rate(MOST_TOLD, 60.0)
        self._lock = threading.Lock()

    async def take(self, forge: str, request: Request, fetch: Callable[[], None]) -> JSONResponse:
        """Answer a delivery; `fetch` is called for each that is right and new."""
        address = request.client.host if request.client is not None else "?"
        if forge not in self._secrets:
            known = forge if forge in _VERIFY else "unknown"
            self._refused(known, address, "not-configured", "it is not in daemon.webhooks")
            return _answer(404, f"no webhook of '{forge}' is configured; see daemon.webhooks")
        if self._rate.left_s(f"{forge} {address}") > 0:
            self._refused(forge, address, "rate-limited", "there are too many deliveries")
            return _answer(429, "too many deliveries; wait a minute", {"Retry-After": "60"})
        self._rate.add(f"{forge} {address}")
        try:
            async with asyncio.timeout(self._patience_s), self._room:
                body = await _body(request)
        except ClientDisconnect:
            self._refused(forge, address, "broken-off", "it broke off")
            return _answer(400, "the delivery broke off")
        except TimeoutError:
            said = f"it was not there within {self._patience_s:g} s"
            self._refused(forge, address, "broken-off", said)
            return _answer(408, said, {"Connection": "close"})
        if body is None:
            self._refused(forge, address, "too-large", f"it has more than {MOST_BODY} bytes")
            return _answer(413, f"a delivery of more than {MOST_BODY} bytes is not read")
        if not self._is_right(forge, request.headers, body):
            said = "the signature is wrong, or too old"
            self._refused(forge, address, "bad-signature", said)
            return _answer(401, said)
        if not self._is_new(forge, request.headers, body):
            self._count(forge, "replayed")
            return _answer(202, None)
        self._count(forge, "accepted")
        await run_in_threadpool(fetch)
        return _answer(202, None)

    def _refused(self, forge: str, address: str, result: str, reason: str) -> None:
        """Count and log a refusal: of one address and reason once a minute, and not too many."""
        self._count(forge, result)
        key = f"{forge} {address} {reason}"
        if self._told.left_s(key) > 0 or self._all_told.left_s("") > 0:
            return
        self._told.add(key)
        self._all_told.add("")
        LOG.warning("a delivery to /webhooks/%s from %s is refused: %s", forge, address, reason)

    def _is_right(self, forge: str, headers: Headers, body: bytes) -> bool:
        verify, now = _VERIFY[forge], self._clock()
        # All of them, so that the time tells nothing of which one it was.
        return sum(verify(headers, body, secret, now) for secret in self._secrets[forge]) > 0

    def _is_new(self, forge: str, headers: Headers, body: bytes) -> bool:
        name = next((headers[one] for one in _DELIVERY[forge] if one in headers), "")
        key = hashlib.sha256(f"{forge}\n{name}\n".encode() + body)
        now = self._clock()
        with self._lock:
            while self._known and next(iter(self._known.values())) < now - 2 * REPLAY_S:
                self._known.popitem(last=False)
            if not name:
                return True  # nothing tells it from another push with the same words
            if key.hexdigest() in self._known:
                return False
            self._known[key.hexdigest()] = now
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
            return True


async def _body(request: Request) -> bytes | None:
    """Return the body as it came; `None` as soon as it is too long."""
    if not is_at_most(MOST_BODY, request.headers):
        return None
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BODY:
            return None
        parts.append(part)
    return b"".join(parts)


def _answer(
    status: int, error: str | None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {"result": "accepted"} if error is None else {"error": error, "hint": None}
    return JSONResponse(body, status, dict(headers or {}))


def routes(service: Service, webhooks: Webhooks) -> APIRouter:
    """Return the routes of webhooks."""
    router = APIRouter()

    @router.post("/webhooks/{forge}", include_in_schema=False)
    async def webhook(forge: str, request: Request) -> JSONResponse:
        return await webhooks.take(forge, request, lambda: service.fetch("webhook"))

    return router
