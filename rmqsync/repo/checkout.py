"""
The definitions at one time: a folder as it stands, or a revision read from git's object store.

Both fit `app.ports.Checkout`, and read alike: the same content has the same order, digests and
errors. Remote repositories are fetched by `mirror.py`.
"""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from rmqsync.model.changes import Revision
from rmqsync.model.errors import InvalidDefinitions, SourceError
from rmqsync.model.findings import Finding
from rmqsync.repo import files, repository
from rmqsync.repo.files import SourceFile
from rmqsync.repo.layers import Layers
from rmqsync.repo.local import reason
from rmqsync.repo.repository import Entry, Repository
from rmqsync.repo.walk import Found, Sort, joined
from rmqsync.text.codes import MAX_BYTES

if TYPE_CHECKING:
    from rmqsync.repo.past import GitPast


class FolderCheckout(Layers):
    """
    A folder as it stands, whether in a git repository or not.

    `layers` are the folders whose uncommitted changes count. Paths are shown as seen from `cwd`
    where the folder is below it, else in full.
    """

    def __init__(self, folder: str, layers: Iterable[str] = (), cwd: str | None = None) -> None:
        if not os.path.isdir(folder):
            raise SourceError(
                f"folder '{folder}' does not exist; source.path names the folder of the layers"
            )
        real = os.path.realpath(folder)
        found = repository.find(folder)
        root, prefix = found or (real, "")
        super().__init__(_Folder(root), prefix, _shown(real, cwd or os.getcwd()), f"'{folder}'")
        self._layers = tuple(layers)
        self._root = root
        self._repository = Repository(folder) if found else None

    @cached_property
    def revision(self) -> Revision:
        """
        The commit that is checked out, and whether what the layers hold is something else.

        Judged by the files that are read, so an ignored or untracked definition counts, a README
        does not. Without any commit it is `Revision(None)`; in a repository that has none yet,
        everything is uncommitted.
        """
        if self._repository is None:
            return Revision(None)
        commit = self._repository.find_commit("HEAD")
        if commit is None:
            return Revision(None, dirty=True)
        committed = RevisionCheckout(self._repository, commit)
        return Revision(commit, dirty=any(self._differs(committed, name) for name in self._layers))

    @cached_property
    def past(self) -> GitPast | None:
        """The commits behind this one; `None` without any."""
        from rmqsync.repo.past import GitPast

        commit = self._repository.find_commit("HEAD") if self._repository else None
        return GitPast(self._repository, commit) if self._repository and commit else None

    def unsigned(self, signers: str) -> str | None:
        """Return why these files are not what one of the signers has signed; `None` if so."""
        revision = self.revision
        if revision.commit is None or self._repository is None:
            return "these definitions are in no commit, so nobody has signed them"
        if revision.dirty:
            return "there are uncommitted changes, which nobody has signed"
        from rmqsync.repo.signatures import unsigned

        return unsigned(self._root, revision.commit, signers)

    def _differs(self, committed: RevisionCheckout, layer: str) -> bool:
        return _tree(self, layer) != _tree(committed, layer)

    def _read(self, walked: Sequence[Found], layer: str) -> Iterator[SourceFile]:
        for file in walked:
            name = self._name(file)
            try:
                content = _content(os.path.join(self._root, file.real), name)
            except OSError as problem:
                content = files.unreadable(name, reason(problem))
            if isinstance(content, Finding):
                yield files.unusable(content, layer)
            else:
                yield SourceFile(name, content, files.digest(content), layer)

    def _digests(self, layer: str) -> Iterable[str]:
        found = self.files(layer)
        findings = [file.problem for file in found if file.problem is not None]
        if findings:
            raise InvalidDefinitions(findings)
        return [file.digest for file in found]


