"""
Puts files into a branch of a source's repository, beside whatever else that branch holds.

Made without a work tree: objects are written to the copy of the repository, and pushed. Nothing is
ever forced, so that what others commit to the branch meanwhile stays.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Mapping

from rmqsync.repo import command
from rmqsync.repo.mirror import Mirror
from rmqsync.repo.remote import MovedOn

_TRIES = 3
Author = tuple[str, str]
"""Name and mail address."""


def publish(
    mirror: Mirror, branch: str, files: Mapping[str, bytes], message: str, author: Author
) -> str | None:
    """
    Commit `files`, by path in the repository, to `branch` and push it; return the commit.

    `None`: the branch holds just that already. Where others push at the same moment it is made
    anew. Raises `SourceError`.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(MovedOn):
            return _pushed(mirror, branch, files, message, author)
    return _pushed(mirror, branch, files, message, author)


def _pushed(
    mirror: Mirror, branch: str, files: Mapping[str, bytes], message: str, author: Author
) -> str | None:
    mirror.fetch()
    commit = _commit(mirror.folder, mirror.head(branch), files, message, author)
    if commit is not None:
        mirror.push(commit, branch)
    return commit


def _commit(
    folder: str, parent: str | None, files: Mapping[str, bytes], message: str, author: Author
) -> str | None:
    with tempfile.TemporaryDirectory() as place:
        index = os.path.join(place, "index")
        env = {"GIT_INDEX_FILE": index, **command.NO_LAZY_FETCH, **_signature(author)}

        def git(*words: str, content: bytes = b"") -> str:
            answer = command.run(folder, *words, content=content, env=env)
            if answer.status:
                raise command.failed(folder, words, answer)
            return answer.out.decode().strip()

        if parent is not None:
            git("read-tree", parent)
        lines = []
        for path, content in files.items():
            blob = git("hash-object", "-w", "--stdin", content=content)
            lines.append(f"100644 {blob}\t{path}\0")
        git("update-index", "-z", "--index-info", content="".join(lines).encode())
        tree = git("write-tree", "--missing-ok")  # other files of the branch may not be here
        if parent is not None and git("rev-parse", f"{parent}^{{tree}}") == tree:
            return None
        parents = () if parent is None else ("-p", parent)
        return git("commit-tree", tree, *parents, content=message.encode())


def _signature(author: Author) -> dict[str, str]:
    name, mail = author
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
    }
