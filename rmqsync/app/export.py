"""
Export: a live cluster to a tree of definitions, after which a plan is empty.

The values of secrets go to a folder beside the tree, together with the file that `include:` takes
into `rmqsync.yaml`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from rmqsync.kinds import KINDS
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading.dump import TreeOptions, tree
from rmqsync.loading.dump_secrets import Secret
from rmqsync.model.definitions import Live
from rmqsync.model.errors import UsageError
from rmqsync.model.findings import Finding
from rmqsync.planning.plan import parse_version
from rmqsync.text.dump import to_yaml

SECRETS_FILE = "secrets.yaml"
_VALUES = "values"


class TreeWriter(Protocol):
    """Where the files of an export go."""

    def write(
        self, directory: str, files: Mapping[str, str], private: str, secrets: Mapping[str, str]
    ) -> None:
        """
        Write `files` below `directory` and `secrets` below `private`, by relative path.

        All or nothing, nothing overwritten: raises `Refused` or `SourceError`. Only the owner may
        read what is in `private`; it is not made when there are no secrets.
        """


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote."""

    directory: str
    files: tuple[str, ...]
    """Relative to `directory`."""
    counts: Mapping[str, int]
    """How many objects of each kind they hold."""
    secrets_file: str | None
    """To be named under `include:` in `rmqsync.yaml`; `None` where no secret was taken out."""
    secrets: tuple[str, ...]
    """Names of the secrets that the files refer to."""
    findings: tuple[Finding, ...]
    """What is on the cluster and not in the files, and why."""


def export(
    live: Live,
    directory: str,
    writer: TreeWriter,
    options: TreeOptions | None = None,
    kinds: Registry = KINDS,
) -> Exported:
    """
    Write the tree of `live` to `directory`, and the values of its secrets to `directory`.secrets.

    Raises `UsageError` where there is nothing to export, else as the writer does.
    """
    context = Context(
        version=parse_version(live.version),
        default_queue_types=live.default_queue_types,
        features=live.features,
    )
    made = tree(live, kinds, context, options or TreeOptions())
    if not made.files:
        raise UsageError("there is nothing to export: the scope of the cluster holds no object")
    private = secrets_folder(directory)
    included = f"{private}/{SECRETS_FILE}"
    writer.write(directory, made.files, private, secret_files(made.secrets, included))
    return Exported(
        directory=directory,
        files=tuple(made.files),
        counts=made.counts,
        secrets_file=included if made.secrets else None,
        secrets=tuple(made.secrets),
        findings=made.findings,
    )


def secrets_folder(directory: str) -> str:
    """Return the folder beside `directory` that holds the values of its secrets."""
    path = os.path.normpath(directory)
    named = path if os.path.basename(path).strip(".") else os.path.abspath(path)
    return f"{named}.secrets"


def secret_files(secrets: Mapping[str, Secret], included: str) -> dict[str, str]:
    """Return the files of the secrets' own folder by relative path, none without secrets."""
    if not secrets:
        return {}
    settings = {
        name: {"file": f"{_VALUES}/{name}", "for": [secret.address]}
        for name, secret in secrets.items()
    }
    header = (
        "Secrets that exported definitions name, and where their values are. To use them, say in\n"
        f"rmqsync.yaml, with the path from there:  include: [{included}]\n"
        "Do not commit this folder."
    )
    files = {".gitignore": "*\n", SECRETS_FILE: to_yaml({"secrets": settings}, header=header)}
    # One newline at the end of a secret's file is cut when it is read: this one.
    return files | {f"{_VALUES}/{name}": f"{secret.value}\n" for name, secret in secrets.items()}
