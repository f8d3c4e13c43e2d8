"""Where roots and running brokers are kept, and the file locks that make parallel calls safe."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_folder() -> Path:
    """Folder of the root folders; costly to make, so kept between runs."""
    if chosen := os.environ.get("RMQSYNC_BROKERS_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache").absolute() / "rmqsync-brokers"


def run_folder() -> Path:
    """Folder with one folder for each running broker."""
    chosen = os.environ.get("RMQSYNC_BROKERS_RUN")
    return Path(chosen).absolute() if chosen else cache_folder() / "run"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for it; the file is gone afterwards."""
    with _lock_file(path, fcntl.LOCK_EX) as held:
        assert held, "a lock that is waited for is always had"
        yield


@contextmanager
def try_locked(path: Path) -> Iterator[bool]:
    """Hold the lock file `path` if nobody else does; tells whether it is held."""
    with _lock_file(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as held:
        yield held


@contextmanager
def _lock_file(path: Path, operation: int) -> Iterator[bool]:
    descriptor = _acquire(path, operation)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _acquire(path: Path, operation: int) -> int | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, operation)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # a holder removes its file: a lock on a removed file excludes nobody
        try:
            if os.stat(path).st_ino == os.fstat(descriptor).st_ino:
                return descriptor
        except FileNotFoundError:
            pass
        os.close(descriptor)
