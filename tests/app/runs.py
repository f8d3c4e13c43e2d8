"""Plan and apply for a cluster in memory: the real use cases, with commits that are rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from rmqsync.app.apply import ApplyOptions, apply_cluster
from rmqsync.app.claim import Claim
from rmqsync.app.plan import Planned, Target
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import Options
from rmqsync.model.changes import ClusterResult, Ref
from rmqsync.model.definitions import Desired, Rows, refs
from rmqsync.model.marker import Entry, Marker
from rmqsync.model.marker_reading import read_marker
from rmqsync.model.values import Key
from rmqsync.planning.draft import draft
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.plan import context_of, finish, touched
from rmqsync.planning.rules import Rules
from tests.fakes.cluster import MemoryCluster, State

OWNER = Claim().owner


def state_of(rows: Rows) -> State:
    return {ref: rows[ref.kind][ref.key] for ref in refs(rows)}


class _Folder:
    """As much of a checkout as markers ask for."""

    past = None


@dataclass
class Repository:
    """A git whose commits are rows, and that was applied to a cluster up to one of them."""

    commits: list[Rows] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)
    """Numbers of commits that cannot be read now."""
    absent: dict[int, Mapping[str, Collection[Key]]] = field(default_factory=dict)
    """By number of the commit, what it has with `state: absent`."""

    def commit(self, rows: Rows, absent: Mapping[str, Collection[Key]] | None = None) -> Entry:
        self.absent[len(self.commits)] = absent or {}
        self.commits.append(rows)
        number = f"{len(self.commits) - 1:040x}"
        return Entry(number, number, ".", ("base",))

    def past(self, entry: Entry) -> Past | None:
        number = int(entry.tree, 16)
        if number in self.unread:
            return None
        return Past(self.commits[number], self.absent.get(number, {}))

    def mark(self, cluster: MemoryCluster, applied: Entry, *, adopted: bool = True) -> None:
        """Have the cluster say that a commit was applied last, and all of it."""
        marker = Marker("1", cluster.name, adopted=adopted, applied=applied)
        cluster.markers[OWNER] = marker.document()

    def plan(
        self, cluster: MemoryCluster, desired: Desired, current: Entry, rules: Rules, **stance: Any
    ) -> Planned:
        document = cluster.markers.get(OWNER)
        own = Ownership(
            is_judged=True,
            marker=None if document is None else read_marker(document),
            current=current,
            past=self.past,
            **stance,
        )
        live = cluster.read()
        context = context_of(desired, live, Context())
        found = draft(desired, live, context, rules, own=own)
        wanted = touched(found)
        facts = cluster.queue_facts(ref.key for ref in wanted)
        by_ref = {Ref("queue", key): fact for key, fact in facts.items()}
        plan = finish(cluster.name, found, desired, live, by_ref, rules, own=own)
        checkout: Any = _Folder()
        target = Target(cluster.name, cluster, checkout, ("base",), Options(), rules, claim=Claim())
        return Planned(target, plan, desired, live, context, own)


def applied(planned: Planned, *, bulk: bool = True) -> ClusterResult:
    """Apply a plan, one request at a time, so that writes have an order of their own."""
    return apply_cluster(planned, ApplyOptions(parallelism=1, bulk=bulk))
