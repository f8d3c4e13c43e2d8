"""Serves a daemon's pages, API, webhooks, probes and metrics until it is told to stop."""

from __future__ import annotations

import errno
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rmqsync.config.settings import Settings
from rmqsync.daemon.start import Running
from rmqsync.model.errors import Refused, SourceError

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

LOG = logging.getLogger("rmqsync.daemon")
_TAKEN = "; end what listens there, perhaps another rmqsync, or choose another port"
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def listener(bind: str, settings: Settings) -> tuple[socket.socket, bool]:
    """
    Return a socket that listens, and whether only this machine reaches it.

    Raises `Refused` for an address others reach while there is no token, and `SourceError` where it
    cannot be had.
    """
    host, _, port = bind.rpartition(":")
    is_loopback = host in _LOOPBACK or host.startswith("127.")
    if not is_loopback and not settings.daemon.tokens and not settings.daemon.allow_anonymous:
        raise Refused(
            f"daemon.bind is {bind}, which others can reach, and daemon.tokens is empty; add a "
            "token, or set daemon.allow_anonymous: true for pages that anybody may read"
        )
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, int(port)))
        sock.listen(128)
    except (OSError, OverflowError) as error:
        sock.close()
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = _TAKEN if getattr(error, "errno", None) == errno.EADDRINUSE else ""
        raise SourceError(f"daemon.bind: cannot listen on {bind}: {why.lower()}{hint}") from error
    return sock, is_loopback


def web_app(running: Running, *, loopback: bool) -> FastAPI:
    """Return pages, API, webhooks, probes and metrics."""
    from rmqsync.daemon.web.app import build
    from rmqsync.daemon.web.pages import error_page, pages
    from rmqsync.daemon.web.security import Tokens
    from rmqsync.daemon.web.webhooks import RESULTS, Webhooks

    session = running.session
    read, daemon = session.secrets.read_ref, session.settings.daemon
    tokens = Tokens({k: (read(v, f"token '{k}'"), v.can) for k, v in daemon.tokens.items()})
    hooks = Webhooks(
        {k: read(v, f"webhook secret of {k}") for k, v in daemon.webhooks.items()},
        running.metrics.webhook,
    )
    running.metrics.expects_webhooks(daemon.webhooks, RESULTS)
    app = build(
        running.service,
        tokens=tokens,
        webhooks=hooks,
        metrics=lambda: running.metrics.text(ready=not running.service.problems()),
        page_routes=[pages(running.service)],
        loopback=loopback,
    )
    app.state.error_page = error_page(running.service)
    return app


def server_of(app: FastAPI) -> uvicorn.Server:
    """Return what answers for an application."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # anybody on this machine may write them
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=64 * 1024,
        limit_concurrency=500,
    )
    return uvicorn.Server(config)


def serve(running: Running, sock: socket.socket, *, loopback: bool) -> int:
    """Run until SIGTERM or SIGINT; return the exit code: 0 where all ended within the grace."""
    gc.enable()
    stopped = threading.Event()
    app = web_app(running, loopback=loopback)
    server = server_of(app)
    web = threading.Thread(target=server.run, args=([sock],), name="rmqsync-web", daemon=True)
    with _signals(stopped):
        web.start()
        host, port = sock.getsockname()[:2]
        LOG.info("listening on http://%s:%s", f"[{host}]" if ":" in host else host, port)
        running.start(stopped)
        while not stopped.wait(1.0):
            if not web.is_alive():
                LOG.error("the web server ended")
                break
    grace_s = float(running.session.settings.daemon.grace_s)
    LOG.info("stopping: finishing the requests in flight")
    app.state.is_stopping = True
    server.should_exit = True
    ended = running.stop(grace_s)
    web.join(3)
    LOG.info("stopped" if ended else "stopped: a run did not end in time")
    return 0 if ended and stopped.is_set() else 1


@contextmanager
def _signals(stopped: threading.Event) -> Iterator[None]:
    """Let SIGTERM and SIGINT stop the daemon, a second one at once."""

    def on_signal(signum: int, frame: object) -> None:
        del frame
        if stopped.is_set():
            os._exit(128 + signum)
        stopped.set()

    before = {one: signal.signal(one, on_signal) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
