"""Shapes of the addresses of brokers, repositories and the run history."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote

from rmqsync.config.nodes import Bad, Node
from rmqsync.config.shapes import quoted
from rmqsync.config.texts import Text, Url


def _endpoint(node: Node, parts: SplitResult) -> str:
    if parts.scheme == "file":
        path = unquote(parts.path)
        if parts.netloc or not path or parts.query or parts.fragment:
            raise node.bad(f"{quoted(node.value)} names no file", "write file:PATH")
        return "file:" + node.absolute(path)
    _refuse_extras(node, parts)
    return parts.geturl().rstrip("/")


_AMQP_HINT = (
    "use the keys username and password, or refer to the whole URL with {env: NAME} or {file: PATH}"
)


def _amqp(node: Node, parts: SplitResult) -> str:
    if "@" in parts.netloc:
        raise node.bad(f"{quoted(node.value)} holds a user name or password", _AMQP_HINT)
    _refuse_extras(node, parts)
    if parts.path not in ("", "/"):
        raise node.bad(
            f"{quoted(node.value)} names a vhost", "leave it out; the lock has a key vhost"
        )
    return parts.geturl().rstrip("/")


def _refuse_extras(node: Node, parts: SplitResult) -> None:
    url = quoted(node.value)
    if "@" in parts.netloc:
        raise node.bad(f"{url} holds a user name or password", "use the keys username and password")
    if parts.query or parts.fragment:
        raise node.bad(f"{url} must end before '?' and '#'")


def _git(node: Node, parts: SplitResult) -> str:
    url = quoted(node.value)
    if parts.password is not None or (parts.scheme.startswith("http") and "@" in parts.netloc):
        raise node.bad(f"{url} holds a user name or password", "use the keys username and token")
    if parts.query or parts.fragment or not parts.path.strip("/"):
        raise node.bad(f"{url} names no repository")
    return parts.geturl()


def _history(node: Node, parts: SplitResult) -> str:
    if parts.password is not None or "password=" in parts.query:
        raise _with_password(node, parts._replace(query="").geturl())
    return parts.geturl()


def _with_password(node: Node, shown: str) -> Bad:
    hint = "refer to the whole URL with {env: NAME} or {file: PATH}"
    return node.bad(f"{quoted(shown)} holds a password", hint)


class HistoryAddress(Url):
    """A PostgreSQL URL without a password, or `sqlite:///PATH` relative to the file."""

    _SQLITE = "sqlite:///"
    _SOCKET = "postgresql:///"

    def __init__(self) -> None:
        super().__init__(("postgresql", "sqlite"), _history)

    def parse(self, node: Node) -> str:
        value = Text.parse(self, node)
        if value.startswith("sqlite:"):
            path = value.removeprefix(self._SQLITE)
            if path in (value, "") or "?" in path:
                raise node.bad(f"{quoted(value)} names no file", "write sqlite:///PATH")
            return self._SQLITE + node.absolute(path)
        if value.startswith(self._SOCKET):  # libpq's own way: a socket, or host= in the query
            if "password=" in value:
                raise _with_password(node, value.partition("?")[0])
            return value
        return super().parse(node)


class GitAddress(Text):
    """Where a repository is: a URL, `user@host:path`, or a path relative to the file."""

    _SCP = re.compile(r"(?:[A-Za-z0-9_.-]+@)?[A-Za-z0-9_][A-Za-z0-9_.-]*:[^:].*")

    def __init__(self) -> None:
        super().__init__()
        self._url = Url(("https", "http", "ssh", "file"), _git)

    def parse(self, node: Node) -> str:
        value = super().parse(node)
        if "://" in value or value.startswith("file:"):
            return self._url.parse(node)
        if self._SCP.fullmatch(value):
            return value
        if ":" in value.partition("/")[0]:
            raise node.bad(
                f"{quoted(value)} is no repository", "it is a URL, user@host:path or a path"
            )
        return node.absolute(value)


ENDPOINT = Url(("https", "http", "file"), _endpoint)
AMQP = Url(("amqps", "amqp"), _amqp)
GIT = GitAddress()
HISTORY = HistoryAddress()
