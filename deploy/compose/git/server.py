"""
A git server for the example: one repository over HTTP, for whoever reaches its port.

`git http-backend` does the work. The repository is made from SEED the first time. After each push
rmqsync is told by a signed webhook, so that it need not wait for its next poll. There is no login:
the compose file publishes the port on this machine only. Use a forge of your own for real.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import subprocess
import threading
import time
import urllib.request
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LOG = logging.getLogger("git-server")
ROOT = Path(os.environ.get("GIT_ROOT", "/srv/git"))
SEED = Path(os.environ.get("GIT_SEED", "/srv/definitions"))
NAME = "definitions.git"
PORT = int(os.environ.get("GIT_PORT", "3000"))
WEBHOOK = os.environ.get("RMQSYNC_WEBHOOK", "")
SECRET = os.environ.get("RMQSYNC_WEBHOOK_SECRET", "/run/secrets/webhook_secret")


def seed() -> None:
    """Make the repository with its first commit, unless it is there."""
    repository = ROOT / NAME
    if (repository / "refs/heads/main").exists() or (repository / "packed-refs").exists():
        return
    someone = {f"GIT_{who}_NAME": "example" for who in ("AUTHOR", "COMMITTER")}
    someone |= {f"GIT_{who}_EMAIL": "example@localhost" for who in ("AUTHOR", "COMMITTER")}

    def git(*words: str) -> None:
        subprocess.run(["git", *words], env={**os.environ, **someone}, check=True)

    at = f"--git-dir={repository}"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(repository))
    git(at, "config", "http.receivepack", "true")
    git(at, f"--work-tree={SEED}", "add", "--all")
    git(at, f"--work-tree={SEED}", "commit", "--quiet", "--message=Definitions of the example")


def tell() -> None:
    """Tell rmqsync of a push, as its webhook `generic` wants it signed."""
    # Some of it by chance: two pushes within a second would else look like one that came twice.
    body = json.dumps({"delivery": str(uuid.uuid4())}).encode()
    at = str(int(time.time()))
    secret = Path(SECRET).read_text().strip().encode()
    digest = hmac.new(secret, at.encode() + b"." + body, hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-Rmqsync-Signature": f"t={at},v1={digest}"}
    try:
        asked = urllib.request.Request(WEBHOOK, body, headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            LOG.info("webhook: %s", answer.status)
    except OSError as error:  # rmqsync polls as well
        LOG.warning("webhook: %s", error)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/healthz":
            self._answer(200, {"Content-Type": "text/plain"}, b"alive\n")
        else:
            self._backend(b"")

    def do_POST(self) -> None:
        self._backend(self._body())
        if WEBHOOK and self.path.endswith("/git-receive-pack"):
            threading.Thread(target=tell).start()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        given = {
            "GIT_PROJECT_ROOT": str(ROOT),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }
        command = ["git", "http-backend"]
        done = subprocess.run(
            command, env={**os.environ, **given}, input=body, stdout=subprocess.PIPE, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        status = headers.pop("Status", "200" if done.returncode == 0 else "500")
        self._answer(int(status.split()[0]), headers, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    seed()
    with ThreadingHTTPServer(("", PORT), Handler) as server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            LOG.info("stopped")


if __name__ == "__main__":
    main()
