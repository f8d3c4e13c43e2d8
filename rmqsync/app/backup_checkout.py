"""A broker's export in place of the definitions, for the way back to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from rmqsync.app.ports import Past
from rmqsync.loading.files import SourceFile
from rmqsync.model.changes import Revision

LAYER = "backup"
"""Its one layer."""


class BackupCheckout:
    """Fits `app.ports.Checkout`."""

    def __init__(self, file: SourceFile, past: Past | None) -> None:
        """`past` is that of the definitions that it stands in for."""
        self._file = file
        self.past = past

    @property
    def revision(self) -> Revision:
        return Revision(None)

    @property
    def base(self) -> str:
        return "."

    def unsigned(self, signers: str) -> str | None:
        del signers
        return "a backup is no commit, so nobody has signed it"

    def files(self, layer: str) -> Sequence[SourceFile]:
        del layer
        return (self._file,)

    def tree(self, layers: Iterable[str]) -> str:
        del layers
        return hashlib.sha1(self._file.content, usedforsecurity=False).hexdigest()
