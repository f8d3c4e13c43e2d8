"""Why an endpoint gave no usable answer, in plain words with the next step."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from rmqsync.model.errors import BrokerError


class Failure(Exception):
    """One try at one endpoint that came to nothing; another may do better."""

    def __init__(
        self,
        reason: str,
        *,
        lasting: bool = False,
        retry_after_s: float | None = None,
        error: BrokerError | None = None,
        may_be_done: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.lasting = lasting
        """Asking the same endpoint again will not help."""
        self.retry_after_s = retry_after_s
        self.error = error
        """What to raise in the end, where it is not simply `Unreachable`."""
        self.may_be_done = may_be_done
        """The request was sent, and no answer came: a busy broker may be at it yet."""


def failure_of(error: Exception, endpoint: str, timeout_s: float) -> Failure:
    """Return what an error of the HTTP library means."""
    if isinstance(error, Failure):
        return error
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return Failure(_tls(cause, endpoint), lasting=not isinstance(cause, ssl.SSLEOFError))
    for types, words, lasting in _MEANINGS:
        if any(isinstance(cause, types) for cause in causes):
            host = urlsplit(endpoint).hostname
            text, is_sent = words.format(host=host, seconds=timeout_s), words in _UNANSWERED
            return Failure(text, lasting=lasting, may_be_done=is_sent)
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return Failure(cause.strerror.lower())
    return Failure(_LOST, may_be_done=True)


_LOST = "the connection was lost in the middle"
_LATE = "no answer within {seconds:g} s"
_UNANSWERED = (_LOST, _LATE)
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], str, bool], ...] = (
    (
        (socket.gaierror, urllib3_errors.NameResolutionError),
        "host '{host}' is not known to the name service",
        True,
    ),
    ((requests_errors.ProxyError,), "the proxy that the environment names does not help", False),
    ((ConnectionRefusedError,), "connection refused: nothing listens there", False),
    (
        (requests_errors.ConnectTimeout, urllib3_errors.ConnectTimeoutError),
        "no connection in time: the node is down, or a firewall is in between",
        False,
    ),
    (
        (requests_errors.ReadTimeout, urllib3_errors.ReadTimeoutError, TimeoutError),
        _LATE,
        False,
    ),
    ((http.client.RemoteDisconnected, ConnectionError), _LOST, False),
    ((http.client.BadStatusLine,), "what answers there is not HTTP: is it https?", True),
    (
        (requests_errors.InvalidURL, urllib3_errors.LocationParseError),
        "this is no URL that can be asked",
        True,
    ),
)
"""The first that fits; what comes earlier is often wrapped in what comes later."""


def _tls(cause: ssl.SSLError, endpoint: str) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = cause.verify_message or cause.reason or "certificate verify failed"
        host = urlsplit(endpoint).hostname
        if "not valid for" in reason:
            return f"its certificate is not for '{host}': use a name that is in it"
        if "expired" in reason or "not yet valid" in reason:
            return f"its certificate cannot be trusted: {reason}"
        return (
            f"its certificate cannot be trusted: {reason}; "
            "name the file of the authority that signed it in tls.ca"
        )
    text = f"{cause.reason or ''} {cause}".upper()
    if "CERTIFICATE_REQUIRED" in text or "CERTIFICATE REQUIRED" in text:
        return "it asks for a client certificate: set tls.cert and tls.key"
    if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text:
        return "what answers there does not speak TLS: is it http?"
    if "UNKNOWN_CA" in text or "BAD_CERTIFICATE" in text or "ALERT_CERTIFICATE" in text:
        return f"it refuses the client certificate in tls.cert: {cause.reason or cause}"
    return f"no TLS connection: {cause.reason or cause}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it wraps, however it does so."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, tuple | list):
            waiting.extend(one)
        elif isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting.extend((getattr(one, "reason", None), *one.args, one.__cause__))
            waiting.append(one.__context__)
