"""
What a folder and a revision have in common: layers, their files, and an id of what they hold.

How a layer is walked is in `walk.py`; the two sorts of checkout are in `checkout.py`.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from rmqsync.model.errors import BadLayer, InvalidDefinitions
from rmqsync.repo import files
from rmqsync.repo.files import SourceFile
from rmqsync.repo.walk import Found, Nowhere, Outside, Sort, Tree, Walk, follow, joined


class Layers(ABC):
    """What both sorts of checkout share."""

    def __init__(self, tree: Tree, base: str, shown: str, where: str) -> None:
        """
        `base` is the folder of the layers, from the root of `tree`.

        `shown` is that folder as it goes before every path that people see, with a `/` at its end;
        `where` is how errors name it.
        """
        self._tree = tree
        self._base = base
        self._shown = shown
        self._where = where
        self._walks: dict[str, Walk] = {}
        self._files: dict[str, tuple[SourceFile, ...]] = {}

    @property
    def base(self) -> str:
        """The folder of the layers, from the root of its repository."""
        return self._base

    def files(self, layer: str) -> Sequence[SourceFile]:
        """
        Return the definition files below a layer folder, sorted by path, bad links last.

        One that cannot be used has the reason as its `problem`: a link that leaves the repository,
        a file that is too long, unreadable, or of a repository inside. So it is told together with
        all else that is wrong. Raises `BadLayer` for a folder that is missing or holds none.
        """
        if layer not in self._files:
            walked = self._walked(layer)
            bad = (files.unusable(finding, layer) for finding in walked.findings)
            self._files[layer] = (*self._read(walked.found, layer), *bad)
        return self._files[layer]

    def walk(self, layer: str) -> list[Found]:
        """
        Return the files of a layer without reading them.

        Raises `BadLayer`, and `InvalidDefinitions` where one of them cannot be used.
        """
        walked = self._walked(layer)
        if walked.findings:
            raise InvalidDefinitions(walked.findings)
        return walked.found

    def _walked(self, layer: str) -> Walk:
        if layer not in self._walks:
            path = joined(self._base, layer)
            try:
                place = follow(self._tree, path)
            except Outside:
                raise BadLayer(
                    f"layer folder '{layer}' in {self._where} links out of the repository"
                ) from None
            except (Nowhere, FileNotFoundError):
                raise files.no_layer(layer, self._where, self._folders()) from None
            if place.sort is not Sort.FOLDER:
                raise BadLayer(f"layer '{layer}' in {self._where} is a file, not a folder")
            walk = Walk(self._tree, self._shown)
            walk.run(layer, place.path)
            if not walk.found and not walk.findings:
                raise files.no_files(layer, self._where)
            self._walks[layer] = walk
        return self._walks[layer]

    def tree(self, layers: Iterable[str]) -> str:
        """
        Return an id of all that these layers hold, 40 hex digits; errors as for `walk`.

        Equal for equal files under equal names, in a folder or any revision; nothing else counts.
        """
        total = hashlib.sha1(usedforsecurity=False)
        for layer in layers:
            for file, name in zip(self.walk(layer), self._digests(layer), strict=True):
                total.update(os.fsencode(f"{file.path}\0{name}\n"))
        return total.hexdigest()

    def _folders(self) -> list[str]:
        """Return folders that may be meant as a layer, down to the third level."""
        try:
            base = follow(self._tree, self._base)
        except (Nowhere, Outside, OSError):
            return []
        known: list[str] = []
        waiting = [""]
        while waiting and len(known) < 1000:
            folder = waiting.pop(0)
            try:
                entries = self._tree.entries(joined(base.path, folder))
            except OSError:
                continue
            for name in sorted(entries):
                if entries[name] is Sort.FOLDER and not files.is_hidden(name):
                    known.append(joined(folder, name))
                    if folder.count("/") < 1:
                        waiting.append(joined(folder, name))
        return known

    def _name(self, file: Found) -> str:
        return files.printable(self._shown + file.path)

    @abstractmethod
    def _read(self, walked: Sequence[Found], layer: str) -> Iterable[SourceFile]:
        """Return the files that were walked, those included that cannot be used."""

    @abstractmethod
    def _digests(self, layer: str) -> Iterable[str]:
        """Return the digests of the files of a layer, in their order."""
