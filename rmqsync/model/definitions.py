"""
Definitions: all managed objects of one cluster, as rows of plain data by kind and key.

Rows, not one object each: fifty thousand of them are compared in less time than it takes to build
as many class instances. A `Change` is built for what differs only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from rmqsync.model.changes import Loss, Ref
from rmqsync.model.findings import Finding, Origin
from rmqsync.model.values import Key, Row

Rows: TypeAlias = dict[str, dict[Key, Row]]
"""By the name of the kind, then by key. A kind without objects may be missing."""


def refs(rows: Rows) -> Iterator[Ref]:
    for kind, found in rows.items():
        for key in found:
            yield Ref(kind, key)


def count(rows: Rows) -> int:
    return sum(len(found) for found in rows.values())


class OnChangeRule(Enum):
    """What a change of a field that the broker cannot change in place may do."""

    REFUSE = "refuse"
    RECREATE = "recreate"
    MIGRATE = "migrate"


class When(Enum):
    """When an object that was retired with `removed:` may go."""

    EMPTY = "empty"
    DRAINED = "drained"


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry of `removed:`: how to retire one object."""

    address: str
    when: When = When.EMPTY
    allow_loss: Loss | None = None
    keep: bool = False
    source: Origin | None = None

    def loss(self, most: Loss) -> Loss:
        """Return the worst that the entry allows; `most` is what definitions may allow at all."""
        return Loss.NONE if self.allow_loss is None else min(self.allow_loss, most)


_NOT_REMOVED = Removed("")


@dataclass(slots=True)
class Desired:
    """What the layers of one cluster compile to. Secrets are `{secret: NAME}`."""

    rows: Rows
    origins: dict[str, Mapping[Key, Origin]]
    """Where each object was written, the last layer that touches it."""
    absent: dict[str, dict[Key, Origin]] = field(default_factory=dict)
    """Objects with `state: absent`: they must not exist."""
    on_change: dict[Ref, OnChangeRule] = field(default_factory=dict)
    removed: tuple[Removed, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Warnings and notes; errors are raised."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """`events`, `routing_tests`, `conventions`, as written."""

    def retired(self, address: str) -> Removed:
        """Return how an object is to be retired; where nothing says so, as any other goes."""
        return next((one for one in self.removed if one.address == address), _NOT_REMOVED)

    @property
    def kept(self) -> frozenset[str]:
        """Addresses under `removed:` with `keep: true`."""
        return frozenset(one.address for one in self.removed if one.keep)

    def source(self, ref: Ref) -> Origin | None:
        return self.origins.get(ref.kind, {}).get(ref.key)


@dataclass(frozen=True, slots=True)
class Live:
    """What a cluster has, read in a fixed number of requests or from an export in a file."""

    rows: Rows
    """Without what clients, plugins and the broker itself own, and without our own user."""
    version: str | None
    """Of RabbitMQ, as the cluster or the header of the file says."""
    cluster_name: str | None = None
    nodes: tuple[str, ...] = ()
    exchange_types: frozenset[str] = frozenset()
    """Empty where it is not known."""
    default_queue_types: Mapping[str, str] = field(default_factory=dict)
    """By vhost; a vhost without one is missing."""
    features: frozenset[str] = frozenset()
    """Deprecated features that the cluster permits, where it tells."""
    own_user: str | None = None
    """The user that rmqsync logs in as; it and its rights are never written."""
    foreign: frozenset[Ref] = frozenset()
    """Objects that are there but not in `rows`: broker-owned ones that another may name."""
    stopped_vhosts: tuple[tuple[str, str, str], ...] = ()
    """(vhost, node, state) of each vhost that is not running on a node."""
    markers: Mapping[str, Any] = field(default_factory=dict)
    """Values of the markers on the cluster, by owner: untrusted."""
    fences: frozenset[Ref] = frozenset()
    """Policies that keep publishers out of a queue while it is deleted; in no rows."""
    from_file: bool = False
    requests: int = 0
    """How many requests the reading took."""


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What a queue holds now; `None` where the broker does not say."""

    messages: int | None
    """Ready and unacknowledged."""
    unacknowledged: int | None
    consumers: int | None

    @property
    def idle(self) -> bool:
        """Nothing in it, nothing taken from it, and nobody waits; false where that is not known."""
        return (self.messages, self.unacknowledged, self.consumers) == (0, 0, 0)
