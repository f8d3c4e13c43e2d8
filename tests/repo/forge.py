"""A forge on loopback: serves a bare repository over http, and keeps what it was asked."""

from __future__ import annotations

import base64
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Forge:
    """What a server answers, and what it saw."""

    def __init__(self, root: Path, wanted: str | None, to: str | None, slow_s: float) -> None:
        self.root = root
        self.wanted = wanted
        """`user:password`; `None` lets anyone read."""
        self.to = to
        """Where every request is sent on to."""
        self.slow_s = slow_s
        self.seen: list[str | None] = []
        """The credentials of each request, decoded."""
        self.url = ""


@contextmanager
def forge(
    root: Path, wanted: str | None = None, to: str | None = None, slow_s: float = 0
) -> Iterator[Forge]:
    """Serve the bare repositories below `root`, which `git update-server-info` was run in."""
    state = Forge(root, wanted, to, slow_s)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization")
            text = base64.b64decode(given.split()[1]).decode() if given else None
            state.seen.append(text)
            time.sleep(state.slow_s)
            if state.to is not None:
                self._answer(301, b"", {"Location": state.to + self.path})
                return
            if state.wanted is not None and text != state.wanted:
                self._answer(401, b"", {"WWW-Authenticate": 'Basic realm="forge"'})
                return
            path = os.path.join(state.root, self.path.partition("?")[0].lstrip("/"))
            if not os.path.isfile(path):
                self._answer(404, b"", {})
                return
            self._answer(200, Path(path).read_bytes(), {"Content-Type": "text/plain"})

        def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
