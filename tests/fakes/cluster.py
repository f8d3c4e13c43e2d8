"""
A cluster in memory that fits `Broker`: for properties over many runs, without sockets.

It keeps rows as rmqsync reads them and heeds what rules of the broker matter to the order of a run:
what an object needs, what goes with it, what cannot be changed in place. Every write is recorded,
in order, and any of them can be made to go wrong.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import unquote_plus

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Ref
from rmqsync.model.definitions import Live, QueueFacts, Rows
from rmqsync.model.errors import Rejected, Unreachable
from rmqsync.model.marker import PREFIX
from rmqsync.model.values import JsonValue, Key, Row, canonical

State = dict[Ref, Row]
_REFUSED = Rejected("one: the write was refused", 400, "this one fails")


class Fault(Enum):
    """What becomes of a write."""

    REFUSED = "refused"
    UNSENT = "unsent"
    """No endpoint takes it."""
    ANSWER_LOST = "answer lost"
    """It is done, and nobody hears of it."""
    LATE = "no answer"
    """It is sent, and not done by the time that anybody looks."""


@dataclass(frozen=True)
class Write:
    """One write that reached the cluster, whatever became of it."""

    rows: Mapping[Ref, Row | None]
    """What it says of each object; `None` deletes it. Empty for the marker."""

    @property
    def deleted(self) -> set[Ref]:
        return {ref for ref, row in self.rows.items() if row is None}


@dataclass
class MemoryCluster:
    """One cluster. `state` is what it has; `busy` are queues that hold a message."""

    state: State
    version: str = "3.10.8"
    busy: set[Key] = field(default_factory=set)
    markers: dict[str, Any] = field(default_factory=dict)
    writes: list[Write] = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    """By the number of the write, from 0."""
    name: str = "one"
    exclusive: int = 0
    """Queues of clients, which are in no rows and count for limits."""
    refused: set[Ref] = field(default_factory=set)
    """In an import of nothing else that a fault refused: a single call is refused as well."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def read(self) -> Live:
        rows: Rows = {kind.name: {} for kind in KINDS}
        for ref, row in self.state.items():
            rows[ref.kind][ref.key] = row
        return Live(rows, self.version, nodes=("rabbit@a",), markers=dict(self.markers))

    def export(self, *, again: bool) -> bytes:
        return b"{}"

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return {
            key: QueueFacts(messages=int(key in self.busy), unacknowledged=0, consumers=0)
            for key in queues
            if Ref("queue", key) in self.state
        }

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return self.queue_facts(queues)

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        return tuple(str(request) for request in requests if not request.path)

    def get(self, request: Request) -> JsonValue:
        match request.path:
            case ("queues" | "exchanges" as section, vhost, name):
                return self.state.get(Ref(section[:-1], (vhost, name)))
            case ("bindings", vhost, "e", source, letter, destination):
                found = self._between(vhost, source, letter, destination)
                return [{**self.state[ref], "properties_key": _handle(ref)} for ref in found]
            case ("global-parameters", name):
                found = self.markers.get(name.removeprefix(PREFIX))
                return None if found is None else {"name": name, "value": found}
            case ("parameters", "vhost-limits", vhost, "limits"):
                limits = self.state.get(Ref("vhost_limit", (vhost,)))
                return None if limits is None else {"value": limits}
            case (section, vhost) if ("page", "1") in request.query:
                name = KINDS.by_section[section].name
                keys = [ref.key for ref in self.state if ref.kind == name and ref.key[0] == vhost]
                return {"total_count": len(keys) + self.exclusive}
            case (section, vhost):
                kind = KINDS.by_section[section].name
                return [
                    r for ref, r in self.state.items() if ref.kind == kind and r["vhost"] == vhost
                ]
        raise AssertionError(f"nobody asks for {request.path}")

    def send(self, request: Request) -> None:
        with self._lock:
            rows = dict(self._said(request))
            if self.refused & rows.keys():
                self.refused -= rows.keys()
                raise _REFUSED
            conditions = {name for name, _ in request.query}
            self._write(rows, lambda ref, row: self._do(ref, row, conditions))
            if request.path[0] == "global-parameters" and self._is_done:
                owner = request.path[1].removeprefix(PREFIX)
                if isinstance(request.body, dict):
                    self.markers[owner] = request.body["value"]
                else:
                    self.markers.pop(owner)

    def upload(self, document: Mapping[str, Any]) -> None:
        with self._lock:
            rows = {}
            for section, items in document.items():
                kind = KINDS.by_section[section]
                for item in items:
                    row = kind.complete(kind.shape(dict(item)))
                    if kind.name == "vhost":
                        row = {what: value for what, value in row.items() if value}
                    rows[Ref(kind.name, kind.key(row))] = row
            fault = self.faults.get(len(self.writes))
            if fault is Fault.REFUSED and len(rows) == 1:
                self.refused |= rows.keys()
            self._write(rows, self._import)

    def close(self) -> None:
        pass

    def _write(self, rows: Mapping[Ref, Row | None], do: Any) -> None:
        fault = self.faults.get(len(self.writes))
        self.writes.append(Write(rows))
        self._is_done = fault in (None, Fault.ANSWER_LOST)
        if self._is_done:
            for ref, row in rows.items():
                do(ref, row)
        if fault is Fault.REFUSED:
            raise _REFUSED
        if fault is not None:
            sent = fault is not Fault.UNSENT
            raise Unreachable(f"one: no endpoint answers ({fault.value})", may_be_done=sent)

    def _said(self, request: Request) -> Iterator[tuple[Ref, Row | None]]:
        """Yield what a call says of objects: a row, or `None`."""
        body: Any = request.body
        gone = request.method == "DELETE"
        match request.path:
            case ("vhosts" | "users" as section, name):
                said = {
                    what: value for what, value in (body or {}).items() if value or what == "tags"
                }
                if section == "vhosts":
                    said.pop("tags", None)
                yield Ref(section[:-1], (name,)), None if gone else {"name": name, **said}
            case ("queues" | "exchanges" | "policies" as section, vhost, name):
                row = None if gone else {"vhost": vhost, "name": name, **body}
                yield Ref(KINDS.by_section[section].name, (vhost, name)), row
            case ("permissions", vhost, user):
                row = None if gone else {"vhost": vhost, "user": user, **body}
                yield Ref("permission", (vhost, user)), row
            case ("topic-permissions", vhost, user, exchange):
                yield Ref("topic_permission", (vhost, user, exchange)), None
            case ("topic-permissions", vhost, user):
                key = (vhost, user, body["exchange"])
                yield Ref("topic_permission", key), {"vhost": vhost, "user": user, **body}
            case ("bindings", vhost, "e", source, letter, destination):
                row = {"vhost": vhost, "source": source, "destination": destination, **body}
                row["destination_type"] = _DESTINATIONS[letter]
                yield Ref("binding", KINDS["binding"].key(row)), row
            case ("bindings", vhost, "e", source, letter, destination, handle):
                for ref in self._between(vhost, source, letter, destination):
                    if _handle(ref) == unquote_plus(handle):
                        yield ref, None
            case ("parameters", "shovel", vhost, name):
                row = None if gone else {"vhost": vhost, "name": name, **body["value"]}
                yield Ref("shovel", (vhost, name)), row
            case ("global-parameters", _):
                return
            case _:
                raise AssertionError(f"nobody writes {request.path}")

    def _do(self, ref: Ref, row: Row | None, conditions: set[str]) -> None:
        if row is None:
            if "if-empty" in conditions and ref.key in self.busy:
                raise Rejected("not empty", 400, f"queue '{ref.key[1]}' in use or not empty")
            self._delete(ref)
            return
        missing = needed_by(ref, self.version) - self.state.keys()
        if missing:
            raise Rejected("not found", 404, f"no {min(missing)}")
        old = self.state.get(ref)
        if ref.kind in ("queue", "exchange") and old is not None and old != row:
            raise Rejected("inequivalent", 400, f"inequivalent arg of {ref}")
        self.state[ref] = row

    def _import(self, ref: Ref, row: Row | None) -> None:
        if not (ref.kind in ("queue", "exchange") and ref in self.state):  # skipped without a word
            self._do(ref, row, set())

    def _delete(self, ref: Ref) -> None:
        if self.state.pop(ref, None) is None:
            return
        self.busy.discard(ref.key)
        for other in taken_down(ref, self.state, self.version):
            self._delete(other)
        source = Ref("exchange", ref.key[:2])
        is_last = ref.kind == "binding" and source not in {
            Ref("exchange", one.key[:2]) for one in self.state if one.kind == "binding"
        }
        if is_last and self.state.get(source, {}).get("auto_delete"):
            self._delete(source)

    def _between(self, vhost: str, source: str, letter: str, destination: str) -> list[Ref]:
        ends = (vhost, source, _DESTINATIONS[letter], destination)
        return [ref for ref in self.state if ref.kind == "binding" and ref.key[:4] == ends]


