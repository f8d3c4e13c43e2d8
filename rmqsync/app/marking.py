"""
Write the marker of a cluster: before the first change of a run, and when it is over.

It is one global parameter, so one PUT each. A marker is not rewritten when nothing changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from rmqsync.app.claim import Claim
from rmqsync.app.past import keep_compiled
from rmqsync.app.plan import Planned
from rmqsync.app.ports import Broker
from rmqsync.app.put_back import undeclared
from rmqsync.app.stops import stopped
from rmqsync.kinds.base import Request
from rmqsync.model.changes import Action, Change, ClusterPlan, Ref
from rmqsync.model.definitions import Live
from rmqsync.model.errors import Refused
from rmqsync.model.marker import PREFIX, Marker
from rmqsync.model.marker_reading import NotAMarker, read_marker
from rmqsync.model.times import stamp
from rmqsync.planning.fences import is_fence_of
from rmqsync.planning.marking import Place, begun, ended, is_due, moves
from rmqsync.planning.ownership import Ownership
from rmqsync.planning.plan import context_of
from rmqsync.version import __version__


def now() -> str:
    """Return the time as markers have it: UTC, ISO 8601."""
    return stamp(datetime.now(UTC))


def marker_path(owner: str) -> tuple[str, ...]:
    """Return where the marker of an owner is, as the path of a `Request`."""
    return ("global-parameters", PREFIX + owner)


def marker_request(owner: str, marker: Marker) -> Request:
    """Return the call that stores a marker."""
    return Request("PUT", marker_path(owner), {"value": marker.document()})


def marker_query(owner: str) -> Request:
    """Return the call that reads a marker: an object with its `value`."""
    return Request("GET", marker_path(owner))


def begin(
    planned: Planned, broker: Broker, run: str | None = None, *, is_locked: bool = True
) -> None:
    """
    Say that a run is under way. Raises as `Broker.send` does: nothing may be written then.

    Without a lock somebody may have paused the cluster since it was read: raises `Refused` then.
    """
    if not planned.own.is_judged:
        return
    if not is_locked:
        _check_not_stopped(planned, broker)
    assert planned.live is not None
    assert planned.desired is not None
    taken = undeclared(planned.plan, planned.live.rows, planned.desired.rows)
    marker = begun(planned.own, _place(planned, planned.live, run), taken)
    broker.send(marker_request(_claim(planned).owner, marker))


def _check_not_stopped(planned: Planned, broker: Broker) -> None:
    assert planned.live is not None
    claim = _claim(planned)
    answer = broker.get(marker_query(claim.owner))
    value = answer.get("value") if isinstance(answer, dict) else None
    if value == planned.live.markers.get(claim.owner):
        return  # what it says was heeded in the plan, or is foreign and to be taken over
    try:
        marker = read_marker(value)
    except NotAMarker:
        return  # removed since
    hold = stopped(planned.plan.name, marker, pins_anew=claim.pin is not None)
    if hold is not None:
        raise Refused(f"{hold.reason}; allow it with: {hold.override}")


def due(planned: Planned) -> Marker | None:
    """
    Return the marker that a run which changes nothing has to write; `None` where there is none.

    What is held goes on to wait; all else is taken into ownership as it is. One that is allowed to
    rewind settles which commit it is that says so.
    """
    plan = planned.plan
    if not planned.own.is_judged or planned.live is None or planned.desired is None:
        return None
    if plan.applicable or planned.own.refusal is not None or not _is_whole(planned):
        return None
    after = _after(planned, planned.own, planned.live, _waiting(plan), made=False)
    return after if moves(planned.own) or is_due(planned.own.marker, after) else None


def _waiting(plan: ClusterPlan) -> set[Ref]:
    """Return all that a plan of held changes leaves as it is, also what would go with another."""
    deleted = (one for one in plan.changes if one.action is Action.DELETE)
    return {one.ref for one in plan.changes} | {
        ref for one in deleted for ref in one.impact.implied
    }


def end_as_it_is(planned: Planned, broker: Broker, *, is_locked: bool = True) -> None:
    """Write the marker that is `due`, if one is. Raises as `begin` does."""
    marker = due(planned)
    if marker is None:
        return
    if not is_locked:
        _check_not_stopped(planned, broker)
    _store(planned, broker, marker)


def fences_left(planned: Planned) -> bool:
    """Tell whether a killed run left publishers shut out of a queue, and this one may end that."""
    if planned.live is None or planned.target.amqp is None or planned.own.refusal is not None:
        return False
    owner = planned.target.owner
    return any(is_fence_of(owner, ref.key[1]) for ref in planned.live.fences)


def has_to_write(planned: Planned) -> bool:
    """Tell whether a run has anything to write at all: changes, the marker, what one left."""
    return bool(planned.plan.applicable) or due(planned) is not None or fences_left(planned)


def end(
    planned: Planned,
    broker: Broker,
    live: Live,
    open_: Iterable[Ref],
    run: str | None = None,
    partly: Iterable[Change] = (),
    taken: Collection[Ref] = (),
) -> None:
    """
    Say what a run left: `live` was read after it. Raises as `Broker.send` does.

    `partly` and `taken` as in `planning.marking.ended`.
    """
    if not planned.own.is_judged or planned.desired is None:
        return
    own = _as_stopped_now(planned, live)
    _store(planned, broker, _after(planned, own, live, open_, run, partly, taken))


def _store(planned: Planned, broker: Broker, marker: Marker) -> None:
    assert planned.desired is not None
    broker.send(marker_request(_claim(planned).owner, marker))
    if planned.own.current is not None and not planned.target.options.allow_plain_secrets:
        keep_compiled(_claim(planned), planned.own.current, planned.desired)


def _after(
    planned: Planned,
    own: Ownership,
    live: Live,
    open_: Iterable[Ref],
    run: str | None = None,
    partly: Iterable[Change] = (),
    taken: Collection[Ref] = (),
    *,
    made: bool = True,
) -> Marker:
    assert planned.desired is not None
    return ended(
        own,
        _place(planned, live, run),
        planned.desired,
        live.rows,
        open_,
        adopted=_is_whole(planned) and _adopts(planned),
        partly=partly,
        taken=taken,
        made=made,
        context=context_of(planned.desired, live, planned.target.context),
    )


def _adopts(planned: Planned) -> bool:
    """
    Tell whether what was there before may be changed from now on.

    Somebody said so, or there is nothing of it to change. What is held waits for a yes, whichever
    hold is named: that one may go in time. And nobody was asked where nothing could be applied.
    """
    plan, own = planned.plan, planned.own
    if own.adopts and (plan.applicable or not own.is_attended or _claim(planned).adopt):
        return True
    return all(change.action is Action.CREATE for change in plan.held)


def _as_stopped_now(planned: Planned, live: Live) -> Ownership:
    """Take over a pause or pin, or the end of one, that came while the run was under way."""
    own = planned.own
    try:
        found = read_marker(live.markers[_claim(planned).owner])
    except (KeyError, NotAMarker):
        return own
    known = own.marker or Marker(__version__, planned.target.name)  # the run began with none
    if found.cluster != known.cluster:
        return own
    return replace(own, marker=replace(known, paused=found.paused, pinned=found.pinned))


def _is_whole(planned: Planned) -> bool:
    """Tell whether a run saw all there is: of the rest it can say nothing."""
    rules = planned.target.rules
    return not (rules.targets or rules.excludes)


def _claim(planned: Planned) -> Claim:
    assert planned.target.claim is not None  # judged is only what has one
    return planned.target.claim


def _place(planned: Planned, live: Live, run: str | None) -> Place:
    target = planned.target
    return Place(
        version=__version__,
        cluster=target.name,
        members=live.nodes,
        repository=planned.root_commit,
        scope_vhosts=target.rules.scope.vhosts,
        scope_kinds=target.rules.scope.kinds,
        rabbitmq_version=live.version,
        at=now(),
        run=run,
        salt=secrets.token_hex(8),
        pin=_claim(planned).pin,
    )
