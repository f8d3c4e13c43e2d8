"""Rows and settings for tests of planning, with defaults for what a test does not care about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.model.changes import ClusterPlan, Ref
from rmqsync.model.definitions import Desired, Live, QueueFacts, Rows, refs
from rmqsync.model.findings import Origin
from rmqsync.model.values import Key
from rmqsync.planning.draft import draft
from rmqsync.planning.marking import Place
from rmqsync.planning.needs import row_needs
from rmqsync.planning.plan import context_of, finish
from rmqsync.planning.rules import Rules

IDLE = QueueFacts(messages=0, unacknowledged=0, consumers=0)
BUSY = QueueFacts(messages=7, unacknowledged=2, consumers=1)
PLACE = Place(
    version="1",
    cluster="one",
    members=("rabbit@a",),
    repository=None,
    scope_vhosts=("*",),
    scope_kinds=("*",),
    rabbitmq_version="3.10.8",
    at="2026-01-01T00:00:00Z",
    run=None,
    salt="00" * 8,
)


def rows(*entries: tuple[str, dict[str, Any]]) -> Rows:
    """Return rows of (kind, entry) pairs; what an entry leaves out has its default."""
    found: Rows = {}
    for name, entry in entries:
        kind = KINDS[name]
        row = kind.complete(dict(entry))
        found.setdefault(name, {})[kind.key(row)] = row
    return found


def vhost(name: str = "v", **fields: Any) -> tuple[str, dict[str, Any]]:
    return "vhost", {"name": name, **fields}


def queue(name: str = "q", vhost: str = "v", **fields: Any) -> tuple[str, dict[str, Any]]:
    return "queue", {"vhost": vhost, "name": name, **fields}


def exchange(name: str = "e", vhost: str = "v", **fields: Any) -> tuple[str, dict[str, Any]]:
    return "exchange", {"vhost": vhost, "name": name, "type": "topic", **fields}


def binding(
    source: str = "e", destination: str = "q", key: str = "", vhost: str = "v", **fields: Any
) -> tuple[str, dict[str, Any]]:
    entry = {"vhost": vhost, "source": source, "destination": destination, "routing_key": key}
    return "binding", {**entry, **fields}


def whole(found: Iterable[tuple[str, dict[str, Any]]]) -> Rows:
    """Return rows without what refers to something missing: a state a broker can be in."""
    state = rows(vhost("v"), *found)
    for kind, mapping in state.items():  # by rank: what is needed comes first
        there = set(refs(state))
        state[kind] = {
            key: row for key, row in mapping.items() if row_needs(Ref(kind, key), row) <= there
        }
    return state


def desired_of(found: Rows, **fields: Any) -> Desired:
    origins = {
        kind: {key: Origin("base/a.yaml", 1) for key in mapping} for kind, mapping in found.items()
    }
    return Desired(found, origins, **fields)


def plan_of(
    desired: Rows | Desired,
    live: Rows,
    rules: Rules | None = None,
    facts: dict[Ref, QueueFacts] | None = None,
    version: str = "3.10.8",
    hanging: dict[Ref, list[Key]] | None = None,
) -> ClusterPlan:
    """Return the plan of one cluster, everything on it being idle unless `facts` says else."""
    wanted = desired if isinstance(desired, Desired) else desired_of(desired)
    there = Live(live, version=version)
    rules = rules or Rules()
    context = context_of(wanted, there, Context())
    found = draft(wanted, there, context, rules)
    if facts is None:
        facts = {Ref("queue", key): IDLE for key in live.get("queue", {})}
    return finish("one", found, wanted, there, facts, rules, hanging=hanging or {})


def said(plan: ClusterPlan) -> list[tuple[str, str, str | None]]:
    """Return (action, address, code of the hold) of every change, in order."""
    return [
        (
            change.action.value,
            address_of(KINDS[change.ref.kind], change.ref.key),
            change.hold.code.value if change.hold else None,
        )
        for change in plan.changes
    ]
