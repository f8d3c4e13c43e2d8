"""
Exports from before a run, a folder for each cluster: `CLUSTER/TIME-RUN.json`.

They hold password hashes and URIs with passwords, as the broker gave them: that makes them whole.
So files are 0600 and folders 0700, and `json` is all there is in them.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime

from rmqsync.model.address import encode
from rmqsync.model.errors import SourceError

_NAME = re.compile(r"\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")


class Backups:
    """The last `keep` of each cluster, below one folder. Several processes may share it."""

    def __init__(
        self,
        folder: str,
        keep: int,
        write: Callable[[str, bytes], None],
        make_folder: Callable[[str], str],
    ) -> None:
        """
        `write` puts a private file in its place, whole and for good; `make_folder` makes a private
        one. Both raise `SourceError`.
        """
        self._folder = os.path.abspath(folder)
        self._keep = max(1, keep)
        self._write = write
        self._make_folder = make_folder

    def keep(self, cluster: str, run: str, content: bytes) -> str:
        """
        Keep an export and return its path; then remove the oldest of this cluster.

        Only regular files with names as they are made here are ever removed, and that one cannot be
        is no error. Raises `SourceError` where the export is not safely on disk.
        """
        self._make_folder(self._folder)
        folder = self._make_folder(os.path.join(self._folder, encode(cluster)))
        # To the millisecond: names are sorted to tell the oldest.
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")[:-3] + "Z"
        path = os.path.join(folder, f"{time}-{run}.json")
        self._write(path, content)
        _sync(folder)
        self._rotate(folder, os.path.basename(path))
        return path

    def _rotate(self, folder: str, newest: str) -> None:
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            found = sorted(
                entry.name
                for entry in entries
                if _NAME.fullmatch(entry.name)
                and entry.name != newest
                and entry.is_file(follow_symlinks=False)
            )
            for name in found[: max(0, len(found) - self._keep + 1)]:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _sync(folder: str) -> None:
    """Have the system write the folder down, as the file in it is already."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise SourceError(f"'{folder}' cannot be written: {reason}") from problem
