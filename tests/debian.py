"""
Programs that some tests ask for their opinion: the machine's own, else unpacked from Debian.

Unpacked, not installed: nothing is set up or started by it, and nothing of the machine changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.brokers import Unavailable
from tests.brokers.folders import cache_folder, locked
from tests.brokers.pool import are_required

_PLACES = ("usr/bin", "usr/sbin")


class Program(NamedTuple):
    path: str
    env: dict[str, str]
    """What it wants to be started with."""


def program(name: str, *packages: str) -> Program:
    """Return a program; `packages` hold it and what it links. Skips, or fails, without it."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    found = shutil.which(name, path=search)
    if found is not None:
        return Program(found, dict(os.environ))
    try:
        return _unpacked(name, packages)
    except Unavailable as problem:
        if are_required():
            raise
        pytest.skip(f"there is no {name}: {problem}")


def _unpacked(name: str, packages: tuple[str, ...]) -> Program:
    root = cache_folder() / "unpacked" / name
    with locked(cache_folder() / f"{name}.lock"):
        if not root.is_dir():
            _unpack(root, packages)
    for place in _PLACES:
        if (root / place / name).is_file():
            libraries = ":".join(str(one) for one in root.glob("usr/lib/*-linux-gnu*"))
            return Program(str(root / place / name), {**os.environ, "LD_LIBRARY_PATH": libraries})
    raise Unavailable(f"{' and '.join(packages)} do not hold it")


def _unpack(root: Path, packages: tuple[str, ...]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Unavailable(f"install {' and '.join(packages)}, or run as root on Debian")
    part = root.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if not _run(["apt-get", "download", "-q", *packages], part):
        _run(["apt-get", "update", "-q"], part)
        if not _run(["apt-get", "download", "-q", *packages], part):
            raise Unavailable(f"apt-get cannot download {' and '.join(packages)}")
    for file in list(part.glob("*.deb")):
        if not _run(["dpkg-deb", "--extract", str(file), str(part)], part):
            raise Unavailable(f"{file.name} cannot be unpacked")
        file.unlink()
    part.rename(root)


def _run(words: list[str], folder: Path) -> bool:
    return subprocess.run(words, cwd=folder, capture_output=True).returncode == 0
