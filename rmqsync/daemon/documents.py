"""
What the daemon tells of clusters, sources, objects and topology: the shapes of its API.

Pages render the same documents. As plan JSON they grow, nothing in them changes or goes away.
Times are UTC, ISO 8601 with `Z`. No secret is in any of them.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from rmqsync.model.values import JsonValue
from rmqsync.report.document import (
    ChangeDocument,
    ClusterDocument,
    LastDocument,
    NamedDocument,
    RemarkDocument,
    SourceDocument,
    SummaryDocument,
)

Sync = Literal["unknown", "in-sync", "pending", "drifted", "held", "failed", "unreachable"]
"""
`failed` is a run or plan that ended with an error, `held` has changes that a person must allow,
`drifted` differs by what nobody committed, `pending` has changes that the next run makes (or that
`mode: report` never makes).
"""
SYNCS: tuple[Sync, ...] = (
    "unknown", "in-sync", "pending", "drifted", "held", "failed", "unreachable",
)  # fmt: skip


class DriftDocument(TypedDict):
    """One object that somebody changed past git."""

    address: str
    kind: str
    cause: str
    """`drift`, or `both` where git changed it too."""
    since: str
    """First seen, this time."""
    times: int
    """How often it has come, 1 for the first time."""
    change: ChangeDocument
    """Only the fields that drifted."""


class ClusterDriftDocument(TypedDict):
    """What has drifted on one cluster, as it was last seen."""

    name: str
    sync: Sync
    on_drift: str
    mode: str
    checked_at: str | None
    applied: LastDocument | None
    drift_known: bool
    """As in `ClusterStatusDocument`."""
    drifts: list[DriftDocument]


class DriftReportDocument(TypedDict):
    at: str
    clusters: list[ClusterDriftDocument]
    """Those with most drift first."""


class WaitDocument(TypedDict):
    """Why a cluster that is due is not run."""

    reason: Literal["window", "back-off", "paused", "lock", "broken-commit", "cancelled"]
    until: str | None
    """`None` where no time is known."""
    text: str
    """A sentence."""


class StopDocument(TypedDict):
    """A pause or a pin."""

    reason: str
    by: str | None
    since: str | None
    until: str | None


class ClusterStatusDocument(TypedDict):
    """One cluster in the list of all."""

    name: str
    sync: Sync
    error: str | None
    mode: str
    on_drift: str
    source: str
    """Name of the source, as in `FleetDocument.sources`."""
    commit: str | None
    """What it was last compared with."""
    applied: LastDocument | None
    rabbitmq_version: str | None
    nodes: list[str]
    checked_at: str | None
    next_at: str | None
    last_success_at: str | None
    running: str | None
    """What is being done now: `comparing`, `applying`."""
    waits: WaitDocument | None
    paused: StopDocument | None
    pinned: StopDocument | None
    summary: SummaryDocument | None
    drifted: int
    drift_known: bool
    """False where nobody can tell whose change a difference is: nothing is known to be applied."""
    held: int
    """Changes that a person must allow. What is only left alone since it drifted is not."""
    failures: int
    """Failed cycles in a row."""
    last_run: str | None
    """Id of the last run that changed, or tried to change, anything."""


class ClusterDetailDocument(ClusterStatusDocument):
    plan: ClusterDocument | None
    """As plan JSON has it; `None` before the first comparison."""
    drifts: list[DriftDocument]
    blocked: str | None
    """Why a run that somebody asks for would apply nothing now; a sentence."""


class SourceStatusDocument(TypedDict):
    """One repository or folder that definitions come from."""

    name: str
    """Address without credentials, and branch."""
    commit: str | None
    """Last good one: it is in force."""
    fetched_at: str | None
    error: str | None
    """Why the last fetch failed."""
    broken_commit: str | None
    """Newer than `commit`, and not to be used."""
    findings: list[RemarkDocument]
    """What is wrong with it."""


class FleetDocument(TypedDict):
    rmqsync_version: str
    at: str
    clusters: list[ClusterStatusDocument]
    sources: list[SourceStatusDocument]


class TopologyNodeDocument(TypedDict):
    id: str
    """Address; of what is not on this cluster, an id of its own: `cluster:NAME/ADDRESS`."""
    kind: Literal["exchange", "queue", "upstream", "shovel", "cluster", "policy", "operator_policy"]
    """`cluster`: something on another cluster, or on a host that is none of the settings."""
    vhost: str | None
    name: str
    type: str | None
    """Of an exchange or queue; of an upstream the cluster or host it is on, if that is known;
    of a policy what it applies to."""
    state: Literal["managed", "unmanaged", "drifted", "pending", "held", "missing", "elsewhere"]
    """`elsewhere`: not on this cluster, and so not looked at."""
    policy: str | None
    """Name of the policy in force. No link leads to it: one policy may be that of thousands."""
    operator_policy: str | None
    """Name of the operator policy in force."""
    cluster: str | None
    """The cluster of the settings that it is on, where that is told apart by a URI."""
    address: str | None
    """Of its page, on `cluster` or else here; `None` where it has none."""


class TopologyLinkDocument(TypedDict):
    source: str
    target: str
    kind: Literal["binding", "dead-letter", "alternate", "federation", "shovel"]
    label: str
    """Routing keys, or what the link is called."""


class TopologyDocument(TypedDict):
    cluster: str
    at: str
    vhosts: list[str]
    nodes: list[TopologyNodeDocument]
    links: list[TopologyLinkDocument]


class ValueDocument(TypedDict):
    """One field of an object, and where its value comes from. An absent side is left out."""

    path: list[str | int]
    declared: NotRequired[JsonValue]
    live: NotRequired[JsonValue]
    source: SourceDocument | None
    layer: str | None
    """Name of the layer it is written in, as in the settings."""
    differs: bool


class ObjectDocument(NamedDocument):
    cluster: str
    is_declared: bool
    is_live: bool
    fields: list[ValueDocument]
    policy: str | None
    change: ChangeDocument | None
    links: list[TopologyLinkDocument]
    policies: list[NamedDocument]
    """The policy and the operator policy in force for it."""
    in_force_for: list[NamedDocument]
    """Of a policy or operator policy: the exchanges and queues it is in force for."""
