"""
Plan: read each cluster, compile its definitions, say what differs. Writes nothing.

One cluster that cannot be read does not keep the others from being planned; definitions that are
wrong for any cluster do, since nothing that was written can then be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from rmqsync.app.approvals import with_approvals
from rmqsync.app.claim import Claim
from rmqsync.app.counting import sure_facts
from rmqsync.app.hanging import hanging_on
from rmqsync.app.health import unhealthy
from rmqsync.app.memory import Compared, Memory
from rmqsync.app.ownership import ownership_of
from rmqsync.app.past import current_entry, past_of
from rmqsync.app.ports import Amqp, ApprovalStore, Broker, Checkout, Progress
from rmqsync.app.stops import stop_notes
from rmqsync.app.unlisted import unlisted
from rmqsync.kinds.context import Context
from rmqsync.loading.compile import Options, still_true
from rmqsync.loading.files import SourceFile
from rmqsync.loading.unset import unset_secrets
from rmqsync.model.changes import ClusterPlan, Hold, HoldCode, Status
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.errors import (
    BrokerError,
    InvalidDefinitions,
    RmqsyncError,
    SourceUnavailable,
    Unreachable,
)
from rmqsync.model.findings import Finding
from rmqsync.model.values import Key, Row
from rmqsync.planning.backup_ways import by_hand
from rmqsync.planning.draft import seen, with_unlisted
from rmqsync.planning.fences import fence_findings
from rmqsync.planning.ignored import declared_but_ignored
from rmqsync.planning.ownership import NOBODY, Ownership
from rmqsync.planning.plan import context_of, finish, touched
from rmqsync.planning.rules import Rules, idle_targets

CLUSTERS_AT_ONCE = 8

_AT_A_TERMINAL = "apply at a terminal, without --auto-approve"
_NOTHING = (
    "the definitions declare nothing at all, so everything would be deleted; that is refused: "
    "state: absent deletes single objects, rmqsync disown gives up all of them"
)


@dataclass(frozen=True, slots=True)
class Target:
    """One cluster of a run, with all that planning it takes."""

    name: str
    reader: Broker
    checkout: Checkout
    layers: tuple[str, ...]
    options: Options
    rules: Rules
    context: Context = field(default_factory=Context)
    """Secrets, and the version where no cluster tells it."""
    writable: bool = True
    """False for a cluster that is a file, or whose `mode` is report."""
    amqp: Amqp | None = None
    """`None` where the settings have no address: no lock then, and quorum queues stay."""
    lock_required: bool = False
    knows_secrets: bool = True
    """False where two revisions are compared: there secrets are names, and names are compared."""
    missing: Callable[[str], str] = "secret '{}' has no value".format
    """Why a secret has no value, by its name."""
    trusted_signers: str | None = None
    """Path of the file that names them; `None` where signatures do not count."""
    approvals: ApprovalStore | None = None
    """What a person has allowed beforehand; `None` where nothing of it counts."""
    claim: Claim | None = None
    """`None` for what is no cluster: it has no marker that counts."""

    @property
    def owner(self) -> str:
        """Who a run is for."""
        return self.claim.owner if self.claim is not None else Claim().owner

    def files(self) -> list[tuple[str, Sequence[SourceFile]]]:
        return [(layer, self.checkout.files(layer)) for layer in self.layers]


@dataclass(frozen=True, slots=True)
class Planned:
    """A cluster's plan, and what apply goes on with; the rest is `None` where reading failed."""

    target: Target
    plan: ClusterPlan
    desired: Desired | None = None
    live: Live | None = None
    context: Context | None = None
    own: Ownership = NOBODY
    root_commit: str | None = None
    """Of the repository, as the marker has it: git is not asked once something is written."""
    unlisted: Mapping[Key, Row] = field(default_factory=dict)
    """Queues in no rows that its changes may matter to."""


def plan_clusters(
    targets: Sequence[Target],
    memory: Memory | None = None,
    progress: Progress = lambda _what, _done, _total: None,
) -> list[Planned]:
    """
    Plan all clusters, several at once, in the order given.

    `memory` spares work to whoever plans the same targets again. Rows that it holds are shared.

    Raises `InvalidDefinitions` with the findings of every cluster, or `SourceError`.
    """
    memory = memory or Memory()
    findings: dict[Finding, None] = {}
    planned: list[Planned] = []

    def one(target: Target) -> Planned | InvalidDefinitions:
        try:
            return plan_cluster(target, memory)
        except InvalidDefinitions as error:
            return error

    workers = max(1, min(CLUSTERS_AT_ONCE, len(targets)))
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for done, result in enumerate(pool.map(one, targets), 1):
            if isinstance(result, InvalidDefinitions):
                findings.update(dict.fromkeys(result.findings))
            else:
                planned.append(result)
            progress("planning", done, len(targets))
    if findings:
        raise InvalidDefinitions(findings)
    return planned


