"""Whether a commit is signed by somebody who is trusted, as `ssh-keygen` and git tell."""

from __future__ import annotations

import os

from rmqsync.model.errors import SourceError
from rmqsync.repo import command

# The repository's own configuration must neither choose the program nor loosen what it checks.
_CONFIG = (
    "gpg.ssh.program=ssh-keygen",
    "gpg.ssh.revocationFile=",
    "gpg.program=false",
    "gpg.openpgp.program=false",
    "gpg.x509.program=false",
    "gpg.minTrustLevel=fully",
)


def unsigned(folder: str, commit: str, signers: str) -> str | None:
    """
    Return why a commit is not signed by one of `signers`, a file as ssh-keygen(1) has it.

    `None` where it is. Only signatures by SSH keys count. Raises `SourceError` where git or the
    file of signers cannot be read.
    """
    if not os.path.isfile(signers) or not os.access(signers, os.R_OK):
        raise SourceError(f"source.trusted_signers: the file '{signers}' cannot be read")
    answer = command.run(
        folder,
        "verify-commit",
        "--raw",
        commit,
        config=(*_CONFIG, f"gpg.ssh.allowedSignersFile={os.path.abspath(signers)}"),
        env=command.NO_LAZY_FETCH,
    )
    if answer.status == 0:
        return None
    name = f"commit {commit[:12]}"
    said = answer.err.strip()
    if not said:
        return f"{name} is not signed, and only what '{signers}' allows is applied"
    first = said.splitlines()[0][:256]
    return f"{name} is not signed by anybody whom '{signers}' allows ({first})"
