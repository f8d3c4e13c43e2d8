"""A few requests to the management API, on one connection; no more than these tools need of it."""

import base64
import http.client
import json
from types import TracebackType
from typing import Any
from urllib.parse import quote


class Refused(RuntimeError):
    """The broker answered with an error."""

    def __init__(self, request: str, status: int, answer: str) -> None:
        super().__init__(f"{request}: {status} {answer[:256]}")
        self.status = status


class Management:
    """The management API of one node, as one user."""

    def __init__(self, port: int, username: str, password: str, timeout_s: float = 30) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}

    def __enter__(self) -> "Management":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def get(self, *path: str) -> Any:
        """The answer to `GET /api/PATH`, each part of the path given unescaped."""
        try:
            answer = self._request("GET", path)
        except ConnectionError:  # brokers close what was idle for a minute
            self._connection.close()
            answer = self._request("GET", path)
        return json.loads(answer)

    def put(self, *path: str, body: object) -> None:
        """`PUT /api/PATH` with `body` as JSON."""
        self._request("PUT", path, json.dumps(body))

    def post(self, *path: str, body: object) -> Any:
        answer = self._request("POST", path, json.dumps(body))
        return json.loads(answer) if answer else None

    def delete(self, *path: str) -> None:
        """`DELETE /api/PATH`; that there is no such thing is fine."""
        try:
            self._request("DELETE", path)
        except Refused as error:
            if error.status != http.client.NOT_FOUND:
                raise

    def _request(self, method: str, path: tuple[str, ...], body: str | None = None) -> str:
        target = "/api/" + "/".join(quote(part, safe="") for part in path)
        headers = {**self._headers, "Content-Type": "application/json"}
        self._connection.request(method, target, body, headers)
        response = self._connection.getresponse()
        answer = response.read().decode("utf-8", errors="replace")
        if response.status >= 300:
            raise Refused(f"{method} {target}", response.status, answer)
        return answer
