"""
Prints the commit that a pull request, merge request or push is to be compared with.

`base.py [FOLDER]` is run in a job of GitHub Actions or GitLab CI, in the clone of that job. A clone
that lacks the commit gets it from `origin`; nothing else is changed. It is the commit that a merge
starts from, so that what others changed meanwhile is not taken for a part of the request.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_NO_COMMIT = re.compile("0+")
# What a clone's own configuration could make git run.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


class NoBase(Exception):
    """There is nothing to compare with; the message says what to do."""


def find(environ: Mapping[str, str], folder: str = ".") -> str:
    """Return the commit to compare with, fetched. Raises `NoBase`."""
    if environ.get("GITLAB_CI"):
        return _of_gitlab(environ, folder)
    return _of_github(environ, folder)


def _of_github(environ: Mapping[str, str], folder: str) -> str:
    event = read_event(environ)
    name = environ.get("GITHUB_EVENT_NAME", "")
    request = event.get("pull_request")
    if request:
        base, head = _commit(request["base"]["sha"]), _commit(request["head"]["sha"])
        if base and head:
            return _fork_point(folder, base, head)
    group = _commit(event.get("merge_group", {}).get("base_sha"))
    before = group or _commit(event.get("before"))
    if before:
        return _fetched(folder, before)
    raise NoBase(
        f"event '{name}' has nothing to compare with; set `base` to a revision, or to `clusters` "
        "to compare with the clusters themselves"
    )


def _of_gitlab(environ: Mapping[str, str], folder: str) -> str:
    for variable in (
        "CI_MERGE_REQUEST_TARGET_BRANCH_SHA",  # only where the merge itself is checked out
        "CI_MERGE_REQUEST_DIFF_BASE_SHA",
        "CI_COMMIT_BEFORE_SHA",
    ):
        commit = _commit(environ.get(variable))
        if commit:
            return _fetched(folder, commit)
    raise NoBase(
        f"a pipeline by '{environ.get('CI_PIPELINE_SOURCE', '')}' has nothing to compare with; set "
        "RMQSYNC_CI_BASE to a revision, or to `clusters` to compare with the clusters themselves"
    )


def read_event(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what GitHub says of the event that started the job; empty without one."""
    path = environ.get("GITHUB_EVENT_PATH")
    if not path or not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        event: dict[str, Any] = json.load(file)
    return event


def _fork_point(folder: str, base: str, head: str) -> str:
    """
    Return where a pull request and its base part.

    What GitHub checks out for one is a merge made for it: then it is that merge's first parent,
    which may be newer than the `base` of the event.
    """
    parents = re.findall("^parent (.+)$", _git(folder, "cat-file", "-p", "HEAD"), re.MULTILINE)
    if len(parents) == 2 and parents[1] == head:
        return _fetched(folder, parents[0])
    _fetched(folder, base)
    found = _git(folder, "merge-base", base, "HEAD", check=False)
    if not found and _git(folder, "rev-parse", "--is-shallow-repository") == "true":
        _git(folder, "fetch", "--quiet", "--no-tags", "--unshallow", "origin", base)
        found = _git(folder, "merge-base", base, "HEAD", check=False)
    if not found:
        raise NoBase(f"the pull request and its base {base} have no commit in common")
    return found


def _fetched(folder: str, commit: str) -> str:
    if _has(folder, commit):
        return commit
    arguments = ("fetch", "--quiet", "--no-tags", "--depth=1", "origin", commit)
    done = subprocess.run([*_GIT, *arguments], cwd=folder, capture_output=True, text=True)
    if not _has(folder, commit):
        said = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise NoBase(
            f"commit {commit} is not in this clone and cannot be fetched ({said}); check out with "
            "the whole history: fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab"
        )
    return commit


def _has(folder: str, commit: str) -> bool:
    arguments = ("cat-file", "-e", commit + "^{commit}")
    done = subprocess.run([*_GIT, *arguments], cwd=folder, capture_output=True)
    return done.returncode == 0


def _git(folder: str, *arguments: str, check: bool = True) -> str:
    try:
        done = subprocess.run([*_GIT, *arguments], cwd=folder, capture_output=True, text=True)
    except OSError as problem:
        raise NoBase(f"git cannot be run in '{folder}': {problem}") from problem
    if check and done.returncode:
        raise NoBase(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip() if done.returncode == 0 else ""


def _commit(found: object) -> str | None:
    text = str(found or "")
    return text if _COMMIT.fullmatch(text) and not _NO_COMMIT.fullmatch(text) else None


def main() -> int:
    folder = sys.argv[1] if len(sys.argv) > 1 else "."
    try:
        sys.stdout.write(find(os.environ, folder) + "\n")
    except NoBase as problem:
        sys.stderr.write(f"error: {problem}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
