"""How rmqsync is started for tests end to end: by this interpreter, or by what fits `Launcher`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from tests.cli.workspace import GIT


class Process(Protocol):
    """What is asked of a process that runs; `subprocess.Popen` fits."""

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


class Launcher(Protocol):
    """
    Starts rmqsync for a folder, which it sees under the same name.

    Its data folder is what is seen from outside as `data` in that folder.
    """

    def data_dir(self, folder: Path) -> str:
        """Return the data folder as the settings have to name it."""
        ...

    def hand_over(self, secret: Path) -> None:
        """Let rmqsync read a file that only its owner may read."""
        ...

    def start(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path
    ) -> Process:
        """Start it; what it prints is added to `log`."""
        ...

    def run(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        ...


class Here:
    """Starts the checkout by the interpreter of the tests, as the same user."""

    def data_dir(self, folder: Path) -> str:
        return str(folder / "data")

    def hand_over(self, secret: Path) -> None:
        pass

    def start(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path
    ) -> Process:
        with log.open("ab") as output:
            return subprocess.Popen(
                self._command(words), env=self._all(environ), stderr=output, stdout=output
            )

    def run(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self._command(words), env=self._all(environ), capture_output=True, text=True
        )

    def _command(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "rmqsync", *words]

    def _all(self, environ: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **GIT, **environ}
