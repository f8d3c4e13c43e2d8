"""
Copies of remote repositories, kept in the data folder as bare repositories.

A copy has all commits, which tell whether one is ahead of another, but of the files only those that
were read: a server that can (partial clone, protocol version 2) leaves the rest out. From others
the copy is whole.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rmqsync.config.source import Source
from rmqsync.model.errors import SourceError, SourceUnavailable
from rmqsync.repo import command, repository
from rmqsync.repo.checkout import RevisionCheckout
from rmqsync.repo.local import make_private_folder, reason
from rmqsync.repo.lost import Lost
from rmqsync.repo.remote import NotGiven, ReadRef, Remote
from rmqsync.repo.repository import Repository
from rmqsync.repo.stale import remove_stale_locks

_ROOT = (".git", "HEAD")
"""One of them is in the root of each repository, bare or not."""
FETCH_S = 300
"""How long a fetch may take."""

_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FETCH = ("--quiet", "--no-write-fetch-head")
_WITHOUT_FILES = "--filter=blob:none"
_ALL_OF_A_PATH = ("--no-filter", "--update-shallow")
"""A clone that others keep on this machine may well be a shallow one."""
# A server that is told which commits are here may take their files to be here too, and send none:
# so does git with a bitmap, as `git gc` makes. When git itself fetches such files, it says nothing.
_SAY_NOTHING = ("fetch.negotiationAlgorithm=noop",)
_WHOLE = "rmqsync.whole"
"""Set in the settings of a copy whose server leaves files out, but does not give them later."""


class Mirror:
    """
    The repository of a source with `git`. A path is used where it is; all else is copied.

    It knows for a while what the server does not give: who asks often keeps it. Thread-safe.
    """

    def __init__(
        self,
        source: Source,
        data_folder: str,
        read_ref: ReadRef,
        timeout_s: float = FETCH_S,
        *,
        copies_paths: bool = False,
    ) -> None:
        """
        With `copies_paths` a path is copied too, and whole: what was fetched outlasts it.

        A folder inside of a repository is used where it is all the same.
        """
        assert source.git is not None, "a source without git is a folder"
        self._source = source
        self._url = source.git
        self._remote = Remote(source, read_ref, timeout_s)
        name = re.sub(r"[^A-Za-z0-9]+", "-", self._url.rstrip("/").rpartition("/")[2])[:40]
        key = hashlib.sha256(self._url.encode()).hexdigest()[:12]
        self._folder = os.path.join(data_folder, "git", f"{name}-{key}.git")
        self._copies_paths = copies_paths
        self._lost = Lost()
        self._is_refetched = False

    @property
    def folder(self) -> str:
        """Where the repository is on this machine."""
        return self._url if self._is_in_place else self._folder

    @property
    def _is_path(self) -> bool:
        return os.path.isabs(self._url) or os.path.isdir(self._url)

    @property
    def _is_in_place(self) -> bool:
        return self._is_path and not (self._copies_paths and _can_be_fetched(self._url))

    def fetch(self, commit: str | None = None) -> None:
        """
        Bring the copy up to date; with `commit`, get also one that no branch holds any longer.

        Raises `SourceError` with the next step; the copy is then as it was. `NotGiven` is only
        about `commit`.
        """
        if self._is_path and not os.path.isdir(self._url):
            raise SourceUnavailable(f"source.git: folder '{self._url}' does not exist")
        if self._is_in_place:
            return
        with self._lock():
            self._refuse_lost([] if commit is None else [commit])
            if not os.path.isfile(os.path.join(self._folder, "HEAD")):
                command.read(os.path.dirname(self._folder), "init", "-q", "--bare", self._folder)
            try:
                self._fetch("--prune", "--force", what=_REFS)
            except NotGiven as problem:  # which says nothing of `commit`
                raise SourceUnavailable(str(problem)) from problem
            if commit is not None and self._opened().find_commit(commit) is None:
                with self._noting_lost([commit]):
                    self._fetch(what=[commit])

    def checkout(self, revision: str | None = None) -> RevisionCheckout:
        """
        Return a revision of what was last fetched; by default the head of the source's branch, or
        where none has that name, the commit of the tag.

        Files that the copy lacks come when they are read. Raises `SourceError` where the revision
        is not there.
        """
        found = self._opened()
        if revision is None:
            revision = self._followed()
        if revision is None:
            raise self._no_branch(found)
        return RevisionCheckout(found, revision, self._source.path, self.fetch)

    def head(self, branch: str) -> str | None:
        """Return the commit of a branch, as it was last fetched; `None` where there is none."""
        return self._opened().find_commit(f"refs/heads/{branch}")

    def _followed(self) -> str | None:
        name = self._source.branch
        return self.head(name) or self._opened().find_commit(f"refs/tags/{name}")

    def push(self, commit: str, branch: str) -> None:
        """
        Let a branch of the repository be at a commit of the copy that descends from where it is.

        Raises `SourceError`; `MovedOn` where others pushed to it meanwhile.
        """
        what = [f"{commit}:refs/heads/{branch}"]
        self._remote.ask(self.folder, "push", ["--quiet"], what)

    def _opened(self) -> Repository:
        return Repository(self.folder, None if self._is_in_place else self._get)

    def _fetch(self, *options: str, what: Sequence[str]) -> None:
        files: tuple[str, ...] = _ALL_OF_A_PATH
        if not self._is_path:
            files = ("--no-filter",) if self._is_whole() else (_WITHOUT_FILES,)
        self._remote.ask(self._folder, "fetch", [*_FETCH, *files, *options], what)

    def _is_whole(self) -> bool:
        return command.run(self._folder, "config", "--bool", _WHOLE).out.strip() == b"true"

    def _get(self, blobs: Sequence[str]) -> None:
        """Get files that the copy lacks; all there are, where the server gives none by its name."""
        with self._lock():
            self._refuse_lost(blobs)
            with self._noting_lost(blobs):
                self._get_some(blobs)

    def _refuse_lost(self, names: Sequence[str]) -> None:
        words = self._lost.words(names)
        if words is not None:
            raise NotGiven(words)

    @contextmanager
    def _noting_lost(self, names: Sequence[str]) -> Iterator[None]:
        try:
            yield
        except NotGiven as problem:
            self._lost.add(names, str(problem))
            raise

    def _get_some(self, blobs: Sequence[str]) -> None:
        try:
            self._get_by_name(blobs)
        except NotGiven:
            if self._is_refetched or not self._has_to_be_whole(blobs):
                raise
            options = [*_FETCH, "--no-filter", "--refetch", "--force"]
            self._remote.ask(self._folder, "fetch", options, _REFS)
            command.read(self._folder, "config", _WHOLE, "true")
            self._is_refetched = True

    def _get_by_name(self, blobs: Sequence[str]) -> None:
        lines = "".join(f"{blob}\n" for blob in blobs)
        options = [*_FETCH, _WITHOUT_FILES, "--no-tags", "--stdin"]
        self._remote.ask(self._folder, "fetch", options, (), lines, _SAY_NOTHING)

    def _has_to_be_whole(self, refused: Sequence[str]) -> bool:
        """
        Tell whether all files may bring those that were refused.

        They do not where the server gives files by their name, and has lost just these: it had them
        in a commit that no branch holds any longer. What the head holds is never lost so.
        """
        head = self._followed()
        entries = [] if head is None else self._opened().entries(head)
        here = [one.id for one in entries if one.is_file]
        if not here or not set(refused).isdisjoint(here):
            return True
        if self._is_whole():
            return False
        try:
            self._get_by_name(here[:1])  # git asks for none that has come already, by its name
        except NotGiven:
            return True
        return False

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """
        Keep other processes and threads off the copy, and take away what a killed git left.

        What goes wrong with the copy itself says nothing of the repository: `SourceUnavailable`.
        """
        try:
            make_private_folder(os.path.dirname(self._folder))
            with open(f"{self._folder}.lock", "wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                remove_stale_locks(self._folder, time.time())
                yield
        except OSError as problem:
            words = f"'{self._folder}' cannot be used: {reason(problem)}"
            raise SourceUnavailable(words) from problem
        except (NotGiven, SourceUnavailable):
            raise
        except SourceError as problem:
            raise SourceUnavailable(str(problem)) from problem

    def _no_branch(self, found: Repository) -> SourceError:
        names = (("branches", found.branches()), ("tags", found.tags()))
        known = " and ".join(f"the {what} {', '.join(some[:10])}" for what, some in names if some)
        return SourceError(
            f"source.git: '{self._url}' has no branch or tag '{self._source.branch}'; "
            f"it has {known or 'no commits yet'}"
        )


def _can_be_fetched(path: str) -> bool:
    """Tell whether git fetches from a path, or did while there was something: not below a root."""
    if not os.path.isdir(path) or any(os.path.lexists(os.path.join(path, n)) for n in _ROOT):
        return True
    found = repository.find(path)
    return found is None or not found[1]
