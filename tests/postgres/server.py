"""
One PostgreSQL server on loopback, as an unprivileged user, in a temporary folder.

Debian's package is installed where it is missing, without starting what it comes with. The server
dies with the process that started it.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.brokers import Unavailable
from tests.brokers.folders import cache_folder, locked
from tests.brokers.ports import free_ports

_USER = "rmqsync"
_START_S = 30
_SETTINGS = {"fsync": "off", "unix_socket_directories": "", "listen_addresses": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server with password authentication."""

    port: int
    password: str

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{_USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Return the address of an empty database."""
        name = f"test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.url(name)


@contextmanager
def server() -> Iterator[Postgres]:
    """Run a server; raises Unavailable where there can be none."""
    folder = Path(tempfile.mkdtemp(prefix="rmqsync-postgres-"))
    try:
        user = _unprivileged()
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        found = Postgres(free_ports(1, ())[0], secrets.token_hex(12))
        process = _start(folder, found, _as(user))
        try:
            _wait(found, process, folder)
            yield found
        finally:
            process.kill()
            process.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, found: Postgres, prefix: list[str]) -> "subprocess.Popen[bytes]":
    binaries = _binaries()
    password = folder / "password"
    password.write_text(found.password)
    password.chmod(0o644)
    data = folder / "data"
    made = [*prefix, str(binaries / "initdb"), "-D", str(data), "-U", _USER, "--no-sync"]
    made += ["--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "--locale=C"]
    done = subprocess.run(made, capture_output=True, text=True, cwd="/")
    if done.returncode != 0:
        raise Unavailable(f"initdb failed:\n{done.stderr[-2000:]}")
    command = [*prefix, str(binaries / "postgres"), "-D", str(data), "-p", str(found.port)]
    command += [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd="/")


def _wait(found: Postgres, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            psycopg.connect(found.url(), connect_timeout=2).close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > until:
                told = (folder / "log").read_text(errors="replace")[-2000:]
                raise Unavailable(f"PostgreSQL does not start: {error}\n{told}") from error
            time.sleep(0.05)


def _unprivileged() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to be root's."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else None


def _as(user: pwd.struct_passwd | None) -> list[str]:
    dies_with_us = ["setpriv", "--pdeathsig", "KILL"]
    if user is None:
        return dies_with_us
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [*dies_with_us, *ids]


def _binaries() -> Path:
    """The folder of the newest server there is; installed now if there is none."""
    found = _installed()
    if found is None:
        with locked(cache_folder() / "apt.lock"):
            if _installed() is None:
                _apt_get("update")
                _apt_get("install", "--yes", "--no-install-recommends", "postgresql")
        found = _installed()
    if found is None:
        raise Unavailable("Debian's package postgresql has brought no server")
    return found


def _installed() -> Path | None:
    places = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(places, key=lambda path: int(path.parts[4]))
    if newest:
        return newest[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _apt_get(*arguments: str) -> None:
    if os.getuid() != 0:
        raise Unavailable("there is no PostgreSQL here, and only root can install it")
    # As in single-user mode no service is started along with its package.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(["apt-get", *arguments], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"apt-get {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
