"""Starts rmqsync as the image, for the stories that the daemon of the checkout has to hold."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.packaging.image import DATA, Container, Image


@dataclass(frozen=True, slots=True)
class InImage:
    """
    Starts containers that see a folder read-only, under its own name, and its `data` as a volume.

    Nothing of the environment of the tests comes in, and the folder belongs to somebody else.
    """

    image: Image

    def data_dir(self, folder: Path) -> str:
        return DATA

    def hand_over(self, secret: Path) -> None:
        os.chown(secret, *self._owner)

    def start(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str], log: Path
    ) -> Container:
        data = self._volume(folder)
        mounts = {folder: str(folder)}
        return self.image.start(*words, log=log, mounts=mounts, data=data, variables=environ)

    def run(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        mounts = {folder: str(folder)}
        data = self._volume(folder)
        return self.image.run(*words, mounts=mounts, data=data, variables=environ)

    @property
    def _owner(self) -> tuple[int, int]:
        user, _, group = self.image.config["User"].partition(":")
        return int(user), int(group)

    def _volume(self, folder: Path) -> Path:
        """Return the data folder; made anew it has owner and mode of the image's, as a volume."""
        data = folder / "data"
        if not data.exists():
            data.mkdir(mode=0o700)
            os.chown(data, *self._owner)
        return data
