"""Lock files that a git leaves when it is killed, and that no git ever removes."""

from __future__ import annotations

import contextlib
import os

STALE_S = 30
"""Git holds such a file for moments: while it puts a file in its place."""


def remove_stale_locks(folder: str, now: float) -> None:
    """
    Remove the lock files of a bare repository that are too old to be of a git at work.

    For whoever keeps others off: then only a git that outlived the process that started it can be
    at work. `now` is seconds since the epoch; a file from the future is old, since clocks go wrong.
    """
    for place, folders, names in os.walk(folder):
        if place == os.path.join(folder, "objects"):
            folders[:] = [
                name for name in folders if len(name) > 2
            ]  # else objects, by the thousand
        for name in names:
            if name.endswith(".lock"):  # git lets no branch be called so
                _remove_stale(os.path.join(place, name), now)


def _remove_stale(path: str, now: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        if abs(now - os.stat(path).st_mtime) > STALE_S:
            os.unlink(path)
