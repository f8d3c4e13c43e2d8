"""
What an answer other than success means: try elsewhere (`Failure`), or tell the user.

The broker answers 401 to everything it does not allow: `not_authorized` is a wrong user or
password, `not_authorised` a missing tag or missing rights (rabbit_web_dispatch_access_control.erl).
Whatever answers without the broker's JSON is something in front of it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from rmqsync.broker import wording
from rmqsync.broker.connection import ClusterConnection
from rmqsync.broker.failures import Failure
from rmqsync.broker.transport import Answer
from rmqsync.model.errors import AccessDenied, BrokerError, Rejected

_BUSY = frozenset((408, 429, 502, 503, 504))
_FROM_BETWEEN = frozenset({502, 504})
"""A proxy says it of a broker that may be at it yet."""
_IN_VHOST = frozenset(("queues", "exchanges", "bindings"))
_WORDS = 80


class Call(NamedTuple):
    """What was asked, for messages."""

    cluster: ClusterConnection
    method: str
    segments: tuple[str, ...]
    target: str
    """Escaped, with its query."""
    body: object = None

    @property
    def title(self) -> str:
        return f"{self.method} /api/{self.target}"

    def say(self, text: str) -> str:
        """Return `text` without anything secret."""
        sent = wording.secrets_of(self.body)
        return wording.say(text, (*sent, self.cluster.password, *self.cluster.secrets()))


def check(call: Call, answer: Answer, allowed: Iterable[int] = ()) -> None:
    """Raise what an answer that is no success means; statuses in `allowed` pass."""
    status = answer.status
    if 200 <= status < 300 or status in allowed:
        if answer.wire and not _is_json(answer):
            raise _strange(call, answer)
        return
    if 300 <= status < 400:
        raise _redirect(call, answer)
    content = answer.content()
    reason = wording.reason_in(content)
    if status in _BUSY:
        text = call.say(reason) if reason else "no reason given"
        wait_s = _retry_after_s(answer)
        late = status in _FROM_BETWEEN
        raise Failure(f"it answers {status} ({text})", retry_after_s=wait_s, may_be_done=late)
    if status == 401:
        raise _denied(call, content, reason)
    if reason is None and content and not _is_json(answer):
        raise _strange(call, answer)
    reason = call.say(reason or f"status {status}")
    error = _rejected(call, status, reason)
    if status >= 500 and call.method != "POST":
        raise Failure(f"it answers {status} ({reason})", error=error)
    raise error


def json_of(call: Call, answer: Answer) -> Any:
    """Return the parsed body of a success; raises `Failure` when it is broken."""
    content = answer.content()
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as problem:
        if not _is_json(answer):
            raise _strange(call, answer) from problem
        words = f"the answer is broken JSON of {len(content)} bytes: {problem}"
        where = f"{call.cluster.name}: {call.title}"
        hint = "the broker may have failed to encode a name or value; its log says more"
        raise Failure(words, error=BrokerError(f"{where}: {words}; {hint}")) from problem


def _is_json(answer: Answer) -> bool:
    return "json" in answer.content_type


def _rejected(call: Call, status: int, reason: str) -> BrokerError:
    where = f"{call.cluster.name}: {call.title}"
    if call.method != "GET":
        return Rejected(f"{where}: {reason}", status, reason)
    hint = ""
    if status == 404:
        hint = "; is this the address of the management API, with its path prefix?"
    if status >= 500 and call.segments[0] in ("definitions", "bindings"):
        # rabbit_mgmt_format.erl `pack_binding_props` fails on it, and the listing with it.
        hint = (
            "; a binding with '~' in its routing key and arguments has this effect, on 3.10 also a "
            "stream whose declaration was cut off"
        )
    return BrokerError(f"{where}: answer {status}: {reason}{hint}")


def _denied(call: Call, content: bytes, reason: str | None) -> BrokerError:
    cluster, user = call.cluster.name, call.cluster.username
    code = wording.error_code(content)
    words = call.say(reason or "")
    if code == "not_authorized":
        source = f" (from {call.cluster.password_from})" if call.cluster.password_from else ""
        return AccessDenied(
            f"{cluster}: wrong user name or password for user '{user}': "
            f"check username and password{source}"
        )
    if code is None:
        return AccessDenied(
            f"{cluster}: {call.title}: answer 401 that is not the broker's: "
            "something in front of it asks for a login of its own"
        )
    name = shlex.quote(user)
    if "localhost" in words:
        hint = "use another user, or connect from the broker's own host"
    elif words.lower().startswith("not ") or call.segments[0] not in _IN_VHOST:
        hint = f"grant it: rabbitmqctl set_user_tags {name} administrator"
    else:
        vhost = shlex.quote(call.segments[1])
        hint = f"grant it: rabbitmqctl set_permissions -p {vhost} {name} '.*' '.*' '.*'"
    return AccessDenied(f"{cluster}: {call.title}: user '{user}' may not: {words}; {hint}")


def _redirect(call: Call, answer: Answer) -> Failure:
    parts = urlsplit(answer.headers.get("Location", ""))
    place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "elsewhere"
    words = (
        f"it redirects to {place} (status {answer.status}), which is not followed: "
        "give the address of the management API itself"
    )
    return _final(call, words)


def _strange(call: Call, answer: Answer) -> Failure:
    kind = answer.content_type or "nothing of a type"
    text = answer.content()[:1000].decode("utf-8", "replace")
    first = " ".join(call.say(text).split())[:_WORDS]
    words = (
        f"status {answer.status} with {kind} instead of JSON: '{first}'; "
        "is this the management API, or a proxy in front of it?"
    )
    return _final(call, words)


def _final(call: Call, words: str) -> Failure:
    error = BrokerError(f"{call.cluster.name}: {call.title}: {words}")
    return Failure(words, lasting=True, error=error)


def _retry_after_s(answer: Answer) -> float | None:
    text = answer.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max((moment - datetime.now(UTC)).total_seconds(), 0.0)