def plan_cluster(target: Target, memory: Memory) -> Planned:
    """Plan one cluster. The broker is read, and git asked, while the files are compiled."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        reading = pool.submit(target.reader.read)
        layers = target.files()
        pool.submit(getattr, target.checkout, "revision")  # git answers meanwhile; asked for later
        desired = memory.compiled(target.name, layers, target.options)
        try:
            live = reading.result()
        except BrokerError as error:
            return Planned(target, failed(target.name, error), desired)
    context = context_of(desired, live, target.context)
    try:
        own, remarks = ownership(target, desired, live)
        own = _trusted(target, own)
        compared = memory.compared(target.name, desired, live, context, target.rules, own)
    except (BrokerError, SourceUnavailable) as error:
        return Planned(target, failed(target.name, error), desired)
    if compared.draft.doomed and not any(desired.rows.values()) and not desired.absent:
        return Planned(target, ClusterPlan(target.name, Status.ERROR, _NOTHING), desired)
    own = _gated(target, live, own, compared)
    compared = Compared((*remarks, *compared.findings), compared.draft)
    return _planned(target, desired, live, context, compared, own)


def _trusted(target: Target, own: Ownership) -> Ownership:
    """Hold everything where the revision has to be signed and is not."""
    if target.trusted_signers is None or target.claim is None or own.refusal is not None:
        return own
    reason = target.checkout.unsigned(target.trusted_signers)
    return own if reason is None else replace(own, refusal=Hold(HoldCode.UNSIGNED, reason, None))


def _gated(target: Target, live: Live, own: Ownership, compared: Compared) -> Ownership:
    """Hold everything where there is something to change, and not the time for it."""
    claim = target.claim
    if claim is None or not target.writable or own.refusal is not None:
        return own
    if live.from_file or not compared.draft.changes:
        return own
    if claim.closed is not None:
        return replace(own, refusal=Hold(HoldCode.WINDOW, claim.closed, _AT_A_TERMINAL))
    if claim.ignore_health:
        return own
    hold = unhealthy(target.reader, live, claim.members)
    return own if hold is None else replace(own, refusal=hold)


def ownership(target: Target, desired: Desired, live: Live) -> tuple[Ownership, list[Finding]]:
    """
    Return whose the objects of a cluster are.

    Raises `BrokerError` for overlapping scopes, and `SourceUnavailable` where nobody knows now.
    """
    if target.claim is None or live.from_file:
        return NOBODY, []
    entry = current_entry(target.checkout, target.layers, target.options)
    past = past_of(target.checkout, entry, desired, target.options, target.claim)
    scope = (target.rules.scope.vhosts, target.rules.scope.kinds)
    found = ownership_of(
        target.name, target.claim, target.checkout, entry, live, scope, past, desired
    )
    marker = found[0].marker
    for one in marker.outstanding if marker is not None else ():
        if one.entry is not None:
            past(one.entry)  # fails now if it has to, and not when the run writes its marker
    return found


def failed(name: str, error: RmqsyncError) -> ClusterPlan:
    """Return the plan of a cluster that could not be read, or what was applied to it last."""
    status = Status.UNREACHABLE if isinstance(error, Unreachable) else Status.ERROR
    return ClusterPlan(name, status, str(error))


def _planned(
    target: Target,
    desired: Desired,
    live: Live,
    context: Context,
    compared: Compared,
    own: Ownership,
) -> Planned:
    findings, found = compared
    idle = idle_targets(target.rules, desired, live)
    unset = unset_secrets(desired, context, target.missing) if target.knows_secrets else []
    is_cluster = target.claim is not None and not live.from_file
    try:
        beside = unlisted(target.reader, found.changes, live.rows) if is_cluster else {}
        found = with_unlisted(found, live.rows, beside, context)
        wanted, rows = touched(found), seen(live.rows, beside)
        # What is refused as a whole is not worth waiting for.
        risks = () if own.refusal is not None else (*found.threats, *found.cut_off)
        by_ref = sure_facts(target.reader, wanted, risks, rows, context)
        hanging = hanging_on(target.reader, found.changes, live) if is_cluster else {}
    except BrokerError as error:
        return Planned(target, failed(target.name, error), desired)
    fences = fence_findings(target.name, live, target.owner, can_remove=target.amqp is not None)
    stops = stop_notes(target.name, own.refusal, found.changes)
    ignored = () if target.options.is_backup else target.rules.ignore
    aside = declared_but_ignored(desired, ignored)
    remarks = (*still_true(desired, live), *aside, *findings, *idle, *unset, *fences, *stops)

    def finished(rules: Rules, more: Sequence[Finding] = ()) -> ClusterPlan:
        said = (*remarks, *more)
        plan = finish(
            target.name,
            found,
            desired,
            live,
            by_ref,
            rules,
            said,
            own=own,
            hanging=hanging,
            unlisted=beside,
        )
        return by_hand(plan) if target.options.is_backup else plan

    plan = with_approvals(finished(target.rules), target.rules, target.approvals, finished)
    past = target.checkout.past if is_cluster else None
    root = past.root_commit if past is not None else None
    return Planned(target, plan, desired, live, context, own, root, beside)
