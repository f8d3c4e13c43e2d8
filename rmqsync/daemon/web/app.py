"""The web application: API, pages, webhooks, probes and metrics."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, Response

from rmqsync.daemon.ports import Busy, Service, Unknown
from rmqsync.daemon.web import api, webhooks
from rmqsync.daemon.web.security import Guard, Tokens
from rmqsync.daemon.web.shapes import components
from rmqsync.model.errors import BrokerError, HistoryError, Refused, RmqsyncError
from rmqsync.version import __version__

LOG = logging.getLogger("rmqsync.daemon")
_STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (Unknown, 404),
    (Refused, 409),
    (BrokerError, 502),
    (HistoryError, 503),
    (Busy, 503),
)


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        parts = document.setdefault("components", {})
        parts.setdefault("schemas", {}).update(components(*api.DOCUMENTS))
        parts["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        return document


def build(
    service: Service,
    *,
    tokens: Tokens,
    webhooks: webhooks.Webhooks,
    metrics: Callable[[], tuple[bytes, str]],
    page_routes: Sequence[APIRouter] = (),
    loopback: bool,
) -> FastAPI:
    """Return the application of a daemon; `loopback`: only this machine reaches it."""
    app = _App(
        title="rmqsync",
        version=__version__,
        description="RabbitMQ clusters kept in line with git.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.is_stopping = False  # once it is true, nobody is kept listening
    app.add_middleware(GZipMiddleware, minimum_size=2000, compresslevel=3)
    app.add_middleware(Guard, loopback=loopback, failed=_unexpected)
    app.include_router(api.routes(service, tokens))
    app.include_router(_hooks(service, webhooks))
    app.include_router(_probes(service, metrics))
    for one in page_routes:
        app.include_router(one, include_in_schema=False)
    _errors(app)
    return app


def _hooks(service: Service, known: webhooks.Webhooks) -> APIRouter:
    return webhooks.routes(service, known)


def _probes(service: Service, metrics: Callable[[], tuple[bytes, str]]) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    # Not those of the pages: a broker that is slow must not make what restarts daemons do so.
    threads = ThreadPoolExecutor(4, thread_name_prefix="rmqsync-probe")

    @router.get("/healthz")
    async def alive() -> Response:
        is_alive = service.is_alive()
        return PlainTextResponse("alive\n" if is_alive else "the loop stands still\n",
                                 200 if is_alive else 503)  # fmt: skip

    @router.get("/readyz")
    async def ready() -> Response:
        found = await asyncio.get_running_loop().run_in_executor(threads, service.problems)
        return PlainTextResponse("\n".join(found or ["ready"]) + "\n", 503 if found else 200)

    @router.get("/metrics")
    async def told() -> Response:
        body, media_type = await asyncio.get_running_loop().run_in_executor(threads, metrics)
        return Response(body, media_type=media_type)

    return router


def _errors(app: FastAPI) -> None:
    @app.exception_handler(RmqsyncError)
    def known(request: Request, error: Exception) -> Response:
        status = next((code for kind, code in _STATUSES if isinstance(error, kind)), 500)
        return _answer(request, status, str(error))

    @app.exception_handler(HTTPException)
    def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = _answer(request, error.status_code, str(error.detail))
        for name, value in (error.headers or {}).items():
            answer.headers[name] = value
        return answer

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        said = "; ".join(
            f"{'.'.join(map(str, one['loc'][1:])) or 'body'}: {one['msg']}"
            for one in error.errors()[:5]
        )
        given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if error.body is not None and given != "application/json":
            what = f"is {given}" if given else "is missing"
            said = f"the body is not read as JSON, since the header Content-Type {what}"
            return _answer(request, 422, said, "send Content-Type: application/json")
        return _answer(request, 422, said, "see /api/v1/openapi.json")


def _unexpected(request: Request, error: Exception) -> Response:
    number = uuid.uuid4().hex[:8]
    LOG.error("error %s: %s %s", number, request.method, request.url.path, exc_info=error)
    return _answer(request, 500, f"an unexpected error; the log has it as {number}")


def _answer(request: Request, status: int, error: str, hint: str | None = None) -> Response:
    body: Any = {"error": error, "hint": hint}
    if request.url.path.startswith(("/api/", "/webhooks/")):
        return JSONResponse(body, status)
    page: Callable[[Request, int, str], Response] | None = getattr(
        request.app.state, "error_page", None
    )
    return PlainTextResponse(f"{error}\n", status) if page is None else page(request, status, error)
