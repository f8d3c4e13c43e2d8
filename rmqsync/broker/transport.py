"""
One HTTP exchange with one endpoint, through `requests`: nothing here knows what RabbitMQ is.

Connections are kept and shared by all threads. Redirects are not followed: they would carry our
password to another host. Of the environment only proxies count, and not for loopback; `.netrc`
and `REQUESTS_CA_BUNDLE` would silently replace what the settings say.
"""

from __future__ import annotations

import gzip
import ipaddress
import logging
import ssl
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, InsecureRequestWarning

from rmqsync.broker.connection import ClusterConnection, TlsFiles
from rmqsync.broker.failures import Failure, failure_of
from rmqsync.model.errors import BrokerError

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0
_LONGEST_BODY_S = 1800.0
_PIECE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    wire: bytes
    """The body as it was sent, perhaps compressed: equal bytes are equal content."""

    def content(self) -> bytes:
        """Return the body; raises `Failure` when it broke off."""
        if self.headers.get("Content-Encoding", "").lower() != "gzip":
            return self.wire
        try:
            return gzip.decompress(self.wire)
        except (OSError, EOFError, zlib.error) as error:
            raise Failure("the answer broke off in the middle") from error

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()


class Transport:
    """The kept connections to all endpoints of one cluster."""

    def __init__(self, connection: ClusterConnection) -> None:
        self._timeout_s = connection.timeout_s
        self._verify = connection.tls.verify
        self._session = requests.Session()
        self._session.trust_env = False
        user = f"{connection.username}:{connection.password}"
        self._session.headers.clear()
        self._headers = {
            "Authorization": "Basic " + b64encode(user.encode()).decode(),
            # Resources that only take, limits for one, answer 406 where JSON alone is accepted.
            "Accept": "application/json, */*;q=0.1",
            "User-Agent": "rmqsync",
        }
        self._proxies = {url: _proxies(url) for url in connection.endpoints}
        self._encodings = {
            # On one machine compressing costs more than it saves.
            url: "identity" if _is_loopback(url) else "gzip"
            for url in connection.endpoints
        }
        size = max(connection.parallelism, 1) + 1
        plain = HTTPAdapter(len(connection.endpoints), size, pool_block=True)
        self._session.mount("http://", plain)
        if any(url.startswith("https:") for url in connection.endpoints):
            context = tls_context(connection.name, connection.tls)
            secure = _Adapter(context, len(connection.endpoints), size)
            self._session.mount("https://", secure)
            if not self._verify:
                urllib3.disable_warnings(InsecureRequestWarning)
                logger.warning("certificates are not checked cluster=%s", connection.name)

    def exchange(
        self,
        endpoint: str,
        method: str,
        target: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Send one request to `endpoint` and read the whole answer; raises `Failure`."""
        sent = {**self._headers, "Accept-Encoding": self._encodings[endpoint], **(headers or {})}
        timeout_s = timeout_s or self._timeout_s
        try:
            with self._session.request(
                method,
                f"{endpoint.rstrip('/')}/api/{target}",
                data=body,
                headers=sent,
                timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                allow_redirects=False,
                stream=True,
                proxies=self._proxies[endpoint],
                verify=self._verify,
            ) as response:
                wire = _read(response.raw)
                return Answer(response.status_code, response.headers, wire)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise failure_of(error, endpoint, timeout_s) from error

    def close(self) -> None:
        self._session.close()


class _Adapter(HTTPAdapter):
    """Checks certificates with a context of our own, instead of the bundle that requests has."""

    def __init__(self, context: ssl.SSLContext, hosts: int, size: int) -> None:
        self._context = context
        super().__init__(hosts, size, pool_block=True)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=self._context)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Nothing: requests would add its own bundle to the authorities that are trusted."""


def _read(raw: Any) -> bytes:
    started = time.monotonic()
    pieces = []
    while piece := raw.read(_PIECE_BYTES, decode_content=False):
        pieces.append(piece)
        if time.monotonic() - started > _LONGEST_BODY_S:
            raise Failure(f"the answer had no end after {_LONGEST_BODY_S:g} s")
    return b"".join(pieces)


def tls_context(cluster: str, tls: TlsFiles) -> ssl.SSLContext:
    """Return how servers are checked and what they are shown; raises `BrokerError`."""
    context = ssl.create_default_context()
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.ca is not None:
        context = _trusting(cluster, tls.ca) if tls.verify else context
    if tls.cert is not None:
        try:
            # Without a password at hand OpenSSL would ask for one on the terminal.
            context.load_cert_chain(tls.cert, tls.key, password="")
        except (OSError, ValueError) as error:
            files = f"tls.cert '{tls.cert}'" + (f" and tls.key '{tls.key}'" if tls.key else "")
            raise BrokerError(f"{cluster}: cannot use {files}: {_file_problem(error)}") from error
    return context


def _trusting(cluster: str, ca: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise BrokerError(f"{cluster}: cannot use tls.ca '{ca}': {_file_problem(error)}") from error


def _file_problem(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) or not isinstance(error, OSError):
        return "not a certificate and its unencrypted key in PEM form"
    return (error.strerror or str(error)).lower()


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _proxies(url: str) -> dict[str, str]:
    return {} if _is_loopback(url) else dict(requests.utils.get_environ_proxies(url))
