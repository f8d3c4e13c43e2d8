"""
Git as it talks to the repository of a source, with the source's credentials.

A token reaches git through the environment of one process, by a credential helper that exists only
on its command line and only for the host of the source: it is in no argument, URL or file, and goes
to no host that the server sends us on to. Host keys of ssh are always checked.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from rmqsync.config.secrets import SecretRef
from rmqsync.config.source import Source
from rmqsync.model.errors import SourceError, SourceUnavailable
from rmqsync.repo import command

ReadRef = Callable[[SecretRef, str], str]
"""(reference, what it is for) to value; raises `SourceError`. As `SecretStore.read_ref`."""

_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$RMQSYNC_GIT_USERNAME" "$RMQSYNC_GIT_TOKEN"; }; f'
)


class MovedOn(SourceError):
    """A branch that was to be pushed to is elsewhere by now: others pushed meanwhile."""


class NotGiven(SourceError):
    """The repository does not have an object that was asked for, or gives none by its name."""


class Remote:
    """The repository of a source with `git`, wherever it is."""

    def __init__(self, source: Source, read_ref: ReadRef, timeout_s: float) -> None:
        assert source.git is not None, "a source without git is a folder"
        self._source = source
        self._url = source.git
        self._read_ref = read_ref
        self._timeout_s = timeout_s

    def ask(
        self,
        folder: str,
        verb: str,
        options: Sequence[str],
        what: Sequence[str],
        more: str = "",
        config: Sequence[str] = (),
    ) -> None:
        """
        Have git, in the copy in `folder`, fetch `what` or push it; `more` is its standard input.

        `config` is `key=value`, for this call. Raises `SourceUnavailable`, or `MovedOn` and
        `NotGiven` where it is that.
        """
        answer = command.run(
            folder,
            *(verb, *options, "--", self._url, *what),
            content=more.encode("ascii"),
            config=("gc.autoDetach=false", *config, *self._credentials()),
            env=self._environment(),
            timeout_s=self._timeout_s,
        )
        if answer.status:
            kind, meaning = _explained(answer.err)
            raise kind(f"source.git: '{self._url}' {meaning}")

    def _environment(self) -> dict[str, str]:
        """Return what git is told beyond its command line."""
        env = {
            "GIT_ALLOW_PROTOCOL": "https:http:ssh:file",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_SSH_COMMAND": self._ssh(),
            **command.NO_LAZY_FETCH,
        }
        if self._source.token is not None:
            env["RMQSYNC_GIT_USERNAME"] = self._source.username
            try:
                env["RMQSYNC_GIT_TOKEN"] = self._read_ref(self._source.token, "source.token")
            except SourceError as problem:
                raise SourceUnavailable(str(problem)) from problem
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


_MOVED_ON = re.compile(r"non-fast-forward|fetch first|stale info")
# The last two: a server that took an object to be here, and answered with a pack that lacks it.
_NOT_GIVEN = re.compile(
    r"not our ref|couldn't find remote ref|unadvertised object|bad revision|did not send all"
)
_EXPLANATIONS = (
    (
        r"dubious ownership",
        "belongs to another user, so git does not trust it; allow it with "
        "git config --global --add safe.directory and its path",
    ),
    (
        r"offending .* key in|host key for .* has changed",
        "shows another host key than the one it is known by, which may be an attack: ask those who "
        "run it for the new key, and only then replace the old one",
    ),
    (
        r"load key .*: bad permissions|permissions .* too open|unprotected private key",
        "was not asked: ssh takes no key that others may read; chmod 600 the file of "
        "source.ssh_key",
    ),
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
    (_NOT_GIVEN.pattern, "does not have what was asked for any longer"),
)


def _explained(err: str) -> tuple[type[SourceError], str]:
    """Return what it means that git failed and the next step, with git's own words."""
    low = err.lower()
    kind: type[SourceError] = MovedOn if _MOVED_ON.search(low) else SourceUnavailable
    for pattern, meaning in _EXPLANATIONS:
        if re.search(pattern, low):
            kind = NotGiven if pattern == _NOT_GIVEN.pattern else kind
            return kind, f"{meaning} ({_said(err, pattern)})"
    return kind, f"cannot be used: {command.said(err)}"


def _said(err: str, pattern: str) -> str:
    """Return git's own words; those of ssh, where git has none but that ssh failed."""
    words = command.said(err)
    if not words.startswith("Could not read from remote repository"):
        return words
    lines = (line.strip() for line in err.splitlines())
    return next((line[:256] for line in lines if re.search(pattern, line.lower())), words)
