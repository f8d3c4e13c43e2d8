"""Root folders with a RabbitMQ in each, made by debootstrap from the machine's own Debian mirror.

A root is built under a temporary name and then renamed, so it is there whole or not at all.
debootstrap runs in namespaces that end with us: nothing stays mounted when it is killed.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.brokers.folders import cache_folder, locked

_INCLUDE = "rabbitmq-server"
_TOOLS = ("debootstrap", "openssl")
"""What a bare Debian may lack; each is a package of the same name."""
_HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
_NO_SERVICES = "#!/bin/sh\nexit 101\n"
_RECIPE = "2"
"""Raised when a root is to be made otherwise: those of the old recipe are no longer used."""


class Unavailable(RuntimeError):
    """There is no way to run a RabbitMQ here; the message says why."""


def root_of(suite: str) -> Path:
    """The root folder of Debian's `suite`, made now if it is not there (a minute or two).

    Raises Unavailable when it cannot be made.
    """
    recipe = hashlib.sha256(f"{_RECIPE} {_INCLUDE}".encode()).hexdigest()[:8]
    root = cache_folder() / f"{suite}-{recipe}"
    if not root.is_dir():
        with locked(cache_folder() / f"{suite}.lock"):
            if not root.is_dir():
                _build(suite, root)
    return root


def _build(suite: str, root: Path) -> None:
    _install_tools()
    for left_over in root.parent.glob(f".{suite}-*.building"):
        shutil.rmtree(left_over)
    building = root.parent / f".{root.name}.building"
    _write(building / "usr/sbin/policy-rc.d", _NO_SERVICES, mode=0o755)
    log = root.parent / f"{suite}.log"
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]
    command += ["--mount", "--propagation", "private", "--mount-proc", "debootstrap"]
    # signatures are not checked: a stable Debian lacks the keys of suites newer than itself
    command += ["--variant=minbase", f"--include={_INCLUDE}", "--no-check-gpg"]
    command += [suite, str(building), debian_mirror(), "sid"]
    with log.open("wb") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    if done.returncode != 0:
        told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise Unavailable(f"debootstrap of {suite} failed, see {log}:\n{told}")
    _write(building / "etc/hosts", _HOSTS)
    for unused in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc"):
        shutil.rmtree(building / unused, ignore_errors=True)
    building.rename(root)
    log.unlink()


def _install_tools() -> None:
    if all(shutil.which(tool) for tool in _TOOLS):
        return
    with locked(cache_folder() / "apt.lock"):
        lacking = [tool for tool in _TOOLS if not shutil.which(tool)]
        if lacking:
            _apt_get("update")
            _apt_get("install", "--yes", "--no-install-recommends", *lacking)


def debian_mirror() -> str:
    """Address of the Debian archive that this machine uses itself."""
    if chosen := os.environ.get("RMQSYNC_BROKERS_MIRROR"):
        return chosen
    if (mirror := _apt_mirror()) is None:
        _apt_get("update")
        mirror = _apt_mirror()
    if mirror is None:
        raise Unavailable("apt's sources name no Debian archive; set RMQSYNC_BROKERS_MIRROR")
    return mirror


def _apt_mirror() -> str | None:
    # apt itself reads both forms of its sources, and expands mirrors and variables in them
    command = ["apt-get", "indextargets", "--format", "$(LABEL) $(COMPONENT) $(REPO_URI)"]
    command.append("Created-By: Packages")
    told = subprocess.run(command, capture_output=True, text=True)
    return archive_in(told.stdout)


def archive_in(index_targets: str) -> str | None:
    """Debian's own archive among lines of `LABEL COMPONENT ADDRESS`, as apt tells its sources."""
    for line in index_targets.splitlines():
        label, _, rest = line.partition(" ")
        component, _, address = rest.partition(" ")
        if (label, component) == ("Debian", "main"):
            return address
    return None


def _apt_get(*arguments: str) -> None:
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", *arguments], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        raise Unavailable(f"apt-get {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")


def _write(path: Path, content: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