_DESTINATIONS = {"q": "queue", "e": "exchange"}
_IN_VHOST = ("exchange", "queue", "binding", "permission", "topic_permission", "policy")


def _handle(ref: Ref) -> str:
    """Return the `properties_key`, before it is escaped."""
    key, arguments = ref.key[4], ref.key[5]
    return f"{key}~{canonical(arguments)}" if arguments else key or "~"


def needed_by(ref: Ref, version: str) -> set[Ref]:
    """Return what must be there before an object can be made."""
    found = {Ref("vhost", (ref.key[0],))} if ref.kind in _IN_VHOST else set()
    match ref:
        case ("binding", (vhost, source, kind, destination, *_)):
            found |= {Ref("exchange", (vhost, source)), Ref(kind, (vhost, destination))}
        case ("permission", (_, user)):
            found.add(Ref("user", (user,)))
        case ("topic_permission", (vhost, user, exchange)):
            found.add(Ref("user", (user,)))
            if _has_khepri(version):
                found.add(Ref("exchange", (vhost, exchange)))
    return found


def taken_down(ref: Ref, state: Iterable[Ref], version: str) -> list[Ref]:
    """Return what goes with an object; from Khepri on that are topic permissions as well."""
    return [other for other in state if ref in needed_by(other, version)]


def _has_khepri(version: str) -> bool:
    return not version.startswith("3.10")
