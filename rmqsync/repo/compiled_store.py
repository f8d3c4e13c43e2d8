"""
Compiled sets of earlier runs, in the data folder.

They spare the next process the compiling, and stand in for commits that git has lost. All of it can
go at any time.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from functools import cached_property

from rmqsync.model.errors import SourceError
from rmqsync.repo.local import make_private_folder, write_atomic

KEPT_BYTES = 256_000_000
"""So much is kept; what was used longest ago goes first."""


class CompiledFolder:
    """Fits `app.ports.CompiledStore`. The folder is looked for when it is needed, not before."""

    def __init__(self, data_folder: Callable[[], str]) -> None:
        self._data_folder = data_folder

    @cached_property
    def build(self) -> str:
        """The newest change of any module, to the nanosecond."""
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        newest = 0
        for folder in os.scandir(package):
            if folder.is_dir():
                for entry in os.scandir(folder.path):
                    if entry.name.endswith(".py"):
                        newest = max(newest, entry.stat().st_mtime_ns)
        return str(newest)

    def load(self, key: str) -> str | None:
        try:
            with open(self._path(key), encoding="utf-8") as file:
                os.utime(file.fileno())
                return file.read()
        except (OSError, ValueError, SourceError):
            return None

    def save(self, key: str, text: str) -> None:
        with contextlib.suppress(OSError, SourceError):
            path = self._path(key)
            make_private_folder(os.path.dirname(path))
            if not os.path.exists(path):
                write_atomic(path, text.encode("utf-8", "surrogatepass"), private=True)
            self._rotate(os.path.dirname(path))

    def _path(self, key: str) -> str:
        return os.path.join(self._data_folder(), "compiled", f"{key}.json")

    @staticmethod
    def _rotate(folder: str) -> None:
        found = [entry for entry in os.scandir(folder) if entry.name.endswith(".json")]
        left = KEPT_BYTES
        for entry in sorted(found, key=lambda entry: -entry.stat().st_mtime):
            left -= entry.stat().st_size
            if left < 0:
                os.unlink(entry.path)
