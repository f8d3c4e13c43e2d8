"""
The changes that would make a cluster equal to its definitions, before any guard has judged them.

Deletions that the broker makes anyway when a larger object goes are not changes of their own: they
are listed as implied by that object, and wait or are held together with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rmqsync.analysis.policies import QUEUE
from rmqsync.analysis.policy_losses import Threat, threats
from rmqsync.analysis.ways_out import parting, ways_out
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.context import Context
from rmqsync.kinds.credentials import secret_addresses
from rmqsync.kinds.registry import Registry
from rmqsync.model.changes import Action, Cause, Change, Impact, Ref
from rmqsync.model.definitions import Desired, Live, Rows
from rmqsync.model.findings import Finding, warning
from rmqsync.model.values import Key, Row, same
from rmqsync.planning.aftermath import aftermath
from rmqsync.planning.altered import telling
from rmqsync.planning.choice import choose
from rmqsync.planning.compare import Pair, compare
from rmqsync.planning.completed import completed, completed_notes
from rmqsync.planning.fields import changed_fields, fields_of
from rmqsync.planning.hidden import hiding
from rmqsync.planning.implied import implied_losses
from rmqsync.planning.logins import lost_logins
from rmqsync.planning.narrowed import let_be, out_of_sight
from rmqsync.planning.ownership import (
    NOBODY,
    Ownership,
    keeping_drift,
    with_causes,
)
from rmqsync.planning.replaced import Replaced
from rmqsync.planning.retired import Retired, drains, settled
from rmqsync.planning.rules import Rules, in_scope


@dataclass(frozen=True, slots=True)
class Draft:
    changes: tuple[Change, ...]
    unmanaged: tuple[Ref, ...]
    unchanged: int
    findings: tuple[Finding, ...] = ()
    """Differences that this broker cannot be made to lose: they are left as they are."""
    threats: tuple[Threat, ...] = ()
    """What the changes of policies may do to live objects."""
    cut_off: tuple[Threat, ...] = ()
    """What deletions of exchanges may: with all other changes made, and with none of them."""
    doomed: frozenset[Ref] = frozenset()
    """All that is to be deleted, also with a larger object, whatever `--target` chooses."""
    altered: frozenset[Ref] = frozenset()
    """Of the changes: ours and no longer declared, but changed by somebody since."""
    ours_going: int = 0
    """How many of the doomed are ours by the marker."""

    @property
    def going(self) -> tuple[Ref, ...]:
        """Objects that would be deleted, for good or to be made again."""
        gone = (Action.DELETE, Action.REPLACE)
        return tuple(change.ref for change in self.changes if change.action in gone)


def draft(
    desired: Desired,
    live: Live,
    context: Context,
    rules: Rules,
    kinds: Registry = KINDS,
    own: Ownership = NOBODY,
) -> Draft:
    """Return what differs as changes, unordered and unguarded, and what nobody declared."""
    found = compare(desired.rows, live.rows, context, kinds)
    extra = [
        (ref, row)
        for ref, row in found.extra
        if in_scope(rules.scope, kinds[ref.kind], ref.key) and not _ignored(ref, rules, kinds)
    ]
    retired = Retired(desired, live.rows, rules, own, context, kinds)
    gone = retired.going(extra)
    going = {ref for ref, _ in gone}
    possible, findings = _possible(found.differing, desired, context, kinds)
    done = completed(found.missing, live.rows, own, context, kinds)
    findings += completed_notes(done, desired, kinds)
    findings += settled(desired, own, kinds)
    findings += out_of_sight(desired, live.rows, rules, own, kinds)
    findings += let_be(desired, live.rows, rules, own, kinds)
    replaced = Replaced(own, context, kinds)
    changes = [
        *(
            _create(ref, row, desired, kinds, replaced.cause(ref, row))
            for ref, row in found.missing
            if ref not in done
        ),
        *(_alter(pair, desired, kinds, own, context) for pair in possible),
        *(_delete(ref, row, kinds, retired.cause(ref)) for ref, row in gone),
    ]
    changes = [
        telling(change, own, context, kinds) if change.ref in retired.altered else change
        for change in changes
    ]
    changes = [change for change in changes if not _ignored(change.ref, rules, kinds)]
    secret = secret_addresses(live.markers.values())
    changes = [hiding(change, secret, own, kinds) for change in changes]
    choice = choose(changes, live.rows, context, rules, kinds)
    changes = choice.changes
    findings += aftermath(changes, kinds)
    findings += lost_logins(changes, desired, live.rows, context, kinds)
    judged = _with_implied(changes, desired, live, context, kinds)
    return Draft(
        judged,
        tuple(
            ref for ref, row in extra if ref not in going and not kinds[ref.kind].of_cluster(row)
        ),
        found.unchanged + len(found.differing) - len(possible) + len(done),
        (*findings, *choice.findings),
        threats(changes, live.rows, context),
        _cut_off(judged, live.rows, context),
        choice.doomed - retired.altered,
        frozenset(retired.altered),
        len(retired.ours),
    )


def with_unlisted(found: Draft, live: Rows, queues: Mapping[Key, Row], context: Context) -> Draft:
    """Return the draft with what its changes may do to queues that are in no rows as well."""
    if not queues:
        return found
    rows = seen(live, queues)

    def of_these(threats: Iterable[Threat]) -> tuple[Threat, ...]:
        return tuple(one for one in threats if one.ref.kind == QUEUE and one.ref.key in queues)

    return replace(
        found,
        threats=(*found.threats, *of_these(threats(found.changes, rows, context))),
        cut_off=(*found.cut_off, *of_these(_cut_off(found.changes, rows, context))),
    )


def _cut_off(changes: Sequence[Change], rows: Rows, context: Context) -> tuple[Threat, ...]:
    """Return what deletions take from what stays, with all that is to be changed and without."""
    partings = parting(changes)
    by_themselves = [one for one in changes if one.ref in partings]
    return (*ways_out(changes, rows, context), *ways_out(by_themselves, rows, context))


def seen(live: Rows, queues: Mapping[Key, Row]) -> Rows:
    """Return the live rows together with queues that are in none of them."""
    return {**live, QUEUE: {**live.get(QUEUE, {}), **queues}} if queues else live


def _possible(
    pairs: Iterable[Pair], desired: Desired, context: Context, kinds: Registry
) -> tuple[list[Pair], list[Finding]]:
    """Take out of the differences what this broker does not change, and say so."""
    possible, findings = [], []
    for pair in pairs:
        kind, wanted = kinds[pair.ref.kind], dict(pair.desired)
        for problem in kind.update_problems(pair.live, pair.desired, context):
            address = address_of(kind, pair.ref.key)
            message = f"{kind.sentence(pair.ref.key)}: {problem.message}"
            source = desired.source(pair.ref)
            findings.append(
                warning(problem.code, message, source, address=address, hint=problem.hint)
            )
            for name in problem.path[:1] or tuple(wanted.keys() | pair.live.keys()):
                if name in pair.live:
                    wanted[str(name)] = pair.live[str(name)]
                else:
                    wanted.pop(str(name), None)
        if not same(wanted, pair.live):
            possible.append(Pair(pair.ref, pair.live, wanted))
    return possible, findings


def _ignored(ref: Ref, rules: Rules, kinds: Registry) -> bool:
    return bool(rules.ignore) and rules.ignores(address_of(kinds[ref.kind], ref.key))


def _create(ref: Ref, row: Row, desired: Desired, kinds: Registry, cause: Cause) -> Change:
    fields = fields_of(kinds[ref.kind], row, created=True)
    return Change(Action.CREATE, ref, None, row, fields, cause, source=desired.source(ref))


def _alter(
    pair: Pair, desired: Desired, kinds: Registry, own: Ownership, context: Context
) -> Change:
    change = _altered(pair, desired, kinds)
    judged = with_causes(change, own, context, kinds)
    kept = keeping_drift(judged, own)
    if kept is None:
        return judged
    fewer = _altered(Pair(pair.ref, pair.live, kept), desired, kinds)
    causes = {one.path: one.cause for one in judged.fields}
    fields = tuple(one._replace(cause=causes.get(one.path)) for one in fewer.fields)
    left = tuple(one for one in judged.fields if one.cause in (Cause.DRIFT, Cause.BOTH))
    return replace(fewer, fields=fields, cause=Cause.GIT, left=left)


def _altered(pair: Pair, desired: Desired, kinds: Registry) -> Change:
    fields = changed_fields(kinds[pair.ref.kind], pair.live, pair.desired)
    replaces = any(field.forces_replacement for field in fields)
    action = Action.REPLACE if replaces else Action.UPDATE
    source = desired.source(pair.ref)
    return Change(action, pair.ref, pair.live, pair.desired, fields, source=source)


def _delete(ref: Ref, row: Row, kinds: Registry, cause: Cause) -> Change:
    fields = fields_of(kinds[ref.kind], row, created=False)
    return Change(Action.DELETE, ref, row, None, fields, cause)


def _with_implied(
    changes: list[Change], desired: Desired, live: Live, context: Context, kinds: Registry
) -> tuple[Change, ...]:
    gone = (Action.DELETE, Action.REPLACE)
    going = [change.ref for change in changes if change.action in gone]
    if not going:
        return tuple(changes)
    implied = implied_losses(going, live.rows, context, kinds)
    # What leads to what drains is a change of its own.
    deleted = {
        change.ref
        for change in changes
        if change.action is Action.DELETE and not drains(change, desired, kinds)
    }
    covered = {ref for owner in deleted for ref in implied.get(owner, ())}
    return tuple(
        replace(change, impact=Impact(implied=implied.get(change.ref, ())))
        for change in changes
        if not (change.action is Action.DELETE and change.ref in covered)
    )
