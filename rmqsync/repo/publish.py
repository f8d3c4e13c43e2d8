"""
Puts files into a branch of a source's repository, beside whatever else that branch holds.

Made without a work tree: objects are written to the copy of the repository, and pushed. Nothing is
ever forced, so that what others commit to the branch meanwhile stays.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence

from rmqsync.repo import command
from rmqsync.repo.mirror import Mirror
from rmqsync.repo.remote import MovedOn

_TRIES = 3
Author = tuple[str, str]
"""Name and mail address."""
Message = Callable[[Sequence[str]], str]
"""Makes the message of a commit from the paths that it changes."""


def publish(
    mirror: Mirror, branch: str, files: Mapping[str, bytes], message: Message, author: Author
) -> tuple[str, Sequence[str]] | None:
    """
    Commit `files`, by path in the repository, to `branch` and push it.

    Returns the commit and what it changes; `None`: the branch holds just that already. Where others
    push at the same moment it is made anew. Raises `SourceError`.
    """
    for _ in range(_TRIES - 1):
        with contextlib.suppress(MovedOn):
            return _pushed(mirror, branch, files, message, author)
    return _pushed(mirror, branch, files, message, author)


def _pushed(
    mirror: Mirror, branch: str, files: Mapping[str, bytes], message: Message, author: Author
) -> tuple[str, Sequence[str]] | None:
    mirror.fetch()
    done = _commit(mirror.folder, mirror.head(branch), files, message, author)
    if done is not None:
        mirror.push(done[0], branch)
    return done


def _commit(
    folder: str, parent: str | None, files: Mapping[str, bytes], message: Message, author: Author
) -> tuple[str, Sequence[str]] | None:
    with tempfile.TemporaryDirectory() as place:
        index = os.path.join(place, "index")
        env = {"GIT_INDEX_FILE": index, **command.NO_LAZY_FETCH, **_signature(author)}

        def git(*words: str, content: bytes = b"") -> str:
            answer = command.run(folder, *words, content=content, env=env)
            if answer.status:
                raise command.failed(folder, words, answer)
            return os.fsdecode(answer.out).strip()

        known = set()
        if parent is not None:
            git("read-tree", parent)
            known = set(git("ls-files", "-s", "-z").split("\0"))
        lines, changed = [], []
        for path, content in files.items():
            blob = git("hash-object", "-w", "--stdin", content=content)
            if f"100644 {blob} 0\t{path}" in known:
                continue
            changed.append(path)
            lines.append(f"100644 {blob}\t{path}\0")
        if not changed:
            return None
        git("update-index", "-z", "--index-info", content="".join(lines).encode())
        tree = git("write-tree", "--missing-ok")  # other files of the branch may not be here
        parents = () if parent is None else ("-p", parent)
        content = message(changed).encode()
        return git("commit-tree", tree, *parents, content=content), changed


def _signature(author: Author) -> dict[str, str]:
    name, mail = author
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
    }
