"""What the use cases need from outside. Adapters in `broker` and `repo` fit these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from rmqsync.kinds.base import Request
from rmqsync.loading.files import SourceFile
from rmqsync.model.changes import Revision
from rmqsync.model.definitions import Live, QueueFacts
from rmqsync.model.values import JsonValue, Key


class Broker(Protocol):
    """One cluster. Every method tries all endpoints before it raises `Unreachable`."""

    @property
    def name(self) -> str:
        """The cluster's name in the settings."""

    def read(self) -> Live:
        """
        Read everything with a fixed number of requests.

        Raises `Unreachable`, `AccessDenied` or `BrokerError`; never half a result.
        """

    def queue_facts(self, queues: Iterable[Key]) -> Mapping[Key, QueueFacts]:
        """Return what these queues hold now; a queue that is not there is missing."""

    def missing_rights(self, requests: Iterable[Request]) -> tuple[str, ...]:
        """Return the commands that grant what our user lacks for these calls."""

    def get(self, request: Request) -> JsonValue:
        """Answer a GET; `None` for 404."""

    def send(self, request: Request) -> None:
        """
        Carry out one call, retried when it is safe to send twice.

        Raises `Rejected` with the broker's reason, `Unreachable`, or `AccessDenied`. A DELETE that
        finds nothing counts as done.
        """

    def upload(self, document: Mapping[str, Any]) -> None:
        """POST a definitions document. Raises as `send` does; some of it may have been stored."""

    def close(self) -> None:
        """Drop the connections."""


class Checkout(Protocol):
    """The definitions repository at one revision, or a folder as it stands."""

    @property
    def revision(self) -> Revision: ...

    def files(self, layer: str) -> Sequence[SourceFile]:
        """Return the definition files below a layer folder, sorted. Raises `SourceError`."""

    def tree(self, layers: Iterable[str]) -> str:
        """Return an id of all that these layers hold: equal for equal files, 40 hex digits."""


Progress = Callable[[str, int, int], None]
"""(what is being done, how many are done, how many there are); called often, from any thread."""
