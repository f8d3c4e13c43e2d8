"""The little of GitHub's and GitLab's REST APIs that comments take, on loopback."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

OURS = {"id": 41898282, "login": "github-actions[bot]", "type": "Bot"}
SOMEBODY = {"id": 7, "login": "mallory", "type": "User"}

_GITHUB = re.compile(r"/repos/shop/definitions/issues/(?:5/comments|comments/(\d+))")
_GITLAB = re.compile(r"/projects/12/merge_requests/5/notes(?:/(\d+))?")


@dataclass
class Fault:
    status: int
    method: str = "*"
    times: int = 10**6
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"message": "Resource not accessible by integration"}'


@dataclass
class Forge:
    """Pull request 5 of a project, with its comments."""

    user: dict[str, Any] | None = None
    """Who the token belongs to; `None`: a job's, which cannot ask."""
    token: str = "t0ken"
    comments: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""
    _next_id: int = 100

    def add(self, body: str, author: dict[str, Any] = OURS) -> int:
        self._next_id += 1
        comment = {"id": self._next_id, "body": body, "user": author, "author": author}
        self.comments.append(comment)
        return self._next_id

    @property
    def bodies(self) -> list[str]:
        return [str(one["body"]) for one in self.comments]

    @property
    def writes(self) -> list[str]:
        return [method for method, _ in self.seen if method != "GET"]

    def answer(
        self, method: str, target: str, token: str, content: Any
    ) -> tuple[int, dict[str, str], bytes]:
        self.seen.append((method, target))
        for fault in self.faults:
            if fault.times and fault.method in ("*", method):
                fault.times -= 1
                return fault.status, fault.headers, fault.body
        if token != self.token:
            return 401, {}, b'{"message": "Bad credentials"}'
        status, found = self._do(method, target, content)
        return status, {}, b"" if found is None else json.dumps(found).encode()

    def _do(self, method: str, target: str, content: Any) -> tuple[int, Any]:
        parts = urlsplit(target)
        if parts.path == "/user":
            return (200, self.user) if self.user else (403, {"message": "no user"})
        matched = _GITHUB.fullmatch(parts.path) or _GITLAB.fullmatch(parts.path)
        if not matched:
            return 404, {"message": "Not Found"}
        if matched.group(1):
            return self._one(method, int(matched.group(1)), content)
        if method == "POST":
            self.add(content["body"], self.user or OURS)
            return 201, self.comments[-1]
        query = parse_qs(parts.query)
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return 200, self.comments[(page - 1) * size : page * size]

    def _one(self, method: str, number: int, content: Any) -> tuple[int, Any]:
        found = next((one for one in self.comments if one["id"] == number), None)
        if found is None:
            return 404, {"message": "Not Found"}
        if method == "DELETE":
            self.comments.remove(found)
            return 204, None
        if method in ("PATCH", "PUT"):
            found["body"] = content["body"]
        return 200, found


@contextmanager
def running(forge: Forge) -> Iterator[Forge]:
    """Serve a forge at `forge.url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = json.loads(self.rfile.read(length)) if length else None
            bearer = self.headers.get("Authorization", "").removeprefix("Bearer ")
            token = self.headers.get("PRIVATE-TOKEN") or bearer
            status, headers, body = forge.answer(self.command, self.path, token, content)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    forge.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield forge
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
