"""Where definitions come from: a folder as it stands, or a branch of a repository."""

# ruff: noqa: RUF009 (`option` returns a dataclass field, made anew for each class)

from __future__ import annotations

import os.path
from collections.abc import Mapping
from dataclasses import dataclass, replace

from rmqsync.config.nodes import Node
from rmqsync.config.secrets import Ref, SecretRef
from rmqsync.config.tables import Table, option
from rmqsync.config.texts import Duration, Text
from rmqsync.config.urls import GIT

_TEXT = Text()
_REF = Ref(SecretRef)
_DURATION = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where definitions come from."""

    git: str | None = option(
        GIT,
        "Repository: https, ssh or file URL, user@host:path, or a path. Left out: the folder that "
        "this file is in, as it stands.",
        None,
    )
    branch: str = option(
        _TEXT,
        "Branch whose head is applied, or tag whose commit is; needs git. A branch of that name "
        "goes before a tag. A tag that was moved is followed as a branch that was force-pushed is.",
        "main",
    )
    path: str = option(
        _TEXT,
        "Folder of the layers, inside the repository. Without git it is relative to this file.",
        ".",
    )
    """Without `git` an absolute path (or one relative to the working folder)."""
    poll_s: int = option(_DURATION, "How often the daemon asks for new commits.", 60)
    username: str = option(
        _TEXT,
        "User name sent along with the token; most forges take any.",
        "x-access-token",
    )
    token: SecretRef | None = option(
        _REF, "Access token for https. It is never written to disk.", None
    )
    ssh_key: SecretRef | None = option(
        _REF, "File with the private key for ssh; left out: the agent's keys.", None
    )
    known_hosts: SecretRef | None = option(
        _REF, "File with the host keys that ssh trusts; left out: the user's own.", None
    )
    trusted_signers: SecretRef | None = option(
        _REF,
        "File of allowed signers as ssh-keygen(1) has it: only commits that carry an SSH signature "
        "of one of them are applied.",
        None,
    )


_FILES = ("ssh_key", "known_hosts", "trusted_signers")


def _check(node: Node) -> None:
    """Record what keys of a source say together."""
    git = found.value if (found := node.get("git")) else None
    if git is None:
        for key in ("branch", "token", "ssh_key"):
            if key in node:
                node[key].bad("needs the key git", "name the repository there", key=True)
    elif isinstance(git, str):
        if "token" in node and not git.startswith("https://"):
            node["token"].bad("is sent over https only", "write git: https://…", key=True)
        path = found.value if (found := node.get("path")) else None
        if isinstance(path, str) and (path.startswith("/") or ".." in path.split("/")):
            node["path"].bad(f"'{path}' must be a folder inside the repository")
    for key in _FILES:
        if key in node and isinstance(node[key].value, Mapping) and "env" in node[key]:
            node[key].bad("must be a file", "write {file: PATH}")


def _finish(node: Node, value: Source) -> Source:
    if value.git is not None:
        return replace(value, path=os.path.normpath(value.path))
    return replace(value, path=(node.get("path") or node).absolute(value.path))


SOURCE = Table(Source, check=_check, finish=_finish)
