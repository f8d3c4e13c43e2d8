"""
Builds the image of the Dockerfile and runs it, with buildah: no engine, no network but the mirrors.

Its base is made by debootstrap, since no registry of images is needed then: the same as the one
that the Dockerfile names, Debian with Python. The base is kept between runs; the image is built
anew when anything in it changed. How this machine's pip finds packages goes into the build as
secrets, which no layer keeps.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.brokers.folders import cache_folder, locked
from tests.brokers.roots import Unavailable, debian_mirror
from tests.ci.checkout import copy_project

_SUITE = "trixie"
_INCLUDE = "ca-certificates,python3,python3-venv"
_RECIPE = "1"
"""Raised when the base is to be made otherwise."""
_PACKAGES = ("buildah", "debootstrap")
_UNUSED = (
    "dev",
    "var/cache/apt/archives",
    "var/lib/apt/lists",
    *(f"usr/share/{n}" for n in ("doc", "man", "locale")),
)
DATA = "/var/lib/rmqsync"
"""The one folder that the image writes to."""


@dataclass(frozen=True, slots=True)
class Image:
    name: str
    root: Path
    """Its files, in a container that nothing is run in."""
    config: Mapping[str, Any]
    """What `docker inspect` shows as Config."""
    history: str
    size_bytes: int

    def run(
        self,
        *arguments: str,
        mounts: Mapping[Path, str] | None = None,
        data: Path | None = None,
        variables: Mapping[str, str] | None = None,
        entrypoint: Sequence[str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """
        Run the image as `docker run --read-only --cap-drop ALL` does, on this machine's loopback.

        `mounts` are seen read-only; only `data` can be written, as the data folder of the image.
        """
        return subprocess.run(
            self._command(arguments, mounts, data, variables, entrypoint),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def start(
        self,
        *arguments: str,
        log: Path,
        mounts: Mapping[Path, str] | None = None,
        data: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Container:
        """Start the image as `run` does; what it prints is added to `log`."""
        command = self._command(arguments, mounts, data, variables, None)
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        return Container(process, log)

    @contextmanager
    def running(self, *arguments: str, log: Path, **more: Any) -> Iterator[Container]:
        """Start the image as `start` does. It is killed in the end."""
        container = self.start(*arguments, log=log, **more)
        try:
            yield container
        finally:
            container.kill()
            container.wait()

    def _command(
        self,
        arguments: Sequence[str],
        mounts: Mapping[Path, str] | None,
        data: Path | None,
        variables: Mapping[str, str] | None,
        entrypoint: Sequence[str] | None,
    ) -> list[str]:
        binds = [f"mount --bind {self.root} {self.root}"]
        binds += [
            f"mkdir -p {self.root}{place} && mount --bind {source} {self.root}{place}"
            f" && mount -o remount,bind,ro {self.root}{place}"
            for source, place in (mounts or {}).items()
        ]
        binds += [f"mount --bind {data} {self.root}{DATA}"] if data else []
        binds += [
            f"mount -t proc proc {self.root}/proc",
            f"mount --bind /dev {self.root}/dev",
            f"mount -o remount,bind,ro {self.root}",
        ]
        user, _, group = self.config["User"].partition(":")
        environ = dict(one.split("=", 1) for one in self.config["Env"])
        given = [f"{name}={value}" for name, value in {**environ, **(variables or {})}.items()]
        enter = ["chroot", str(self.root), "/usr/bin/env", "-i", *given]
        enter += ["/usr/bin/setpriv", "--reuid", user, "--regid", group, "--clear-groups"]
        # another user would outlive whoever started it: the kernel forgets what kills it then
        enter += ["--pdeathsig", "keep"]
        enter += ["--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        enter += ["/bin/sh", "-c", f'cd {self.config["WorkingDir"]} && exec "$@"', "sh"]
        spaces = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork"]
        script = " && ".join([*binds, 'exec "$@"'])
        command = self.config["Entrypoint"] if entrypoint is None else entrypoint
        return [*spaces, "--kill-child", "sh", "-ec", script, "sh", *enter, *command, *arguments]


@dataclass(frozen=True, slots=True)
class Container:
    """An image that runs, asked as `subprocess.Popen` is."""

    process: subprocess.Popen[bytes]
    """What runs the first process in it, and ends as that does."""
    log: Path

    def poll(self) -> int | None:
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)

    def send_signal(self, sig: int) -> None:
        """Send a signal to the first process in it, as `docker kill` and `docker stop` do."""
        if sig == signal.SIGKILL:  # of which unshare of util-linux 2.38 would end with 1
            self.kill()
            return
        outer = self.process.pid
        (inner,) = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
        os.kill(int(inner), sig)

    def kill(self) -> None:
        """End all that is in it, at whatever stage it is."""
        self.process.kill()


def image(scratch: Path) -> Image:
    """Return the image of the project as it stands. Raises `Unavailable` where none can be had."""
    _install_tools()
    cache = cache_folder().parent / "rmqsync-image"
    source = copy_project(scratch / "source")
    with locked(cache / "lock"):
        buildah = _Buildah(cache)
        base = buildah.base()
        name = f"localhost/rmqsync:{_digest(source, base)}"
        if not buildah.has(name):
            buildah.forget("localhost/rmqsync")
            buildah.build(source, base, name, scratch)
        about = buildah.inspect(name)
        root = buildah.unpacked(name, scratch)
    config = about["Docker"]["config"]
    size = sum(file.lstat().st_size for file in root.rglob("*") if not file.is_symlink())
    return Image(name, root, config, json.dumps(about), size)


class _Buildah:
    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._command = ("buildah", "--storage-driver", "vfs", "--root", str(cache / "storage"))
        self._command += ("--runroot", str(cache / "run"))

    def base(self) -> str:
        """Return the name of the base, made now if it is not there (a minute or two)."""
        recipe = hashlib.sha256(f"{_RECIPE} {_SUITE} {_INCLUDE}".encode()).hexdigest()[:8]
        name = f"localhost/rmqsync-base:{recipe}"
        if not self.has(name):
            root = self._cache / "base"
            shutil.rmtree(root, ignore_errors=True)
            _debootstrap(root)
            container = self("from", "scratch")
            _copy(root, Path(self("mount", container)))
            self("commit", "--quiet", container, name)
            self("rm", container)
            shutil.rmtree(root)
        return name

    def build(self, source: Path, base: str, name: str, scratch: Path) -> None:
        secrets = scratch / "pip.conf"
        authorities = _authorities()
        secrets.write_text(_pip_conf(authorities is not None))
        given = ["--secret", f"id=pip.conf,src={secrets}"]
        given += ["--secret", f"id=ca.pem,src={authorities}"] if authorities else []
        for folder in _local_links():
            given += ["--volume", f"{folder}:{folder}:ro"]
        self(
            # OCI's own format has no place for a health check
            *("build", "--format", "docker", "--isolation", "chroot", "--pull=never"),
            *("--build-arg", f"BASE={base}"),
            *("--build-arg", "REVISION=0123456789", *given, "--tag", name, str(source)),
        )

    def unpacked(self, name: str, scratch: Path) -> Path:
        """Return a copy of the image's files, which is gone with `scratch`."""
        container = self("from", "--pull=never", name)
        root = scratch / "root"
        try:
            _copy(Path(self("mount", container)), root)
        finally:
            self("rm", container)
        return root

    def has(self, name: str) -> bool:
        command = [*self._command, "inspect", "--type", "image", name]
        return subprocess.run(command, capture_output=True).returncode == 0

    def inspect(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("inspect", "--type", "image", name))
        return found

    def forget(self, repository: str) -> None:
        """Remove images of earlier states, which would pile up."""
        for name in self("images", "--format", "{{.Name}}:{{.Tag}}").splitlines():
            if name.startswith(f"{repository}:"):
                self("rmi", "--force", name)

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True)
        if done.returncode:
            told = (done.stdout + done.stderr)[-4000:]
            raise AssertionError(f"buildah {arguments[0]} failed:\n{told}")
        return done.stdout.strip()


