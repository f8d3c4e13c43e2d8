"""People with keys, of whom a daemon trusts `ann` alone."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from tests.daemon.daemons import Home


class Signers:
    def __init__(self, home: Home) -> None:
        self._home = home
        for name in ("ann", "eve"):
            words = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(home.folder / name)]
            subprocess.run(["ssh-keygen", *words], check=True)
        self.file = home.folder / "allowed_signers"
        self.trust("ann")
        home.settings["source"]["trusted_signers"] = {"file": str(self.file)}

    def trust(self, name: str) -> None:
        public = (self._home.folder / f"{name}.pub").read_text()
        self.file.write_text(f"{name}@example.com {public}")

    def push(self, name: str, document: Mapping[str, Any], *options: str) -> str:
        """Push a commit that somebody has signed; return it."""
        key = str(self._home.folder / name)
        for what, value in (("gpg.format", "ssh"), ("user.signingkey", key)):
            self._home.git("config", what, value)
        self._home.git("config", "commit.gpgsign", "true")
        try:
            return self._home.push(document, *options)
        finally:
            self._home.git("config", "commit.gpgsign", "false")
