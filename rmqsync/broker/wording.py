"""
What the broker said, as one line for people: decoded, without secrets, at most 256 characters.

`reason` of an answer is a string, a list, or a list of character codes; up to 3.12 often an Erlang
term, up to 4.1 with `<` and `>` escaped as in HTML (rabbit_mgmt_util.erl `bad_request`). Brokers
repeat values that they refuse, shovel URIs with passwords among them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

LIMIT = 256
HIDDEN = "(sensitive)"

_CREDENTIALS = re.compile(r"(?<=://)[^\s\"'<>]*@")
_USERINFO = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#\s]*)@")
_SECRET_FIELDS = frozenset(("password", "password_hash"))
_BINARY = re.compile(r'<<"((?:[^"\\]|\\.)*)">>', re.DOTALL)
_CODES = re.compile(r"(?:<<|\[)\s*(\d{1,7}(?:\s*,\s*\d{1,7}){3,})\s*(?:>>|\])")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_SHORT = 4


def reason_in(body: bytes) -> str | None:
    """Return the reason that an error answer gives; `None` when it is not the broker's own."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not ("error" in document or "reason" in document):
        return None
    return plain(document.get("reason") or document.get("error"))


def error_code(body: bytes) -> str | None:
    """Return the `error` of an error answer: `not_authorised`, `bad_request` …"""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = document.get("error") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def plain(reason: Any) -> str:
    """Return a reason of any shape as one line of text."""
    text = html.unescape(_flat(reason))
    text = _BINARY.sub(lambda found: re.sub(r"\\(.)", _unescape, found[1], flags=re.DOTALL), text)
    text = _CODES.sub(_decode_codes, text)
    return " ".join(text.split())


def say(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` without credentials and `secrets`, cut at 256 characters."""
    text = _CREDENTIALS.sub("…@", text)
    for secret in sorted(set(secrets), key=len, reverse=True):
        for form in _forms(secret):
            if len(form) >= _SHORT:
                text = text.replace(form, HIDDEN)
            else:
                text = re.sub(rf"(?<!\w){re.escape(form)}(?!\w)", HIDDEN, text)
    return text if len(text) <= LIMIT else text[: LIMIT - 1] + "…"


def secrets_of(body: object) -> Iterator[str]:
    """Yield what in a request's body must not be shown: passwords, hashes, userinfo of URIs."""
    if isinstance(body, str):
        for userinfo in _USERINFO.findall(body):
            yield userinfo
            name, _, password = userinfo.partition(":")
            yield password or name
    elif isinstance(body, Mapping):
        for key, value in body.items():
            if key in _SECRET_FIELDS and isinstance(value, str):
                yield value
            yield from secrets_of(value)
    elif isinstance(body, list | tuple):
        for value in body:
            yield from secrets_of(value)


def _forms(secret: str) -> set[str]:
    escaped = json.dumps(secret, ensure_ascii=False)[1:-1]
    tidy = " ".join(secret.split())
    forms = {secret, escaped, tidy, html.unescape(secret), unquote(secret), quote(secret, safe="")}
    return {form for form in forms if form}


def _flat(reason: Any) -> str:
    if isinstance(reason, str):
        return reason
    if isinstance(reason, list):
        if reason and all(isinstance(code, int) and 9 <= code < 0x110000 for code in reason):
            return "".join(map(chr, reason))
        return ", ".join(map(_flat, reason))
    return json.dumps(reason, ensure_ascii=False)


def _unescape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[1], found[1])


def _decode_codes(found: re.Match[str]) -> str:
    codes = [int(code) for code in found[1].split(",")]
    try:
        text = bytes(codes).decode()
    except ValueError:
        if max(codes) >= 0x110000:
            return found[0]
        text = "".join(map(chr, codes))
    return f'"{text}"' if all(sign.isprintable() or sign.isspace() for sign in text) else found[0]
