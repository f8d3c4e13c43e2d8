"""A cluster that is a file: a saved export to plan against, without broker or credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from rmqsync.broker.rows import default_queue_types, foreign, markers
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Request
from rmqsync.kinds.registry import Registry
from rmqsync.loading.live_rows import rows_of_export
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.errors import BrokerError, SourceError, UsageError
from rmqsync.model.values import JsonValue, Key
from rmqsync.text.document import parse

_IN_VHOST = ("parameters", "policies", "exchanges", "queues", "bindings")


class FileCluster:
    """Fits the same port as a real cluster, but takes no changes."""

    def __init__(self, name: str, path: str, kinds: Registry = KINDS) -> None:
        self.name = name
        self._path = path
        self._kinds = kinds

    def read(self) -> Live:
        """Return what the file holds; raises `SourceError` or, for bad text, its findings."""
        return live_of_export(self.name, self._path, self.export(again=True), self._kinds)

    def export(self, *, again: bool) -> bytes:
        """Return the file as it is; raises `SourceError`."""
        del again
        try:
            return Path(self._path).read_bytes()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SourceError(f"{self.name}: cannot read '{self._path}': {reason}") from error

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        """Nothing is known: an export holds no messages."""
        del queues
        return {}

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return self.queue_facts(queues)

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        del requests
        return ()

    def get(self, request: Request) -> JsonValue:
        del request
        return None

    def send(self, request: Request) -> None:
        del request
        self._refuse()

    def upload(self, document: Mapping[str, Any]) -> None:
        del document
        self._refuse()

    def close(self) -> None:
        pass

    def _refuse(self) -> NoReturn:
        raise UsageError(f"{self.name}: the file '{self._path}' is no cluster to change")


def live_of_export(name: str, path: str, content: bytes, kinds: Registry = KINDS) -> Live:
    """Return the state that an export tells of, JSON or YAML, of a cluster or of one vhost."""
    document = parse(path, content).data
    if not isinstance(document, dict):
        raise SourceError(f"{name}: '{path}' is no definitions export: no mapping at its top")
    for section in (kind.export_section for kind in kinds):
        items = document.get(section) or []
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise SourceError(f"{name}: '{path}': {section} must be a list of objects")
    document = _with_vhost(document)
    vhosts = document.get("vhosts") or []
    version = document.get("rabbitmq_version") or document.get("rabbit_version")
    try:
        rows = rows_of_export(document, kinds)
    except BrokerError as error:
        raise SourceError(f"{name}: '{path}': {error}") from error
    return Live(
        rows=rows,
        version=str(version) if version is not None else None,
        cluster_name=_cluster_name(document),
        default_queue_types=default_queue_types(vhosts),
        foreign=foreign(document, {}, kinds, None),
        markers=markers(document),
        from_file=True,
    )


def _with_vhost(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the export of one vhost as that of a cluster: every object names its vhost."""
    vhost = document.get("original_vhost_name") or document.get("vhost")
    if not isinstance(vhost, str):
        return dict(document)
    described = {key: document[key] for key in ("description", "metadata") if key in document}
    found = {**document, "vhosts": document.get("vhosts") or [{"name": vhost, **described}]}
    for section in _IN_VHOST:
        found[section] = [{"vhost": vhost, **item} for item in document.get(section) or ()]
    return found


def _cluster_name(document: Mapping[str, Any]) -> str | None:
    if document.get("original_cluster_name"):
        return str(document["original_cluster_name"])
    for item in document.get("global_parameters") or ():
        if item.get("name") == "cluster_name":
            return str(item.get("value"))
    return None
