"""Compiled sets of earlier runs, in the data folder: a spare for commits that git has lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from rmqsync.model.errors import SourceError
from rmqsync.repo.local import make_private_folder, write_atomic

KEPT = 50
"""So many sets are kept; those that were written first go first."""


class CompiledFolder:
    """Fits `app.ports.CompiledStore`. The folder is looked for when it is needed, not before."""

    def __init__(self, data_folder: Callable[[], str]) -> None:
        self._data_folder = data_folder

    def load(self, key: str) -> str | None:
        try:
            with open(self._path(key), encoding="utf-8") as file:
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
        found.sort(key=lambda entry: entry.stat().st_mtime)
        for entry in found[:-KEPT]:
            os.unlink(entry.path)
