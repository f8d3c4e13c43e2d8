"""What the command line, or the daemon, says about one run, and what that makes of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from rmqsync.app.claim import Claim
from rmqsync.app.ports import ApprovalStore, CompiledStore
from rmqsync.app.standstill import stop_of
from rmqsync.config.cluster import ClusterSettings, OnDrift
from rmqsync.kinds.context import Version
from rmqsync.model.address import Pattern
from rmqsync.model.changes import Loss
from rmqsync.planning.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """What the command line says about one run, beyond the settings."""

    clusters: tuple[str, ...] = ()
    """Names or globs; empty: all."""
    revision: str | None = None
    base: str | None = None
    """Compare with this revision instead of the clusters."""
    targets: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    allow_loss: Loss | None = None
    overrides: Mapping[str, Loss] = field(default_factory=dict)
    max_deletes: int | None = None
    attended: bool = False
    """A person sees the plan and says yes before anything is done."""
    adopt: bool = False
    allow_rewind: bool = False
    take_over: bool = False
    forget_revision: bool = False
    ignore_health: bool = False
    backup: str | None = None
    """The path of an export: it stands in place of the definitions."""
    pin: str | None = None
    """Why the cluster is to stay where this run brings it; by whom says `who`."""
    who: str | None = None
    approvals: ApprovalStore | None = None
    allow_plain_secrets: bool = False
    vhost: str | None = None
    rabbitmq_version: Version | None = None
    timeout_s: float = 30.0
    parallelism: int = 8


def claim_of(cluster: ClusterSettings, options: RunOptions, store: CompiledStore) -> Claim:
    """Return what is said about ownership of a cluster."""
    return Claim(
        owner=cluster.owner,
        heals=cluster.on_drift is OnDrift.HEAL,
        attended=options.attended,
        adopt=options.adopt,
        allow_rewind=options.allow_rewind,
        take_over=options.take_over,
        forget_revision=options.forget_revision,
        ignore_health=options.ignore_health,
        members=cluster.nodes,
        pin=None if options.pin is None else stop_of(options.pin, options.who, None),
        store=store,
    )


def rules_of(cluster: ClusterSettings, options: RunOptions) -> Rules:
    """Return what a run may do to a cluster."""
    limits = cluster.max_deletes
    if options.max_deletes is not None:
        number = options.max_deletes
        limits = replace(limits, share=1.0, objects=number, bindings=number)
    return Rules(
        prune=cluster.prune,
        prune_kinds=frozenset(cluster.prune_kinds),
        allow_loss=cluster.allow_loss if options.allow_loss is None else options.allow_loss,
        overrides=options.overrides,
        git_may_allow=cluster.git_may_allow,
        max_deletes=limits,
        scope=cluster.scope,
        ignore=tuple(map(Pattern, cluster.ignore)),
        protect=tuple(map(Pattern, cluster.protect)),
        targets=tuple(map(Pattern, options.targets)),
        excludes=tuple(map(Pattern, options.excludes)),
        can_prove=bool(cluster.amqp),
        lock_vhost=cluster.lock.vhost if cluster.amqp else None,
    )
