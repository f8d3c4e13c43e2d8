"""
Keeps one comment on a pull request (GitHub) or merge request (GitLab) up to date.

`comment.py [--update-only] FILE` is run in a CI job. FILE is what `rmqsync plan --format markdown`
wrote; its first line is a marker that nobody sees, by which the comment of an earlier run is found
and written anew. Only own comments count: whoever else wrote one could change what it says later.

A comment is a courtesy. Where it cannot be written, as for a pull request from a fork, that is
said, and the job goes on: the exit code is 0. Uses nothing but Python.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import quote

_MARKER = re.compile(r"<!-- rmqsync:[^\n]*? -->")
_PAGE = 100
_MANY_PAGES = 100
_TRIES = 4
_TIMEOUT_S = 30.0
_LONGEST_WAIT_S = 60.0
_PASSING = (429, 500, 502, 503, 504)


class Impossible(Exception):
    """The comment cannot be written; the message says why."""


class Refused(Impossible):
    """The server said no."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    body: str
    is_ours: bool


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another host."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> None:
        del req, fp, code, msg, headers, newurl


class Api:
    """Requests to a forge, with what passes tried again."""

    def __init__(
        self, url: str, headers: Mapping[str, str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        if not url.startswith(("https://", "http://")):
            raise Impossible(f"'{url}' is no address of an API")
        self._url = url.rstrip("/")
        self._headers = {"User-Agent": "rmqsync", "Accept": "application/json", **headers}
        self._sleep = sleep
        self._opener = urllib.request.build_opener(_NoRedirect)

    def call(self, method: str, path: str, content: object = None) -> Any:
        """Return the parsed answer. Raises `Refused`, or `Impossible` where there is none."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self._once(method, path, content)
            except urllib.error.HTTPError as error:
                with error:
                    said = _said(error)
                wait = _wait(error, attempt)
                # Nobody knows what became of a POST that failed: sent again, there may be two.
                again = error.code == 429 or (error.code in _PASSING and method != "POST")
                if attempt == _TRIES or not again or wait > _LONGEST_WAIT_S:
                    raise Refused(error.code, f"{method} {path}: {error.code} {said}") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                wait = float(2**attempt)
                if attempt == _TRIES or method == "POST":
                    reason = getattr(error, "reason", error)
                    raise Impossible(f"{method} {self._url}{path}: {reason}") from error
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _once(self, method: str, path: str, content: object) -> Any:
        headers = dict(self._headers)
        body = None
        if content is not None:
            body = json.dumps(content).encode()
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(
            self._url + path, data=body, headers=headers, method=method
        )
        with self._opener.open(request, timeout=_TIMEOUT_S) as answer:
            read = answer.read()
        return json.loads(read) if read else None


class Forge(ABC):
    """Where the comments of one pull request are."""

    def __init__(self, api: Api) -> None:
        self._api = api

    @property
    @abstractmethod
    def comments_path(self) -> str: ...

    @abstractmethod
    def comment_path(self, comment: Comment) -> str: ...

    @abstractmethod
    def update_method(self) -> str: ...

    @abstractmethod
    def is_ours(self, found: Mapping[str, Any]) -> bool: ...

    def comments(self) -> Iterator[Comment]:
        """Return all comments, oldest first."""
        for page in range(1, _MANY_PAGES + 1):
            path = f"{self.comments_path}?per_page={_PAGE}&page={page}{self._order}"
            found = self._api.call("GET", path)
            if not isinstance(found, list):
                raise Impossible(f"GET {path}: the answer is no list")
            for one in found:
                yield Comment(one["id"], one.get("body") or "", self.is_ours(one))
            if len(found) < _PAGE:
                return

    _order = ""

    def create(self, body: str) -> None:
        self._api.call("POST", self.comments_path, {"body": body})

    def update(self, comment: Comment, body: str) -> None:
        self._api.call(self.update_method(), self.comment_path(comment), {"body": body})

    def delete(self, comment: Comment) -> None:
        self._api.call("DELETE", self.comment_path(comment))

    def _user(self) -> Mapping[str, Any] | None:
        """Return who the token belongs to; `None` where it is no person's."""
        try:
            found = self._api.call("GET", "/user")
        except Refused:
            return None
        return found if isinstance(found, dict) else None


class GitHub(Forge):
    def __init__(self, api: Api, repository: str, number: int) -> None:
        super().__init__(api)
        self._repository = quote(repository)
        self._number = number
        self._login: str | None = None
        self._asked = False

    @property
    def comments_path(self) -> str:
        return f"/repos/{self._repository}/issues/{self._number}/comments"

    def comment_path(self, comment: Comment) -> str:
        return f"/repos/{self._repository}/issues/comments/{comment.id}"

    def update_method(self) -> str:
        return "PATCH"

    def is_ours(self, found: Mapping[str, Any]) -> bool:
        """Tell by the login; the token of a job has none, and its comments are of some bot."""
        if not _MARKER.match(found.get("body") or ""):
            return False
        if not self._asked:
            self._asked = True
            user = self._user()
            self._login = user["login"] if user else None
        author = found.get("user") or {}
        if self._login is None:
            return bool(author.get("type") == "Bot")
        return bool(author.get("login") == self._login)


class GitLab(Forge):
    _order = "&sort=asc&order_by=created_at"

    def __init__(self, api: Api, project: str, number: str) -> None:
        super().__init__(api)
        self._path = f"/projects/{quote(project, safe='')}/merge_requests/{quote(number)}/notes"
        self._id: int | None = None

    @property
    def comments_path(self) -> str:
        return self._path

    def comment_path(self, comment: Comment) -> str:
        return f"{self._path}/{comment.id}"

    def update_method(self) -> str:
        return "PUT"

    def is_ours(self, found: Mapping[str, Any]) -> bool:
        if not _MARKER.match(found.get("body") or ""):
            return False
        if self._id is None:
            user = self._user()
            if user is None:
                raise Impossible("the token does not say whose it is; it needs the scope `api`")
            self._id = user["id"]
        return bool((found.get("author") or {}).get("id") == self._id)


def keep_up_to_date(forge: Forge, body: str, *, update_only: bool = False) -> str:
    """
    Write the comment, and return what was done.

    `update_only`: a comment that is there is written anew, a new one is not made. Raises
    `Impossible`; `ValueError` for a body without a marker.
    """
    marked = _MARKER.match(body)
    if marked is None:
        raise ValueError("the first line holds no marker; it is no comment of rmqsync")
    marker = marked.group()
    found = [one for one in forge.comments() if one.is_ours and one.body.startswith(marker)]
    if not found:
        if update_only:
            return "nothing to say, no comment made"
        forge.create(body)
        return "comment made"
    first, *doubles = found
    for double in doubles:  # of runs at the same time
        forge.delete(double)
    if first.body.rstrip() == body.rstrip():
        return "comment is as it should be"
    forge.update(first, body)
    return "comment updated"


def forge_of(environ: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> Forge:
    """Return the pull request that this job is for. Raises `Impossible`."""
    if environ.get("GITLAB_CI"):
        return _gitlab(environ, sleep)
    if environ.get("GITHUB_ACTIONS"):
        return _github(environ, sleep)
    raise Impossible("this is neither GitHub Actions nor GitLab CI")


def _github(environ: Mapping[str, str], sleep: Callable[[float], None]) -> Forge:
    with open(environ["GITHUB_EVENT_PATH"], encoding="utf-8") as file:
        event = json.load(file)
    issue = event.get("issue") or {}
    request = event.get("pull_request") or (issue if issue.get("pull_request") else None)
    if not request:
        raise Impossible(f"event '{environ.get('GITHUB_EVENT_NAME', '')}' has no pull request")
    token = environ.get("GITHUB_TOKEN")
    if not token:
        raise Impossible("there is no token; set `github-token`")
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    api = Api(environ.get("GITHUB_API_URL") or "https://api.github.com", headers, sleep)
    return GitHub(api, environ["GITHUB_REPOSITORY"], int(request["number"]))


def _gitlab(environ: Mapping[str, str], sleep: Callable[[float], None]) -> Forge:
    number = environ.get("CI_MERGE_REQUEST_IID")
    if not number:
        raise Impossible("this pipeline has no merge request")
    token = environ.get("RMQSYNC_GITLAB_TOKEN")
    if not token:
        raise Impossible(
            "RMQSYNC_GITLAB_TOKEN is not set; it takes an access token with the scope `api`"
        )
    api = Api(environ["CI_API_V4_URL"], {"PRIVATE-TOKEN": token}, sleep)
    # A merge request is numbered in the project that it is to be merged into.
    project = environ.get("CI_MERGE_REQUEST_PROJECT_ID") or environ["CI_PROJECT_ID"]
    return GitLab(api, project, number)


def _wait(error: urllib.error.HTTPError, attempt: int) -> float:
    """Return how many seconds to wait before the next attempt."""
    asked = error.headers.get("Retry-After", "") if error.headers else ""
    return float(asked) if asked.isdigit() else float(2**attempt)


def _said(error: urllib.error.HTTPError) -> str:
    """Return the server's own words, on one line."""
    try:
        found = json.loads(error.read(65536))
        said = found.get("message") or found.get("error") if isinstance(found, dict) else None
    except (OSError, http.client.HTTPException, ValueError):
        said = None
    text = said if isinstance(said, str) else str(error.reason)
    return "".join(c if c.isprintable() else " " for c in text)[:256]


def _hint(problem: Impossible, environ: Mapping[str, str]) -> str:
    if not isinstance(problem, Refused) or problem.status not in (401, 403, 404):
        return ""
    if environ.get("GITLAB_CI"):
        return "; RMQSYNC_GITLAB_TOKEN needs the scope `api` and a role that may comment"
    return (
        "; the job needs `permissions: pull-requests: write`, which a pull request from a fork "
        "never has"
    )


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(description="Keep one comment on a pull request up to date.")
    parser.add_argument("--update-only", action="store_true", help="make no new comment")
    parser.add_argument("file", help="what `rmqsync plan --format markdown` wrote")
    options = parser.parse_args(arguments)
    with open(options.file, encoding="utf-8") as file:
        body = file.read()
    try:
        done = keep_up_to_date(forge_of(environ), body, update_only=options.update_only)
    except Impossible as problem:
        note = f"no comment on the pull request: {problem}{_hint(problem, environ)}"
        if environ.get("GITHUB_ACTIONS"):
            sys.stdout.write(f"::notice title=rmqsync::{note.replace('%', '%25')}\n")
        else:
            sys.stdout.write(f"{note}\n")
        return 0
    sys.stdout.write(f"{done}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
