"""
A management API that answers from memory, for many clusters at once: `python -m bench.simulated`.

Each path prefix is a cluster of its own with the same content. It prints its port and serves until
its standard input ends, so that it takes none of the processor time that is measured.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.fakes.management import FakeBroker
from tests.fakes.server import Seen

SLOW_S = 20.0
"""What a cluster with `slow` in its name takes for an answer."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, definitions: dict[str, Any]) -> None:
        self.broker = FakeBroker(version="4.0.5", definitions=definitions, features=[])
        self.known: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def reply(self, target: str) -> tuple[int, bytes, dict[str, str]]:
        """Return the answer to a GET, packed; made once for each path."""
        with self.lock:
            if target not in self.known:
                found = self.broker.answer(Seen("GET", target, {}, None, 0))
                body = gzip.compress(found.body, 1)
                headers = {**found.headers, "Content-Encoding": "gzip"}
                self.known[target] = (found.status, body, headers)
            return self.known[target]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        prefix, _, rest = self.path.removeprefix("/").partition("/")
        if "slow" in prefix:
            time.sleep(SLOW_S)
        status, body, headers = self.server.reply(f"/{rest}")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        del format, args


def main() -> None:
    """Serve the definitions that the first line of standard input names a file of."""
    with open(sys.stdin.readline().strip(), encoding="utf-8") as file:
        server = _Server(json.load(file))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
