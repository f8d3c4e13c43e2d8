"""What the operator allows a run to do to one cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from rmqsync.config.cluster import MaxDeletes, Prune, Scope
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import Kind, address_of
from rmqsync.model.address import Pattern
from rmqsync.model.changes import HoldCode, Loss
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.findings import Finding, warning
from rmqsync.model.values import Key


@dataclass(frozen=True, slots=True)
class Rules:
    """The guards of one run: the cluster's settings, and what the command line adds to them."""

    prune: Prune = Prune.OWNED
    prune_kinds: frozenset[str] = frozenset()
    allow_loss: Loss = Loss.ACCESS
    overrides: Mapping[str, Loss] = field(default_factory=dict)
    """`--allow-loss LEVEL:ADDRESS`, by address."""
    approved: Mapping[str, frozenset[HoldCode]] = field(default_factory=dict)
    """By address, which holds on its change a person saw and approved; a loss is in `overrides`."""
    git_may_allow: Loss = Loss.MESSAGES
    max_deletes: MaxDeletes = field(default_factory=MaxDeletes)
    scope: Scope = field(default_factory=Scope)
    ignore: tuple[Pattern, ...] = ()
    protect: tuple[Pattern, ...] = ()
    targets: tuple[Pattern, ...] = ()
    """Only these and what they need; empty: everything."""
    excludes: tuple[Pattern, ...] = ()
    can_prove: bool = False
    """There is `amqp`, without which no quorum queue can be proven empty when it goes."""
    lock_vhost: str | None = None
    """Where the lock of a run is; `None` where it has none."""

    def ignores(self, address: str) -> bool:
        return any(pattern.matches(address) for pattern in self.ignore)

    def protects(self, address: str) -> bool:
        return any(pattern.matches(address) for pattern in self.protect)

    def is_target(self, address: str) -> bool:
        return any(pattern.matches(address) for pattern in self.targets)

    def leaves_out(self, address: str) -> bool:
        return any(pattern.matches(address) for pattern in self.excludes)

    def allowed(self, address: str) -> Loss:
        """Return the worst that a change of this object may cause."""
        return max(self.allow_loss, self.overrides.get(address, Loss.NONE))


def in_scope(scope: Scope, kind: Kind, key: Key) -> bool:
    """
    Tell whether a repository manages an object at all.

    Narrowed vhosts leave out cluster-wide kinds unless `kinds` names them; a vhost counts by its
    own name.
    """
    named = any(fnmatchcase(kind.name, glob) for glob in scope.kinds)
    if kind.in_vhost or kind.hosts_vhost_kinds:
        return named and any(fnmatchcase(key[0], glob) for glob in scope.vhosts)
    return named and ("*" in scope.vhosts or any(glob == kind.name for glob in scope.kinds))


def idle_targets(rules: Rules, desired: Desired, live: Live) -> list[Finding]:
    """
    Return a warning for each target, and each override, that no object has.

    A typing error looks like success otherwise.
    """
    overrides = sorted(rules.overrides.keys() - rules.approved.keys())
    if not rules.targets and not overrides:
        return []
    addresses = {
        address_of(KINDS[kind], key)
        for rows in (desired.rows, live.rows)
        for kind, found in rows.items()
        for key in found
    }
    idle = [
        f"--target {pattern.text}"
        for pattern in rules.targets
        if not any(pattern.matches(address) for address in addresses)
    ]
    idle += [
        f"--allow-loss {rules.overrides[address].word}:{address}"
        for address in overrides
        if address not in addresses
    ]
    return [
        warning(
            "RMQ097",
            f"{option} matches no object, declared or live",
            hint="an address is kind:vhost/name, its parts percent-encoded",
        )
        for option in idle
    ]
