"""
Pause, resume and disown: what people say of a cluster in its marker, so that every writer obeys.

A read of the parameter and one write; where the cluster has a lock, nobody else writes meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from rmqsync.app.lock import Waiting, WhileHeld, take_locks
from rmqsync.app.marking import marker_path, marker_query, marker_request, now
from rmqsync.app.plan import Target
from rmqsync.app.ports import Broker
from rmqsync.app.stops import lasts
from rmqsync.kinds.base import Request
from rmqsync.model.errors import BrokerError, Refused, UsageError
from rmqsync.model.marker import LONGEST_TEXT, Marker, Stop
from rmqsync.model.marker_reading import NotAMarker, read_marker
from rmqsync.version import __version__


def pause(target: Target, stop: Stop, waiting: Waiting) -> None:
    """
    Keep every run off a cluster until `resume`, or the end of the pause.

    Raises `BrokerError`, or `Refused` for a marker that cannot be used or is another cluster's.
    """

    def change(marker: Marker | None) -> Marker:
        scope = target.rules.scope
        known = marker or Marker(
            __version__, target.name, scope_vhosts=scope.vhosts, scope_kinds=scope.kinds
        )
        return replace(known, paused=stop)

    _rewrite(target, change, waiting)


def resume(target: Target, waiting: Waiting) -> Marker | None:
    """Let runs go on: end pause and pin; return the marker as it was. Raises as `pause` does."""
    before: list[Marker | None] = []

    def change(marker: Marker | None) -> Marker | None:
        before.append(marker)
        if marker is None or (marker.paused is None and marker.pinned is None):
            return None
        return replace(marker, paused=None, pinned=None)

    _rewrite(target, change, waiting)
    return before[0]


def disown(target: Target, owner: str, waiting: Waiting) -> bool:
    """
    Remove the marker of an owner, whatever it says; return whether there was one.

    The objects stay, and are nobody's then. Raises `BrokerError`.
    """
    with _locked(target, waiting) as broker:
        if broker.get(marker_query(owner)) is None:
            return False
        broker.send(Request("DELETE", marker_path(owner)))
    return True


def ended_with(target: Target, owner: str) -> list[str]:
    """
    Return what of an owner's marker keeps runs off the cluster, and would end with it, in words.

    Nothing for a marker that cannot be used: no run obeys it. Raises `BrokerError`.
    """
    answer = target.reader.get(marker_query(owner))
    try:
        marker = read_marker(answer.get("value") if isinstance(answer, dict) else None)
    except NotAMarker:
        return []
    stops = (("pause", marker.paused), ("pin", marker.pinned))
    return [
        f"its {word} ({stop.reason})" for word, stop in stops if stop is not None and lasts(stop)
    ]


def _rewrite(
    target: Target, change: Callable[[Marker | None], Marker | None], waiting: Waiting
) -> None:
    assert target.claim is not None
    owner = target.claim.owner
    with _locked(target, waiting) as broker:
        marker = change(_marker(target, broker, owner))
        if marker is not None:
            broker.send(marker_request(owner, marker))


def _marker(target: Target, broker: Broker, owner: str) -> Marker | None:
    answer = broker.get(marker_query(owner))
    if answer is None:
        return None
    value = answer.get("value") if isinstance(answer, dict) else None
    try:
        marker = read_marker(value)
    except NotAMarker as problem:
        raise Refused(
            f"cluster '{target.name}': the marker of owner '{owner}' cannot be used: {problem}; "
            "rmqsync disown removes it"
        ) from problem
    if marker.cluster != target.name:
        raise Refused(
            f"cluster '{target.name}': the marker is of cluster '{marker.cluster}'; "
            "apply --take-over replaces it"
        )
    return marker


@contextmanager
def _locked(target: Target, waiting: Waiting) -> Iterator[Broker]:
    """Give the cluster, to be written while its lock is held; as it is where it has none."""
    locks = take_locks([target], waiting)
    try:
        refused = locks.refused.get(target.name)
        if refused is not None:
            raise BrokerError(f"cluster '{target.name}': {refused}")
        lock = locks.held.get(target.name)
        yield target.reader if lock is None else WhileHeld(target.reader, lock)
    finally:
        locks.release()


def stop_of(reason: str, by: str | None, until: str | None) -> Stop:
    """
    Return a pause, or a pin, that begins now.

    Raises `UsageError` for what could not be read in the marker again: it would be spoilt.
    """
    who = None if by is None else _text("name of who does it", by)
    return Stop(_text("reason", reason), who, now(), until)


def _text(what: str, value: str) -> str:
    found = value.strip()
    if not found:
        raise UsageError(f"the {what} is empty")
    if len(found) > LONGEST_TEXT:
        raise UsageError(f"the {what} has {len(found)} characters, at most {LONGEST_TEXT} are kept")
    return found
