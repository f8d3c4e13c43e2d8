"""The web application around a fake daemon, asked without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from fastapi import FastAPI

from rmqsync.config.settings import Right
from rmqsync.daemon.ports import Service
from rmqsync.daemon.web.app import build
from rmqsync.daemon.web.pages import error_page, pages
from rmqsync.daemon.web.security import Tokens
from rmqsync.daemon.web.webhooks import Webhooks
from tests.daemon.web.fakes import FakeService

TOKEN = "t0ken-of-the-operators"
READER = "t0ken-that-may-only-plan"
SECRETS = {
    forge: f"{forge}-s3cret" for forge in ("github", "gitlab", "gitea", "bitbucket", "generic")
}
HERE = "http://localhost:8080"


def application(
    service: Service, webhooks: Webhooks | None = None, *, loopback: bool = True
) -> FastAPI:
    """Return the application as the daemon builds it."""
    app = build(
        service,
        tokens=Tokens({"ops": (TOKEN, list(Right)), "reader": (READER, [Right.PLAN])}),
        webhooks=webhooks or Webhooks(SECRETS),
        metrics=lambda: (b"rmqsync_up 1\n", "text/plain"),
        page_routes=[pages(service)],
        loopback=loopback,
    )
    app.state.error_page = error_page(service)
    return app


class Web:
    """A client that keeps nothing from one request to the next."""

    def __init__(
        self,
        service: FakeService | None = None,
        webhooks: Webhooks | None = None,
        *,
        loopback: bool = True,
    ) -> None:
        self.service = service or FakeService()
        self.app = application(self.service, webhooks, loopback=loopback)

    def ask(self, method: str, path: str, client: str = "127.0.0.1", **more: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(client, 4711))
            base = more.pop("base_url", HERE)
            async with httpx.AsyncClient(transport=transport, base_url=base) as session:
                return await session.request(method, path, **more)

        return asyncio.run(once())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(
        self, path: str, json: Any = None, *, token: str | None = TOKEN, **more: Any
    ) -> httpx.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.ask("POST", path, headers={**headers, **more.pop("headers", {})}, json=json,
                        **more)  # fmt: skip


Clock = Callable[[], float]
