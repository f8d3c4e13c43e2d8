"""
Runs git, and turns its failures into `SourceError`.

Every call goes through `run`. Each is one process: nothing stays open between calls. GitPython
starts those that talk to other machines; to import it takes longer than all local questions.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rmqsync.model.errors import SourceError, SourceUnavailable

# What a repository's own configuration could make git run, or ask of a person.
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
_MISSING = "git cannot be run; install it, as with apt-get install git"
NO_LAZY_FETCH = {"GIT_NO_LAZY_FETCH": "1"}
"""Git fetches nothing by itself: it has no credentials there, does so object by object, and over
dumb http calls itself without end."""
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_NO_REPLACE_OBJECTS": "1"}


class Answer(NamedTuple):
    status: int
    out: bytes
    err: str


def run(
    folder: str,
    *arguments: str,
    content: bytes = b"",
    config: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> Answer:
    """
    Run `git` in `folder` with `content` as its input; `config` is `key=value`, for this call.

    What may talk to another machine has a time limit. The exit status is the caller's to judge.
    Raises `SourceUnavailable` where git or the folder is missing, the time is up, or something
    killed git: it has said nothing then.
    """
    if not os.path.isdir(folder):
        raise SourceUnavailable(f"folder '{folder}' does not exist")
    options = [part for item in config for part in ("-c", item)]
    start = _start if timeout_s is None else _start_remote
    process = start(folder, ["git", *_SAFE, *options, *arguments], {**_QUIET, **(env or {})})
    try:
        out, err = process.communicate(content, timeout=timeout_s)
    except subprocess.TimeoutExpired as problem:
        _end(process)
        words = f"git {arguments[0]} did not end within {timeout_s:g} s"
        raise SourceUnavailable(words) from problem
    except BaseException:
        _end(process)
        raise
    if process.returncode < 0:
        raise SourceUnavailable(f"git {arguments[0]} was killed by signal {-process.returncode}")
    return Answer(process.returncode, out, err.decode("utf-8", "replace").strip())


def read(folder: str, *arguments: str, content: bytes = b"") -> bytes:
    """Run `git` and return its output; a failure is a `SourceError` with git's own words."""
    answer = run(folder, *arguments, content=content)
    if answer.status:
        raise failed(folder, arguments, answer)
    return answer.out


def failed(folder: str, arguments: Sequence[str], answer: Answer) -> SourceError:
    words = said(answer.err)
    if "dubious ownership" in words:
        return SourceError(
            f"git does not trust '{folder}', which belongs to another user; "
            f"allow it with git config --global --add safe.directory '{folder}'"
        )
    return SourceError(f"git {arguments[0]} failed in '{folder}': {words}")


def said(err: str) -> str:
    """Return the line of git's messages that says most, at most 256 characters."""
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    for line in lines:
        if line.startswith(("fatal:", "error:", "ERROR:")):
            return line.partition(":")[2].strip()[:256]
    return lines[-1][:256] if lines else "it gave no reason"


def _start(folder: str, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "LANGUAGE": "C", "LC_ALL": "C", **env},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (FileNotFoundError, PermissionError) as problem:
        raise SourceUnavailable(_MISSING) from problem


def _start_remote(
    folder: str, command: Sequence[str], env: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    try:
        from git import Git
        from git.exc import GitCommandNotFound
    except ImportError as problem:
        raise SourceUnavailable(_MISSING) from problem
    try:
        handle = Git(folder).execute(
            command, istream=subprocess.PIPE, as_process=True, env=env, start_new_session=True
        )
    except GitCommandNotFound as problem:
        raise SourceUnavailable(_MISSING) from problem
    process, handle.proc = handle.proc, None  # else it ends the process when it goes
    assert process is not None
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill git and what it started (ssh, an http helper), and take the pieces away."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
