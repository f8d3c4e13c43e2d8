"""The log: one JSON object a line, or text; values that are secret never get through."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TextIO
from urllib.parse import quote, unquote

HIDDEN = "(sensitive)"
_SHORTEST = 4
"""Shorter values would hide parts of ordinary words."""


class _Redacting(logging.Formatter):
    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        found = {form for one in secrets for form in _forms(one) if len(form) >= _SHORTEST}
        self._secrets = sorted(found, key=len, reverse=True)

    def redacted(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text


def _forms(secret: str) -> set[str]:
    """Return a secret as it is, as URLs have it, and what of it is the password in a URL."""
    _, at, rest = secret.partition("://")
    userinfo = rest.rpartition("@")[0] if at else ""
    password = userinfo.partition(":")[2]
    found = {secret, password, unquote(password)}
    return found | {quote(one, safe="") for one in found} | {quote(one) for one in found}


class JsonLines(_Redacting):
    """One object a line: `at`, `level`, `logger`, `message`, and `error` with a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        found = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.redacted(record.getMessage()),
        }
        if record.exc_info:
            found["error"] = self.redacted(self.formatException(record.exc_info))
        return json.dumps(found, ensure_ascii=False)


class TextLines(_Redacting):
    """Time, level and message; line breaks in a message are shown as such."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage().replace("\n", "\\n")
        text = f"{_at(record)} {record.levelname.lower():<7} {message}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return self.redacted(text)


def _at(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def set_up(
    form: str, secrets: Iterable[str], *, verbose: bool = False, stream: TextIO | None = None
) -> None:
    """Send all that is logged to stderr, as `json` or `text`; replaces what was set up before."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter((JsonLines if form == "json" else TextLines)(secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("rmqsync").setLevel(logging.DEBUG if verbose else logging.INFO)
    # A dead cluster is told once for each cycle, not once for each of its requests.
    logging.getLogger("rmqsync.broker").setLevel(logging.DEBUG if verbose else logging.WARNING)
    for noisy in ("apscheduler", "uvicorn", "pika", "apprise", "urllib3", "git"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
