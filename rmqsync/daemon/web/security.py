"""Who may do what over HTTP: bearer tokens, foreign pages, foreign names, headers."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rmqsync.config.settings import Right
from rmqsync.daemon.ports import SHORT

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
MOST_FAILURES = 10
"""Wrong tokens of one address within the time below; it has to wait then. Each counts once."""
FAILURES_S = 60.0
MOST_BODY = 1_000_000
_PROXY = (
    "behind a proxy set daemon.bind to an address that is not loopback, with a token in "
    "daemon.tokens; or have the proxy send Host: localhost, which will do for reading"
)
_LOCAL = re.compile(r"(?i:localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?")


class Rate:
    """So many events in a time for each key, of a bounded number of keys. Thread-safe."""

    def __init__(
        self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._seen: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def left_s(self, key: str) -> float:
        """Return for how long there were too many; 0 where there were not."""
        with self._lock:
            times = self._recent(key)
            return 0.0 if len(times) < self._most else self._seconds - (self._clock() - times[0])

    def add(self, key: str) -> None:
        with self._lock:
            self._seen[key] = [*self._recent(key), self._clock()][-self._most :]
            self._seen.move_to_end(key)
            while len(self._seen) > 10_000:
                self._seen.popitem(last=False)

    def _recent(self, key: str) -> list[float]:
        since = self._clock() - self._seconds
        return [one for one in self._seen.get(key, ()) if one > since]


class Tokens:
    """Bearer tokens by name: kept as digests only, and compared in constant time."""

    def __init__(self, tokens: Mapping[str, tuple[str, Collection[Right]]]) -> None:
        self._known = [
            (name, _digest(value), frozenset(rights)) for name, (value, rights) in tokens.items()
        ]
        self._short = {name for name, (value, _) in tokens.items() if len(value) < SHORT}
        self._failures = Rate(MOST_FAILURES, FAILURES_S)
        self._wrong = Rate(1, FAILURES_S)

    def holder(self, request: Request, right: Right) -> str:
        """Return the name of the token that a request bears. Raises `HTTPException`."""
        name, rights = self.bearer(request)
        if right not in rights:
            raise HTTPException(403, f"token '{name}' may not {right.value}; see daemon.tokens")
        return name

    def bearer(self, request: Request) -> tuple[str, frozenset[Right]]:
        """Return name and rights of the token that a request bears. Raises `HTTPException`."""
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        found: tuple[str, frozenset[Right]] | None = None
        given = _digest(value.strip())
        for name, digest, rights in self._known:
            if hmac.compare_digest(digest, given) and scheme.lower() == "bearer":
                found = name, rights
        # Whoever guesses may share the address of a proxy with everybody else, so what nobody
        # guesses is right all the same.
        if found is not None and found[0] not in self._short:
            return found
        address = request.client.host if request.client is not None else "?"
        left_s = self._failures.left_s(address)
        if left_s > 0:
            retry = {"Retry-After": str(int(left_s) + 1)}
            raise HTTPException(429, "too many wrong tokens; wait a minute", headers=retry)
        if found is None:
            if value:
                self._count(address, given)
            raise HTTPException(401, _WRONG if value else _NONE, {"WWW-Authenticate": "Bearer"})
        return found

    def _count(self, address: str, given: bytes) -> None:
        """Count a wrong token; one that comes again and again is an old one, and no guess."""
        key = f"{address} {given.hex()}"
        if self._wrong.left_s(key) == 0:
            self._wrong.add(key)
            self._failures.add(address)


_NONE = "this needs a token: Authorization: Bearer …"
_WRONG = "no such token"


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()


class Guard:
    """
    ASGI: refuses foreign names and pages, bounds bodies, and sets headers on every answer.

    Errors nobody expected are told here, since what Starlette has for them lies outside of this.
    """

    def __init__(
        self, app: ASGIApp, *, loopback: bool, failed: Callable[[Request, Exception], Response]
    ) -> None:
        """`loopback`: only this machine reaches it, so no other name for it is right."""
        self._app = app
        self._loopback = loopback
        self._failed = failed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        # Pages and probes are asked by HEAD too, by whatever watches them. The API is as it says.
        # The server knows of the request as it came, and leaves out the body.
        is_of_pages = not scope["path"].startswith(("/api/", "/webhooks/"))
        if scope["method"] == "HEAD" and is_of_pages:
            scope = {**scope, "method": "GET"}
        has_begun = False

        async def with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            status, text = refusal
            hint = _PROXY if status == 421 else None
            answer = JSONResponse({"error": text, "hint": hint}, status)
            await answer(scope, receive, with_headers)
            return
        try:
            await self._app(scope, receive, with_headers)
        except Exception as error:
            if has_begun:
                raise
            await self._failed(Request(scope), error)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._loopback and not _is_local(host):
            return 421, "this daemon is reached as localhost only"
        if scope["method"] in ("GET", "HEAD", "OPTIONS") or scope["path"].startswith("/webhooks/"):
            return None
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return 403, "a page of another site asks for this"
        if headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            return 403, "a page of another site asks for this"
        if "transfer-encoding" in headers or not is_at_most(MOST_BODY, headers):
            return 413, f"a body of at most {MOST_BODY} bytes, with its length, is taken"
        return None


def is_at_most(most: int, headers: Headers) -> bool:
    """Tell whether a body is as short as this, as its length says; one without a length is."""
    length = headers.get("content-length", "0")
    return length.isdecimal() and len(length) <= 12 and int(length) <= most


def _is_local(host: str) -> bool:
    """Tell whether a Host header is a name of loopback, with or without a port."""
    return _LOCAL.fullmatch(host) is not None
