"""
A management API over real sockets that goes wrong when told, as no real broker would.

    with FakeBroker() as broker:
        broker.definitions["queues"].append({...})
        broker.fail(Reset(), path="definitions")         # the next GET of definitions
        broker.fail(Reply(503), method="PUT", times=2)   # the next two PUTs
        ...
        assert broker.seen[-1].method == "PUT"

State is the definitions document itself; the listings are made from it. Writes of queues,
exchanges, vhosts and global parameters and POST of definitions change it as the broker would; other
writes are only recorded.
Nothing is checked but user and password: rules of the broker are for tests against a real one.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fakes.faults import Fault, Reply
from tests.fakes.server import Seen, Server

USERNAME = "rmqsync"
PASSWORD = "fake-password"


@dataclass(slots=True)
class _Planned:
    fault: Fault
    method: str | None
    path: str | None
    skip: int
    times: int


@dataclass
class FakeBroker:
    """One endpoint, listening while the `with` block runs."""

    version: str = "3.10.8"
    definitions: dict[str, Any] = field(default_factory=dict)
    features: list[dict[str, Any]] | None = None
    """Answer to /api/deprecated-features; `None`: 404, as before 3.13."""
    users: dict[str, str] = field(default_factory=lambda: {USERNAME: PASSWORD})
    """Name to password."""
    queues: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Answer to /api/queues/VHOST where it is not made from the definitions."""
    consumers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    prefix: str = ""
    """Path prefix, as `management.path_prefix` sets it."""
    traced: set[str] = field(default_factory=set)
    """Vhosts with tracing, which is no part of the definitions."""
    etags: bool = False
    """Whether exports have an ETag and If-None-Match is heeded, as from 4.3.5."""
    seen: list[Seen] = field(default_factory=list)

    def __post_init__(self) -> None:
        for section in _SECTIONS:
            self.definitions.setdefault(section, [])
        if not self.definitions["vhosts"]:
            self.definitions["vhosts"].append({"name": "/"})
        self._planned: list[_Planned] = []
        self._lock = threading.RLock()
        self._connections = 0
        self.released = threading.Event()
        """Ends whatever a fault keeps waiting."""

    def __enter__(self) -> Self:
        self._server = Server(self)
        # A short poll: `shutdown` waits for the next one.
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.drop_connections()
        self._server.server_close()

    @property
    def url(self) -> str:
        """What goes into `endpoints`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}{self.prefix}"

    @property
    def connections(self) -> int:
        """How many TCP connections there were."""
        return self._connections

    def fail(
        self,
        fault: Fault,
        *,
        method: str | None = None,
        path: str | None = None,
        skip: int = 0,
        times: int = 1,
    ) -> None:
        """Let the next `times` requests that fit go wrong, after `skip` that go well.

        `path` is what stands below /api, unescaped; what begins with it fits.
        """
        with self._lock:
            self._planned.append(_Planned(fault, method, path, skip, times))

    def heal(self) -> None:
        """Let nothing go wrong any more."""
        with self._lock:
            self._planned.clear()

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault that is due, used up."""
        with self._lock:
            for planned in self._planned:
                if planned.method not in (None, method):
                    continue
                if planned.path is not None and not path.startswith(planned.path):
                    continue
                if planned.skip:
                    planned.skip -= 1
                elif planned.times:
                    planned.times -= 1
                    return planned.fault
            return None

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def connected(self) -> int:
        with self._lock:
            self._connections += 1
            return self._connections - 1

    def knows(self, name: str, password: str) -> bool:
        """Whether there is such a user with such a password."""
        return self.users.get(name) == password

    def answer(self, seen: Seen) -> Reply:
        """What a broker in good health answers."""
        with self._lock:
            target = urlsplit(seen.target)
            path = [unquote(part) for part in target.path.removeprefix("/api/").split("/")]
            match seen.method:
                case "GET":
                    return self._get(path, parse_qs(target.query), seen)
                case "PUT":
                    return self._put(path, seen.body or {})
                case "DELETE":
                    return self._delete(path)
                case _:
                    return self._post(path, seen.body or {})

    def _get(self, path: list[str], query: Mapping[str, list[str]], seen: Seen) -> Reply:
        match path:
            case ["definitions"]:
                return self._export(seen)
            case ["overview"]:
                return Reply.of(self._overview())
            case ["nodes"]:
                return Reply.of([{"name": "rabbit@fake", "running": True}])
            case ["vhosts"]:
                return Reply.of(_columns([self._vhost(v) for v in self._items("vhosts")], query))
            case ["exchanges"]:
                return Reply.of(_columns(self._exchanges(), query))
            case ["deprecated-features"] if self.features is not None:
                return Reply.of(self.features)
            case ["queues", vhost] if self._has_vhost(vhost):
                found = self.queues.get(vhost)
                if found is None:
                    found = [
                        {**queue, "messages": 0, "messages_unacknowledged": 0}
                        for queue in self._items("queues")
                        if queue["vhost"] == vhost
                    ]
                return Reply.of(_columns(found, query))
            case ["consumers", vhost] if self._has_vhost(vhost):
                return Reply.of(self.consumers.get(vhost, []))
            case [("queues" | "exchanges") as section, vhost, name]:
                for item in self._items(section):
                    if (item["vhost"], item["name"]) == (vhost, name):
                        return Reply.of(item)
            case ["global-parameters", name]:
                for item in self._items("global_parameters"):
                    if item["name"] == name:
                        return Reply.of(item)
        return _NOT_FOUND

    def _export(self, seen: Seen) -> Reply:
        document = {"rabbit_version": self.version, "rabbitmq_version": self.version}
        reply = Reply.of(document | self.definitions)
        if not self.etags:
            return reply
        tag = f'"{hash(reply.body):x}"'
        if seen.headers.get("If-None-Match") == tag:
            return Reply(304, headers={"ETag": tag})
        return Reply(200, reply.body, {**reply.headers, "ETag": tag})

    def _overview(self) -> dict[str, Any]:
        types = ("direct", "fanout", "headers", "topic")
        return {
            "rabbitmq_version": self.version,
            "cluster_name": "fake",
            "exchange_types": [{"name": name, "enabled": True} for name in types],
            "node": "rabbit@fake",
        }

    def _vhost(self, vhost: dict[str, Any]) -> dict[str, Any]:
        is_traced = vhost["name"] in self.traced
        described = {"description": "", "tags": [], "tracing": is_traced, **vhost}
        return described | {"cluster_state": {"rabbit@fake": "running"}}

    def _exchanges(self) -> list[dict[str, Any]]:
        builtin = ("", "amq.direct", "amq.fanout", "amq.headers", "amq.match", "amq.topic")
        fixed = {"durable": True, "auto_delete": False, "internal": False, "arguments": {}}
        return [
            {"vhost": vhost["name"], "name": name, "type": name[4:] or "direct", **fixed}
            for vhost in self._items("vhosts")
            for name in builtin
        ] + [{"internal": False, **exchange} for exchange in self._items("exchanges")]

    def _put(self, path: list[str], body: dict[str, Any]) -> Reply:
        match path:
            case [("queues" | "exchanges") as section, vhost, name]:
                return self._store(section, {"vhost": vhost, "name": name, **body})
            case ["vhosts", name]:
                return self._store("vhosts", {"name": name, **body})
            case ["global-parameters", name]:
                return self._store("global_parameters", {**body, "name": name})
        return Reply(204)

    def _delete(self, path: list[str]) -> Reply:
        match path:
            case [("queues" | "exchanges") as section, vhost, name]:
                return self._remove(section, {"vhost": vhost, "name": name})
            case ["vhosts", name]:
                return self._remove("vhosts", {"name": name})
        return Reply(204)

    def _post(self, path: list[str], body: dict[str, Any]) -> Reply:
        if path == ["definitions"]:
            for section in _SECTIONS:
                for item in body.get(section) or ():
                    self._store(section, item)
            return Reply(204)
        return Reply(201)

    def _store(self, section: str, item: dict[str, Any]) -> Reply:
        identity = {name: item[name] for name in _IDENTITY if name in item}
        items = self._items(section)
        for index, old in enumerate(items):
            if all(old.get(name) == value for name, value in identity.items()):
                items[index] = item
                return Reply(204)
        items.append(item)
        return Reply(201)

    def _remove(self, section: str, identity: dict[str, str]) -> Reply:
        items = self._items(section)
        for item in items:
            if all(item.get(name) == value for name, value in identity.items()):
                items.remove(item)
                return Reply(204)
        return _NOT_FOUND

    def _items(self, section: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.definitions[section]
        return items

    def _has_vhost(self, name: str) -> bool:
        return any(vhost["name"] == name for vhost in self._items("vhosts"))


_SECTIONS = (
    "users",
    "vhosts",
    "permissions",
    "topic_permissions",
    "parameters",
    "global_parameters",
    "policies",
    "queues",
    "exchanges",
    "bindings",
)
_IDENTITY = (
    "vhost",
    "name",
    "user",
    "exchange",
    "component",
    "source",
    "destination",
    "destination_type",
    "routing_key",
)
_NOT_FOUND = Reply.of({"error": "Object Not Found", "reason": "Not Found"}, 404)


def _columns(items: list[dict[str, Any]], query: Mapping[str, list[str]]) -> list[dict[str, Any]]:
    if "columns" not in query:
        return items
    wanted = query["columns"][0].split(",")
    return [{name: item[name] for name in wanted if name in item} for item in items]
