"""A revision of the definitions in place of a cluster: what a merge would change, no broker."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rmqsync.app.ports import Checkout
from rmqsync.kinds.base import Request
from rmqsync.loading.compile import Options, compile_layers
from rmqsync.loading.files import SourceFile
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.errors import BrokerError, InvalidDefinitions, NoLayer, Refused
from rmqsync.model.values import JsonValue, Key


class RevisionReader:
    """Fits `Broker` for reading; writing is refused."""

    def __init__(
        self,
        name: str,
        checkout: Checkout,
        layers: tuple[str, ...],
        options: Options,
        *,
        base: str | None = None,
    ) -> None:
        """`base` is what people call the revision if it is the one that others are compared with.

        A base may lack layers, which came later; and where its definitions are not valid, that
        is no error of those that they are compared with.
        """
        self._name = name
        self._base = base
        self._checkout = checkout
        self._layers = layers
        self._options = options

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> Live:
        try:
            files = [(layer, self._files(layer)) for layer in self._layers]
            desired = compile_layers(files, self._options)
        except InvalidDefinitions as error:
            if self._base is None:
                raise
            first, *more = error.findings
            others = f", and {len(more)} more" if more else ""
            raise BrokerError(
                f"there is nothing to compare with: the definitions of revision {self._base} are "
                f"not valid: {first}{others}"
            ) from error
        return Live(desired.rows, version=None, from_file=True)

    def _files(self, layer: str) -> Sequence[SourceFile]:
        try:
            return self._checkout.files(layer)
        except NoLayer:
            if self._base is None:
                raise
            return ()

    def export(self, *, again: bool) -> bytes:
        raise self._refused()

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        del queues
        return {}

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        return self.queue_facts(queues)

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        del requests
        return ()

    def get(self, request: Request) -> JsonValue:
        raise self._refused()

    def send(self, request: Request) -> None:
        raise self._refused()

    def upload(self, document: Mapping[str, Any]) -> None:
        raise self._refused()

    def close(self) -> None:
        """Nothing is open."""

    def _refused(self) -> Refused:
        return Refused(f"cluster '{self._name}' stands for a revision and cannot be written")


class Unusable:
    """Stands for a cluster that cannot even be asked; fits `Broker`."""

    def __init__(self, name: str, reason: str) -> None:
        self._name = name
        self._reason = reason

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> Live:
        raise self._error()

    def export(self, *, again: bool) -> bytes:
        raise self._error()

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        raise self._error()

    def settled_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        raise self._error()

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        raise self._error()

    def get(self, request: Request) -> JsonValue:
        raise self._error()

    def send(self, request: Request) -> None:
        raise self._error()

    def upload(self, document: Mapping[str, Any]) -> None:
        raise self._error()

    def close(self) -> None:
        """Nothing is open."""

    def _error(self) -> BrokerError:
        return BrokerError(self._reason)