def _copy(source: Path, target: Path) -> None:
    # not shutil.copytree, which reads devices as if they were files: /dev/zero has no end
    target.mkdir(exist_ok=True)
    subprocess.run(["cp", "--archive", f"{source}/.", str(target)], check=True)


def _install_tools() -> None:
    if os.geteuid() != 0:
        raise Unavailable("an image is built here by root only")
    lacking = [name for name in _PACKAGES if not shutil.which(name)]
    if not lacking:
        return
    if not shutil.which("apt-get"):
        raise Unavailable(f"{', '.join(lacking)} cannot be had here")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with locked(cache_folder() / "apt.lock"):
        for arguments in (
            ("update",),
            ("install", "--yes", "--no-install-recommends", *lacking),
        ):
            command = ["apt-get", *arguments]
            done = subprocess.run(command, env=environ, capture_output=True, text=True)
            if done.returncode:
                raise Unavailable(f"apt-get {arguments[0]} failed:\n{done.stderr[-2000:]}")


def _debootstrap(root: Path) -> None:
    command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--fork", "--kill-child"]
    command += ["--mount", "--propagation", "private", "--mount-proc", "debootstrap"]
    # signatures are not checked: a stable Debian lacks the keys of suites newer than itself
    command += ["--variant=minbase", f"--include={_INCLUDE}", "--no-check-gpg"]
    command += [_SUITE, str(root), debian_mirror(), "sid"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise Unavailable(f"debootstrap of {_SUITE} failed:\n{done.stdout[-2000:]}")
    for unused in _UNUSED:
        shutil.rmtree(root / unused, ignore_errors=True)
    (root / "dev").mkdir()


def _pip_config() -> dict[str, str]:
    """Return what pip is told on this machine, by files and variables, by the name of an option."""
    listed = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], capture_output=True, text=True
    )
    found = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        found[name.rpartition(".")[2]] = value.strip("'\"")
    return found


def _pip_conf(with_authorities: bool) -> str:
    kept = {"index-url", "extra-index-url", "trusted-host", "find-links", "proxy"}
    lines = [f"{name} = {value}" for name, value in _pip_config().items() if name in kept]
    lines += ["cert = /run/secrets/ca.pem"] if with_authorities else []
    return "\n".join(["[global]", *lines, ""])


def _authorities() -> Path | None:
    """Return the certificate authorities by which this machine trusts its package index."""
    named = _pip_config().get("cert") or os.environ.get("SSL_CERT_FILE")
    return Path(named) if named and Path(named).is_file() else None


def _local_links() -> list[str]:
    return [link for link in _pip_config().get("find-links", "").split() if Path(link).is_dir()]


def _digest(source: Path, base: str) -> str:
    """Return a digest of all that makes the image."""
    total = hashlib.sha256(base.encode())
    places = ("Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE")
    files = [source / name for name in places]
    files += sorted(source.glob("ci/*.py")) + sorted((source / "rmqsync").rglob("*"))
    for file in files:
        if file.is_file():
            total.update(f"{file.relative_to(source)}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()[:16]
