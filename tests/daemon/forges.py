"""Servers of git on loopback, as real as the machine has them: https by git's own CGI, and sshd."""

from __future__ import annotations

import base64
import getpass
import os
import pwd
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.brokers.ports import free_ports
from tests.cli.workspace import GIT
from tests.debian import program

START_S = 20.0


@contextmanager
def https_forge(root: Path, tls: Path, wanted: str) -> Iterator[str]:
    """Serve the repositories below `root` to whoever gives `user:token`; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = self.headers.get("Authorization", "")
            if given != f"Basic {base64.b64encode(wanted.encode()).decode()}":
                self._answer(401, [("WWW-Authenticate", 'Basic realm="forge"')], b"")
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            head, _, answer = self._ask_git(body).partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            headers = [(name, value) for name, value in lines]
            status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
            self._answer(status, [one for one in headers if one[0] != "Status"], answer)

        def do_POST(self) -> None:
            self.do_GET()

        def _ask_git(self, body: bytes) -> bytes:
            path, _, query = self.path.partition("?")
            asked = {
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "somebody",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            }
            return subprocess.run(
                ["git", "http-backend"],
                input=body, env={**os.environ, **GIT, **asked}, check=True, capture_output=True,
            ).stdout  # fmt: skip

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in [*headers, ("Content-Length", str(len(body)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls / "server.pem", tls / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def hanging_server() -> Iterator[str]:
    """Take connections and never answer; yield the address."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@dataclass(frozen=True)
class SshServer:
    """What a client has to know."""

    user: str
    port: int
    client_key: Path
    known_hosts: str


@contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    """Run an sshd with a key of its own, that lets in one client key as who we are."""
    folder.mkdir()
    for name in ("host", "client"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True
        )
    (folder / "authorized").write_text((folder / "client.pub").read_text())
    port = free_ports(1, ())[0]
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\nSetEnv GIT_CONFIG_COUNT=1 "
        "GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*\n"
    )
    with _separation(), _running(folder):
        key = " ".join((folder / "host.pub").read_text().split()[:2])
        known = f"[127.0.0.1]:{port} {key}\n"
        yield SshServer(getpass.getuser(), port, folder / "client", known)


@contextmanager
def _running(folder: Path) -> Iterator[None]:
    sshd, log = program("sshd", "openssh-server", "libwrap0"), folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_with_user(folder), sshd.path, "-D", "-e", "-f", folder / "sshd_config"],
            stdout=output,
            stderr=output,
            env=sshd.env,
        )
    try:
        deadline = time.monotonic() + START_S
        while "Server listening" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _with_user(folder: Path) -> list[str]:
    """Return what shows a command the user that sshd wants, where it was never installed."""
    try:
        pwd.getpwnam("sshd")
    except KeyError:
        users = folder / "passwd"
        users.write_text(
            f"{Path('/etc/passwd').read_text()}sshd:x:64999:65534::/run/sshd:/usr/sbin/nologin\n"
        )
        script = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'
        private = ["unshare", "--mount", "--propagation", "private"]
        return [*private, "sh", "-c", script, "sh", str(users)]
    return []


@contextmanager
def _separation() -> Iterator[None]:
    """Give root's sshd the empty folder it insists on, which its service makes at each boot."""
    folder = Path("/run/sshd")
    is_ours = os.getuid() == 0 and not folder.exists()
    if is_ours:
        folder.mkdir(mode=0o755)
    try:
        yield
    finally:
        if is_ours:
            folder.rmdir()
