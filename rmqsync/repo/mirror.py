"""
Copies of remote repositories, kept in the data folder as bare repositories.

A token reaches git through the environment of one process, by a credential helper that exists only
on its command line and only for the host of the source: it is in no argument, URL or file, and goes
to no host that the server sends us on to. Host keys of ssh are always checked.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from rmqsync.config.secrets import SecretRef
from rmqsync.config.source import Source
from rmqsync.model.errors import SourceError
from rmqsync.repo import command
from rmqsync.repo.checkout import RevisionCheckout
from rmqsync.repo.local import make_private_folder, reason
from rmqsync.repo.repository import Repository

ReadRef = Callable[[SecretRef, str], str]
"""(reference, what it is for) to value; raises `SourceError`. As `SecretStore.read_ref`."""


FETCH_S = 300
"""How long a fetch may take."""

_REFS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$RMQSYNC_GIT_USERNAME" "$RMQSYNC_GIT_TOKEN"; }; f'
)


class MovedOn(SourceError):
    """A branch that was to be pushed to is elsewhere by now: others pushed meanwhile."""


class Mirror:
    """The repository of a source with `git`. A path is used where it is; all else is copied."""

    def __init__(
        self, source: Source, data_folder: str, read_ref: ReadRef, timeout_s: float = FETCH_S
    ) -> None:
        assert source.git is not None, "a source without git is a folder"
        self._source = source
        self._url = source.git
        self._read_ref = read_ref
        self._timeout_s = timeout_s
        self._is_local = os.path.isabs(source.git) or os.path.isdir(source.git)
        name = re.sub(r"[^A-Za-z0-9]+", "-", self._url.rstrip("/").rpartition("/")[2])[:40]
        key = hashlib.sha256(self._url.encode()).hexdigest()[:12]
        self._folder = os.path.join(data_folder, "git", f"{name}-{key}.git")

    @property
    def folder(self) -> str:
        """Where the repository is on this machine."""
        return self._url if self._is_local else self._folder

    def fetch(self, commit: str | None = None) -> None:
        """
        Bring the copy up to date; with `commit`, get also one that no branch holds any longer.

        Raises `SourceError` with the next step; the copy is then as it was.
        """
        if self._is_local:
            if not os.path.isdir(self._url):
                raise SourceError(f"source.git: folder '{self._url}' does not exist")
            return
        with self._lock():
            if not os.path.isfile(os.path.join(self._folder, "HEAD")):
                command.read(os.path.dirname(self._folder), "init", "-q", "--bare", self._folder)
            self._fetch("--prune", "--force", *_REFS)
            if commit is not None and Repository(self._folder).find_commit(commit) is None:
                self._fetch(commit)

    def checkout(self, revision: str | None = None) -> RevisionCheckout:
        """
        Return a revision of what was last fetched; by default the head of the source's branch.

        Raises `SourceError` where it is not there.
        """
        found = Repository(self.folder)
        if revision is None:
            revision = found.find_commit(f"refs/heads/{self._source.branch}")
        if revision is None:
            raise self._no_branch(found)
        return RevisionCheckout(found, revision, self._source.path, self.fetch)

    def push(self, commit: str, branch: str) -> None:
        """
        Let a branch of the repository be at a commit of the copy that descends from where it is.

        Raises `SourceError`; `MovedOn` where others pushed to it meanwhile.
        """
        self._ask("push", ["--quiet"], [f"{commit}:refs/heads/{branch}"])

    def _fetch(self, *arguments: str) -> None:
        options = [part for part in arguments if part.startswith("-")]
        what = [part for part in arguments if not part.startswith("-")]
        self._ask("fetch", ["--quiet", "--no-write-fetch-head", *options], what)

    def _ask(self, verb: str, options: Sequence[str], what: Sequence[str]) -> None:
        """Have git talk to the repository, with the credentials of the source."""
        answer = command.run(
            self.folder,
            *(verb, *options, "--", self._url, *what),
            config=("gc.autoDetach=false", *self._credentials()),
            env=self._environment(),
            timeout_s=self._timeout_s,
        )
        if answer.status:
            kind = MovedOn if _MOVED_ON.search(answer.err.lower()) else SourceError
            raise kind(f"source.git: '{self._url}' {_explained(answer.err)}")

    def _environment(self) -> dict[str, str]:
        """Return what git is told beyond its command line."""
        env = {
            "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_SSH_COMMAND": self._ssh(),
        }
        if self._source.token is not None:
            env["RMQSYNC_GIT_USERNAME"] = self._source.username
            env["RMQSYNC_GIT_TOKEN"] = self._read_ref(self._source.token, "source.token")
        return env

    def _credentials(self) -> tuple[str, ...]:
        if self._source.token is None:
            return ()
        parts = urlsplit(self._url)
        helper = f"credential.{parts.scheme}://{parts.netloc}.helper"
        return ("credential.helper=", f"{helper}={_HELPER}")

    def _ssh(self) -> str:
        options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=15"]
        words = ["ssh"]
        if self._source.ssh_key is not None:
            words += ["-i", self._source.ssh_key.file or ""]
            options.append("IdentitiesOnly=yes")
        if self._source.known_hosts is not None:
            options.append(f'UserKnownHostsFile="{self._source.known_hosts.file}"')
        for option in options:
            words += ["-o", option]
        return shlex.join(words)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes off the copy."""
        make_private_folder(os.path.dirname(self._folder))
        try:
            with open(f"{self._folder}.lock", "wb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield
        except OSError as problem:
            raise SourceError(f"'{self._folder}' cannot be used: {reason(problem)}") from problem

    def _no_branch(self, found: Repository) -> SourceError:
        branches = found.branches()
        known = f"it has {', '.join(branches[:10])}" if branches else "it has no commits yet"
        return SourceError(
            f"source.git: '{self._url}' has no branch '{self._source.branch}'; {known}"
        )


_MOVED_ON = re.compile(r"non-fast-forward|fetch first|stale info")
_EXPLANATIONS = (
    (
        r"host key verification failed|no .* host key is known",
        "is not known by its host key; add it to the file that source.known_hosts names",
    ),
    (
        r"authentication failed|could not read (username|password)|permission denied"
        r"|error: 40[13]|invalid username",
        "denies access; check source.token for https, source.ssh_key for ssh",
    ),
    (
        r"repository .*not found|not appear to be a git repository|does not exist|error: 404",
        "is no repository, or one that these credentials may not see; check the address",
    ),
    (
        r"certificate",
        "shows a certificate that is not trusted; name its authority in GIT_SSL_CAINFO",
    ),
    (
        r"could not resolve|couldn't resolve|failed to connect|couldn't connect|timed out"
        r"|connection refused|no route|network is unreachable|unable to access",
        "cannot be reached; check the address and the network",
    ),
    (_MOVED_ON.pattern, "has moved on meanwhile"),
    (
        r"refusing to update checked out branch|pre-receive hook declined|protected branch",
        "does not take this branch",
    ),
    (r"not our ref|couldn't find remote ref", "does not have that commit any longer"),
)


def _explained(err: str) -> str:
    """Return what it means that git failed and the next step, with git's own words."""
    low = err.lower()
    for pattern, meaning in _EXPLANATIONS:
        if re.search(pattern, low):
            return f"{meaning} ({command.said(err)})"
    return f"cannot be used: {command.said(err)}"