class RevisionCheckout(Layers):
    """
    One commit, read from the object store: the work tree is neither read nor touched.

    `path` is the folder of the layers below `folder`. Paths are shown from the root of the
    repository. Raises `SourceError` for a revision that is not there.
    """

    def __init__(
        self,
        folder: str | Repository,
        revision: str,
        path: str = ".",
        fetch: Callable[[str], None] | None = None,
    ) -> None:
        """`fetch` gets a commit that is not at hand, where there is a place to get it from."""
        found = folder if isinstance(folder, Repository) else Repository(folder)
        base = posixpath.normpath(joined(found.prefix, path))
        base = "" if base == "." else base
        self._repository = found
        self._commit = found.resolve(revision)
        self._fetch = fetch
        self._objects = _Objects(found, self._commit)
        where = f"'{base or '.'}' of revision {revision}"
        super().__init__(self._objects, base, f"{base}/" if base else "", where)

    @property
    def revision(self) -> Revision:
        return Revision(self._commit)

    @cached_property
    def past(self) -> GitPast:
        """The commits behind this one."""
        from rmqsync.repo.past import GitPast

        return GitPast(self._repository, self._commit, self._fetch)

    def unsigned(self, signers: str) -> str | None:
        """Return why the commit is not one that a trusted person has signed; `None` where it is."""
        from rmqsync.repo.signatures import unsigned

        return unsigned(self._repository.folder, self._commit, signers)

    def _read(self, walked: Sequence[Found], layer: str) -> Iterator[SourceFile]:
        ids = {file: self._objects.id(file.real) for file in walked}
        sizes = self._repository.sizes(ids.values())
        blobs = self._repository.blobs(name for name in ids.values() if sizes[name] <= MAX_BYTES)
        for file, name in ids.items():
            if name in blobs:
                yield SourceFile(self._name(file), blobs[name], name, layer)
            else:
                yield files.unusable(files.too_long(self._name(file), sizes[name]), layer)

    def _digests(self, layer: str) -> Iterable[str]:
        return [self._objects.id(file.real) for file in self.walk(layer)]


class _Folder:
    """A folder of the file system as a `walk.Tree`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[str, Mapping[str, Sort]] = {}

    def entries(self, folder: str) -> Mapping[str, Sort]:
        if folder not in self._known:
            with os.scandir(os.path.join(self._root, folder)) as found:
                self._known[folder] = {entry.name: _sort(entry) for entry in found}
        return self._known[folder]

    def target(self, link: str) -> str:
        return os.readlink(os.path.join(self._root, link))


def _sort(entry: os.DirEntry[str]) -> Sort:
    if entry.is_symlink():
        return Sort.LINK
    if entry.is_dir():
        is_repository = os.path.lexists(os.path.join(entry.path, ".git"))
        return Sort.REPOSITORY if is_repository else Sort.FOLDER
    return Sort.FILE if entry.is_file() else Sort.OTHER


def _content(path: str, name: str) -> bytes | Finding:
    # Without O_NONBLOCK a pipe that took the file's place would be waited for.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        about = os.fstat(file.fileno())
        if not stat.S_ISREG(about.st_mode):
            return files.unreadable(name, "it is no regular file")
        if about.st_size > MAX_BYTES:
            return files.too_long(name, about.st_size)
        content = file.read(MAX_BYTES + 1)
    return content if len(content) <= MAX_BYTES else files.too_long(name, len(content))


_LONGEST_LINK = 4095
_SORTS = {"040000": Sort.FOLDER, "120000": Sort.LINK, "160000": Sort.REPOSITORY}


class _Objects:
    """A commit's files as a `walk.Tree`."""

    def __init__(self, found: Repository, commit: str) -> None:
        self._repository = found
        self._commit = commit

    def entries(self, folder: str) -> Mapping[str, Sort]:
        return self._folders[folder]

    def id(self, path: str) -> str:
        return self._ids[path]

    def target(self, link: str) -> str:
        return self._targets[link]

    @cached_property
    def _targets(self) -> dict[str, str]:
        """All links of the commit, read in one go; one that no file system would hold is empty."""
        links = {
            entry.path: entry.id for entry in self._listing if _SORTS.get(entry.mode) is Sort.LINK
        }
        sizes = self._repository.sizes(links.values())
        blobs = self._repository.blobs(name for name in sizes if sizes[name] <= _LONGEST_LINK)
        return {path: os.fsdecode(blobs.get(name, b"")) for path, name in links.items()}

    @cached_property
    def _ids(self) -> dict[str, str]:
        return {entry.path: entry.id for entry in self._listing}

    @cached_property
    def _folders(self) -> dict[str, dict[str, Sort]]:
        folders: dict[str, dict[str, Sort]] = {"": {}}
        for entry in self._listing:
            folder, _, name = entry.path.rpartition("/")
            sort = _SORTS.get(entry.mode, Sort.FILE)
            folders[folder][name] = sort
            if sort is Sort.FOLDER:
                folders[entry.path] = {}
        return folders

    @cached_property
    def _listing(self) -> list[Entry]:
        return self._repository.entries(self._commit)


def _tree(checkout: Layers, layer: str) -> str | None:
    try:
        return checkout.tree([layer])
    except (SourceError, InvalidDefinitions):
        return None


def _shown(real: str, cwd: str) -> str:
    start = os.path.realpath(cwd)
    if os.path.commonpath([start, real]) != start:
        return real + "/"
    return "" if real == start else os.path.relpath(real, start) + "/"
