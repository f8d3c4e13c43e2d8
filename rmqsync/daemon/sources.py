"""
Where definitions come from, followed for a long time: fetched, checked, and only then in force.

A commit is in force once it is signed by whom the settings trust, where they say so, and compiles
for every cluster of its source; until then the last good one is, also after a restart. Files are
read from the object store, never from a work tree.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rmqsync.app.marking import now
from rmqsync.app.memory import Memory
from rmqsync.app.ports import Checkout
from rmqsync.config.cluster import ClusterSettings
from rmqsync.config.source import Source
from rmqsync.daemon.board import Board
from rmqsync.loading.compile import Options
from rmqsync.model.errors import BadLayer, InvalidDefinitions, RmqsyncError, SourceError
from rmqsync.model.findings import Finding, error
from rmqsync.repo import repository
from rmqsync.repo.checkout import FolderCheckout, RevisionCheckout
from rmqsync.repo.files import digest
from rmqsync.repo.local import read_bytes, write_atomic
from rmqsync.repo.mirror import Mirror
from rmqsync.report.plan_json import findings_document, without_userinfo
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session

UNSIGNED = "RMQ089"
_HOW_TO_SIGN = (
    "have one of them push a signed commit on top, as with git commit -S --allow-empty: it stands "
    "for all before it"
)
Counter = Callable[[str, str], None]
"""(source, `fetched` or `failed`)."""


def name_of(source: Source) -> str:
    """Return what people call a source: address without credentials, branch, folder."""
    if source.git is None:
        return f"folder {source.path}"
    path = "" if source.path == "." else f" in {source.path}"
    git = source.git
    if urlsplit(git).scheme != "ssh":  # there it is a user's name, and a password is refused
        git = without_userinfo(git)
    return f"{git} ({source.branch}){path}"


@dataclass(slots=True)
class _Followed:
    """One source and what is known of it. `checkout` is in force."""

    name: str
    source: Source
    clusters: list[ClusterSettings] = field(default_factory=list)
    checkout: Checkout | None = None
    mirror: Mirror | None = None
    """Kept, since it knows what the server does not give."""
    seen: tuple[str | None, str, tuple[str, ...]] | None = None
    """Commit, files and trusted signers that were last looked at."""
    problem: str | None = None
    """What keeps them from being used, other than findings."""

    @property
    def signers(self) -> list[str]:
        """The files of those who are trusted to sign; none: signatures do not count."""
        found = (one.source.trusted_signers for one in self.clusters)
        return list(dict.fromkeys(one.file for one in found if one is not None and one.file))


class Sources:
    """All sources of the settings. `update` is called by one thread at a time for each of them."""

    def __init__(self, session: Session, board: Board, memory: Memory, count: Counter) -> None:
        self._session = session
        self._board = board
        self._memory = memory
        self._count = count
        self._followed: dict[str, _Followed] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._good_lock = threading.Lock()
        for cluster in session.settings.clusters.values():
            name = name_of(cluster.source)
            known = self._followed.setdefault(name, _Followed(name, cluster.source))
            known.clusters.append(cluster)
            self._locks.setdefault(name, threading.Lock())

    @property
    def names(self) -> Sequence[str]:
        return list(self._followed)

    def poll_s(self, name: str) -> int:
        return self._followed[name].source.poll_s

    def clusters(self, name: str) -> list[str]:
        return [cluster.name for cluster in self._followed[name].clusters]

    def checkout(self, cluster: str) -> Checkout:
        """Return what is in force for a cluster. Raises `SourceError` where nothing is yet."""
        followed = self._followed[name_of(self._session.settings.clusters[cluster].source)]
        if followed.checkout is None:
            status = self._board.source(followed.name)
            reason = status["error"] or "no commit of it can be used"
            if status["broken_commit"]:
                reason = f"commit {status['broken_commit'][:12]} cannot be used, and none before"
            raise SourceError(reason)
        return followed.checkout

    def is_tried(self, cluster: str) -> bool:
        """Tell whether the source of a cluster was fetched, or failed to be."""
        status = self._board.source(name_of(self._session.settings.clusters[cluster].source))
        return any(status[key] is not None for key in ("fetched_at", "error", "commit"))

    def update(self, name: str) -> bool:
        """Fetch a source and check what is new; return whether something else is in force now."""
        with self._locks[name]:
            followed = self._followed[name]
            try:
                is_new = self._advance(followed, self._head(followed))
            except SourceError as problem:
                self._count(name, "failed")
                self._board.set_source(name, error=str(problem))
                return followed.checkout is None and self._fall_back(followed)
            self._count(name, "fetched")
            self._board.set_source(name, error=followed.problem, fetched_at=now())
            return is_new

    def _head(self, followed: _Followed) -> Checkout:
        source = followed.source
        if source.git is not None:
            mirror = self._mirror(followed)
            mirror.fetch()
            return mirror.checkout()
        if os.path.isdir(source.path) and repository.find(source.path) is not None:
            return RevisionCheckout(source.path, "HEAD")
        layers = tuple(dict.fromkeys(layer for one in followed.clusters for layer in one.layers))
        return FolderCheckout(source.path, layers)

    def _mirror(self, followed: _Followed) -> Mirror:
        if followed.mirror is None:
            read_ref = self._session.secrets.read_ref
            followed.mirror = Mirror(
                followed.source, self._session.data_dir, read_ref, copies_paths=True
            )
        return followed.mirror

    def _advance(self, followed: _Followed, found: Checkout) -> bool:
        """
        Put what was found in force, or tell what is wrong with it; return whether it is new.

        Raises `SourceError` where its files cannot be read: it is looked at again next time.
        """
        trusted = tuple(map(_signers, followed.signers))
        try:
            seen = (found.revision.commit, _content(followed, found), trusted)
        except RmqsyncError:
            seen = (found.revision.commit, "", trusted)  # told by the check
        if seen == followed.seen:
            return False
        problem = self._check(followed, found)
        followed.seen = seen
        is_found = isinstance(problem, InvalidDefinitions)
        followed.problem = None if problem is None or is_found else str(problem)
        if problem is None:
            followed.checkout = found
            self._board.set_source(
                followed.name,
                commit=found.revision.commit,
                broken_commit=None,
                findings=[],
            )
            self._keep_good(followed)
            return True
        self._board.set_source(
            followed.name,
            broken_commit=found.revision.commit or "the folder as it stands",
            findings=findings_document(problem.findings)["findings"]
            if isinstance(problem, InvalidDefinitions)
            else [],
        )
        return followed.checkout is None and self._fall_back(followed)

    def _check(self, followed: _Followed, found: Checkout) -> RmqsyncError | None:
        """
        Compile for every cluster; return all that is wrong. Raises `SourceError`.

        What nobody has signed is not compiled.
        """
        unsigned = [found.unsigned(file) for file in followed.signers]
        if reasons := [one for one in unsigned if one is not None]:
            return InvalidDefinitions(error(UNSIGNED, one, hint=_HOW_TO_SIGN) for one in reasons)
        findings: dict[Finding, None] = {}
        for cluster in followed.clusters:
            try:
                layers = [(layer, found.files(layer)) for layer in cluster.layers]
                self._memory.compiled(cluster.name, layers, self._options(cluster))
            except InvalidDefinitions as invalid:
                findings.update(dict.fromkeys(invalid.findings))
            except BadLayer as problem:
                return problem
        return InvalidDefinitions(findings) if findings else None

    def _options(self, cluster: ClusterSettings) -> Options:
        return self._session.loading(cluster, RunOptions())

    def _keep_good(self, followed: _Followed) -> None:
        assert followed.checkout is not None
        commit = followed.checkout.revision.commit
        with self._good_lock:  # all sources share the file
            known = self._good()
            if commit is None or known.get(followed.name) == commit:
                return
            content = json.dumps({**known, followed.name: commit}).encode()
            try:
                write_atomic(self._file, content, private=True)
            except SourceError:
                return  # of use after a restart with a broken head only

    def _fall_back(self, followed: _Followed) -> bool:
        """Take the commit that was good before a restart; return whether there is one."""
        commit = self._good().get(followed.name)
        if commit is None:
            return False
        source = followed.source
        try:
            if source.git is not None:
                checkout = self._mirror(followed).checkout(commit)
            else:
                checkout = RevisionCheckout(source.path, commit)
            if self._check(followed, checkout) is not None:
                return False
        except SourceError:
            return False
        followed.checkout = checkout
        self._board.set_source(followed.name, commit=commit)
        return True

    @property
    def _file(self) -> str:
        return os.path.join(self._session.data_dir, "good-commits.json")

    def _good(self) -> Mapping[str, str]:
        try:
            with open(self._file, encoding="utf-8") as file:
                found = json.load(file)
        except (OSError, ValueError, SourceError):
            return {}
        return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _content(followed: _Followed, found: Checkout) -> str:
    return found.tree(dict.fromkeys(layer for one in followed.clusters for layer in one.layers))


def _signers(file: str) -> str:
    try:
        return digest(read_bytes(file))
    except SourceError as problem:
        raise SourceError(f"source.trusted_signers: {problem}") from problem
