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
    by_group: bool = False
    """Secrets stay those of root, and the group may read them: as volumes of Kubernetes are."""

    def data_dir(self, folder: Path) -> str:
        return DATA

    def hand_over(self, secret: Path) -> None:
        user, group = self._owner
        os.chown(secret, 0 if self.by_group else user, group)
        secret.chmod(0o440 if self.by_group else 0o400)

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
