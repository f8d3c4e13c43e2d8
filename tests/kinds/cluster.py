"""A real broker as a kind sees it: `Request` values go in, rows come out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind, Request
from rmqsync.kinds.context import Context
from rmqsync.kinds.registry import Registry
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.definitions import Rows
from rmqsync.model.findings import Severity
from rmqsync.model.values import Key, Row
from tests.brokers import Broker


class Answer(NamedTuple):
    status: int
    text: str
    data: Any

    @property
    def is_fine(self) -> bool:
        return self.status < 300


class Cluster:
    """Sends what kinds say to a broker, and reads back what became of it."""

    def __init__(self, broker: Broker, secrets: Mapping[str, str] | None = None) -> None:
        self._root = f"http://127.0.0.1:{broker.nodes[0].management_port}/api/"
        self._session = requests.Session()
        self._session.auth = (broker.username, broker.password)
        # 3.10 closes a connection now and then; what it can be asked twice, is.
        self._session.mount("http://", HTTPAdapter(max_retries=Retry(total=2)))
        self.amqp_port = broker.nodes[0].amqp_port
        self.generation = broker.generation
        major, minor, patch = (int(part) for part in broker.version.split("-")[0].split("."))
        self.context = Context(secret=(secrets or {}).get)
        features: frozenset[str] = frozenset()
        if (major, minor) >= (3, 13):
            found = self.get("deprecated-features")
            features = frozenset(
                one["name"] for one in found if one.get("state", "permitted") == "permitted"
            )
        self.context = replace(self.context, version=(major, minor, patch), features=features)

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *error: object) -> None:
        self._session.close()

    def send(self, request: Request) -> Answer:
        path = "/".join(quote(part, safe="") for part in request.path)
        answer = self._session.request(
            request.method,
            self._root + path,
            params=list(request.query),
            json=self.context.resolve(request.body),
            timeout=60,
        )
        is_json = answer.headers.get("content-type", "").startswith("application/json")
        return Answer(
            answer.status_code, answer.text, answer.json() if is_json and answer.content else None
        )

    def get(self, *path: str) -> Any:
        answer = self.send(Request("GET", path))
        assert answer.is_fine, answer
        return answer.data

    def who_is(self, username: str, password: str) -> str | None:
        """Log in as somebody; the name that the broker knows, `None` where it lets nobody in."""
        answer = requests.get(
            self._root + "whoami",
            auth=(username.encode(), password.encode()),
            timeout=60,
        )
        return str(answer.json()["name"]) if answer.ok else None

    def upload(self, document: Mapping[str, Any]) -> Answer:
        return self.send(Request("POST", ("definitions",), dict(document)))

    def declare(self, kind: Kind, live: Row | None, desired: Row) -> None:
        """Make or change one object; an error if the broker does not let us."""
        for request in kind.declare(live, desired, self.context):
            answer = self.send(request)
            assert answer.is_fine, (request, answer)

    def remove(self, kind: Kind, live: Row) -> None:
        lookup = kind.lookup(live)
        found = kind.handles(live, self.send(lookup).data) if lookup else ()
        for request in kind.remove(live, found):
            answer = self.send(request)
            assert answer.is_fine, (request, answer)

    def rows(self, kinds: Registry = KINDS) -> Rows:
        listings = {
            kind.name: self.get(kind.listing.path) for kind in kinds if kind.listing is not None
        }
        return rows_of_export(self.get("definitions"), kinds, listings=listings)

    def row(self, kind: Kind, key: Key) -> Row | None:
        found = self.rows()[kind.name].get(key)
        return None if found is None or kind.is_nothing(found) else found


def row_of(kind: Kind, entry: Mapping[str, Any]) -> Row:
    """The row of one entry, as a loader makes it."""
    (one,) = kind.expand(kind.shape(dict(entry)))
    return kind.complete(one)


def errors(kind: Kind, row: Row, context: Context) -> list[str]:
    """What keeps a new object from being sent at all."""
    problems: Iterable[Any] = (*kind.check(row, context), *kind.creation_problems(row, context))
    return [problem.message for problem in problems if problem.severity is Severity.ERROR]
