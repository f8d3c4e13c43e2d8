"""The HTTP side of `FakeBroker`: connections, authentication, faults."""

import base64
import contextlib
import gzip
import json
import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from tests.fakes.faults import Fault, Reply


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    """Path and query, as sent."""
    headers: Mapping[str, str]
    body: Any
    """Parsed JSON; bytes where it is none; `None` without a body."""
    connection: int
    """Counts TCP connections from 0."""


class Backend(Protocol):
    """What decides on the answers."""

    prefix: str
    released: threading.Event

    def connected(self) -> int: ...

    def note(self, seen: Seen) -> None: ...

    def fault_for(self, method: str, path: str) -> Fault | None: ...

    def knows(self, name: str, password: str) -> bool: ...

    def answer(self, seen: Seen) -> Reply: ...


class Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def drop_connections(self) -> None:
        """End the kept ones: their threads wait for a next request."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent: clients that go away are what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def setup(self) -> None:
        super().setup()
        self._number = self.server.backend.connected()

    def do_GET(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""

    def _serve(self) -> None:
        backend = self.server.backend
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length)
        if len(content) < length:  # whoever sent it is gone: a broker does nothing then
            self.close_connection = True
            return
        if not self.path.startswith(f"{backend.prefix}/api/"):
            self.reply(Reply(404))
            return
        target = self.path.removeprefix(backend.prefix)
        headers = dict(self.headers.items())
        seen = Seen(self.command, target, headers, _parsed(content), self._number)
        backend.note(seen)
        path = unquote(urlsplit(target).path.removeprefix("/api/"))
        fault = backend.fault_for(self.command, path)
        if fault is not None:
            fault.happen(self, backend.answer(seen), backend.released)
        elif not self._may():
            self.reply(Reply.of({"error": "not_authorized", "reason": "Login failed"}, 401))
        else:
            self.reply(backend.answer(seen))

    def _may(self) -> bool:
        kind, _, value = self.headers.get("Authorization", "").partition(" ")
        if kind != "Basic":
            return False
        name, _, password = base64.b64decode(value).decode().partition(":")
        return self.server.backend.knows(name, password)

    def reply(self, reply: Reply, *, cut: int | None = None) -> None:
        """Send `reply`; with `cut` only so many bytes of its body, and then close."""
        body = reply.body
        headers = dict(reply.headers)
        if "gzip" in self.headers.get("Accept-Encoding", "") and body:
            body = gzip.compress(body, mtime=0)
            headers["Content-Encoding"] = "gzip"
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True

    def hang_up(self, *, reset: bool) -> None:
        """Close the connection without an answer."""
        if reset:
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.rfile.close()
            self.wfile.close()
            self.connection.close()
        self.close_connection = True


def _parsed(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return content
