"""Questions to a git repository, bare or not: commits, trees and blobs. Writes nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from rmqsync.model.errors import SourceError
from rmqsync.repo import command

_HEX = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


class Entry(NamedTuple):
    """One line of a tree."""

    mode: str
    id: str
    path: str
    """From the root of the repository, as the file system would have it."""

    @property
    def is_file(self) -> bool:
        """Whether it is a file or a link, so that `id` is that of a blob."""
        return self.mode.startswith(("100", "120"))


class Repository:
    """
    The repository that holds a folder.

    Raises `SourceError` for a folder that is in none.
    """

    def __init__(self, folder: str, get: Callable[[Sequence[str]], None] | None = None) -> None:
        """
        `get` brings blobs that a partial clone lacks. Without it git does that as it likes.

        With it git fetches nothing by itself, commits neither: see `command.NO_LAZY_FETCH`.
        """
        found = find(folder)
        if found is None:
            raise SourceError(
                f"'{folder}' is not in a git repository; name a folder that is, or leave out the "
                "revision"
            )
        self.folder = folder
        self._get = get
        self.root, self.prefix = found

    def resolve(self, revision: str) -> str:
        """Return the commit that a revision means, 40 hex digits. Raises `SourceError`."""
        commit = self.find_commit(revision)
        if commit is not None:
            return commit
        if self.is_shallow:
            raise SourceError(
                f"revision '{revision}' is not in '{self.root}', which is a shallow clone; get the "
                "rest with git fetch --unshallow, or set the depth of the checkout to 0"
            )
        raise SourceError(
            f"unknown revision '{revision}' in '{self.root}'; check the name, or get it with "
            "git fetch"
        )

    def find_commit(self, revision: str) -> str | None:
        """Return the commit that a revision means; `None` where it means none."""
        if not revision or revision.startswith("-") or "\0" in revision:
            return None
        answer = self._run("rev-parse", "--verify", "--quiet", revision + "^{commit}")
        commit = answer.out.decode("ascii", "replace").strip()
        return commit if answer.status == 0 and _HEX.fullmatch(commit) else None

    @property
    def is_shallow(self) -> bool:
        return self._read("rev-parse", "--is-shallow-repository").strip() == b"true"

    def merge_base(self, one: str, other: str) -> str:
        """Return the commit from which two revisions went apart. Raises `SourceError`."""
        commits = self.resolve(one), self.resolve(other)
        arguments = ("merge-base", *commits)
        answer = self._run(*arguments)
        if answer.status == 0:
            return answer.out.split()[0].decode("ascii")
        if answer.status > 1:
            raise command.failed(self.root, arguments, answer)
        hint = (
            "this is a shallow clone: get the rest with git fetch --unshallow"
            if self.is_shallow
            else "name a base that it descends from"
        )
        raise SourceError(f"revisions '{one}' and '{other}' have no commit in common; {hint}")

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Tell whether commit `newer` descends from commit `older`, or is the same."""
        arguments = ("merge-base", "--is-ancestor", older, newer)
        answer = self._run(*arguments)
        if answer.status > 1:
            raise command.failed(self.root, arguments, answer)
        return answer.status == 0

    def root_commit(self, commit: str) -> str | None:
        """Return the first commit of the line that led to `commit`; `None` in a shallow clone."""
        if self.is_shallow:
            return None
        out = self._read("rev-list", "--max-parents=0", "--first-parent", commit, "--")
        return out.split()[-1].decode("ascii")

    @cached_property
    def at_root(self) -> Repository:
        """This repository, as seen from its root."""
        return self if not self.prefix else Repository(self.root, self._get)

    def commits(self, head: str, base: str, most: int) -> list[str]:
        """Return commits behind `head`, and on branches, that changed what is below a folder."""
        options = ("--branches", "--remotes", f"--max-count={most}")
        where = ("--", base) if base else ("--",)
        out = self._read("rev-list", *options, head, *where)
        return out.decode("ascii").split()

    def branches(self) -> list[str]:
        return self._names("refs/heads", "refname")

    def tags(self) -> list[str]:
        """Return the tags, the newest first."""
        return self._names("refs/tags", "-creatordate")

    def _names(self, where: str, sort: str) -> list[str]:
        out = self._read("for-each-ref", f"--sort={sort}", "--format=%(refname:lstrip=2)", where)
        return out.decode("utf-8", "replace").split()

    def entries(self, commit: str) -> list[Entry]:
        """Return all files, folders and links of a commit; a folder comes before what is in it."""
        out = self._read("ls-tree", "-rtz", "--full-tree", commit)
        entries = []
        for line in out.split(b"\0")[:-1]:
            about, _, path = line.partition(b"\t")
            mode, _, name = about.decode("ascii").split()
            entries.append(Entry(mode, name, os.fsdecode(path)))
        return entries

    def sizes(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the lengths of blobs in bytes."""
        wanted = list(dict.fromkeys(ids))
        out = self._cat("--batch-check", wanted)
        return {
            name: self._size(name, line)
            for name, line in zip(wanted, out.splitlines(), strict=True)
        }

    def blobs(self, ids: Iterable[str]) -> dict[str, bytes]:
        """Return the content of blobs, all in one go."""
        wanted = list(dict.fromkeys(ids))
        out = self._cat("--batch", wanted)
        blobs = {}
        start = 0
        for name in wanted:
            end = out.index(b"\n", start)
            size = self._size(name, out[start:end])
            blobs[name] = out[end + 1 : end + 1 + size]
            start = end + 1 + size + 1
        return blobs

    def _cat(self, how: str, wanted: Sequence[str]) -> bytes:
        arguments, lines = ("cat-file", how), _lines(wanted)
        if self._get is None:
            return self._read(*arguments, content=lines)

        answer = self._run(*arguments, content=lines)
        # Where a file was left out git 2.39 fails, and 2.47 writes that line, as files may have it.
        if answer.status or b" missing\n" in answer.out:
            # Nothing is missing any more where another thread has just got the same files.
            if missing := self._missing(wanted):
                self._get(missing)
            answer = self._run(*arguments, content=lines)
        if answer.status:
            raise command.failed(self.root, arguments, answer)
        return answer.out

    def _missing(self, wanted: Sequence[str]) -> list[str]:
        # The only question about objects at which git does not stop at the first that is missing.
        all_ids = ("--batch-all-objects", "--unordered", "--batch-check=%(objectname)")
        known = set(self._read("cat-file", *all_ids).decode("ascii").split())
        return [name for name in wanted if name not in known]

    def _run(self, *arguments: str, content: bytes = b"") -> command.Answer:
        env = None if self._get is None else command.NO_LAZY_FETCH
        return command.run(self.root, *arguments, content=content, env=env)

    def _read(self, *arguments: str, content: bytes = b"") -> bytes:
        answer = self._run(*arguments, content=content)
        if answer.status:
            raise command.failed(self.root, arguments, answer)
        return answer.out

    def _size(self, name: str, line: bytes) -> int:
        about = line.split()
        if len(about) != 3:
            raise SourceError(
                f"object {name} is missing in '{self.root}': the clone is partial or damaged; "
                "get it again with git fetch --refetch"
            )
        return int(about[2])


def _lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode("ascii")


def find(folder: str) -> tuple[str, str] | None:
    """Return the root of the repository that `folder` is in and the way from there; else `None`."""
    answer = command.run(folder, "rev-parse", "--is-bare-repository", "--show-prefix")
    if answer.status:
        if "not a git repository" in answer.err:
            return None
        raise command.failed(folder, ("rev-parse",), answer)
    is_bare, _, inside = os.fsdecode(answer.out).partition("\n")
    real = os.path.realpath(folder)
    if is_bare == "true":
        return real, ""
    prefix = inside.removesuffix("\n").rstrip("/")
    root = real[: len(real) - len(prefix)].rstrip("/") if prefix else real
    return root or "/", prefix
