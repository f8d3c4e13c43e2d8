"""Whether the marker on a cluster is this repository's, and what is forgotten with another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rmqsync.app.ports import Checkout
from rmqsync.config.cluster import Scope
from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.model.changes import Hold, HoldCode, Ref
from rmqsync.model.counts import number_of
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.errors import SourceError
from rmqsync.model.findings import Finding, warning
from rmqsync.model.marker import Entry, Marker
from rmqsync.model.marker_reading import NotAMarker, read_marker
from rmqsync.planning.foreign import some
from rmqsync.planning.ownership import Past
from rmqsync.planning.rules import in_scope


class Foreign(NamedTuple):
    """A marker that does not count."""

    reason: str
    marker: Marker | None
    """`None` where it cannot be understood."""


class Belief(NamedTuple):
    marker: Marker | None
    """Of this repository on this cluster."""
    refusal: Hold | None = None
    """Why nothing may be changed."""
    foreign: Foreign | None = None


def believed(name: str, owner: str, checkout: Checkout, live: Live, *, takes_over: bool) -> Belief:
    """Return the marker of this repository, or why it cannot be believed."""
    if owner not in live.markers:
        return Belief(None)
    marker = None
    try:
        marker = read_marker(live.markers[owner])
        reason = _foreign(name, marker, checkout, live)
    except NotAMarker as problem:
        reason = f"the marker on this cluster cannot be used: {problem}"
    if reason is None:
        return Belief(marker)
    hold = None if takes_over else Hold(HoldCode.FOREIGN_MARKER, reason, "--take-over")
    return Belief(None, hold, Foreign(reason, marker))


def _foreign(name: str, marker: Marker, checkout: Checkout, live: Live) -> str | None:
    if marker.cluster != name:
        return (
            f"the marker on this cluster is of cluster '{marker.cluster}': its definitions were "
            "copied here, or the cluster was renamed in the settings"
        )
    members, nodes = set(marker.members), set(live.nodes)
    if members and nodes and not members & nodes:
        return (
            f"the marker was written on {', '.join(sorted(members))}, and none of these is a "
            "member now: its definitions were copied here, or the cluster was rebuilt"
        )
    root = checkout.past.root_commit if checkout.past is not None else None
    if marker.repository is not None and root is not None and marker.repository != root:
        return f"the marker is of another repository, with the root commit {marker.repository}"
    return None


def foreign_findings(
    name: str,
    foreign: Foreign,
    refusal: Hold | None,
    checkout: Checkout,
    desired: Desired,
    live: Live,
    scope: tuple[tuple[str, ...], tuple[str, ...]],
    past: Callable[[Entry], Past | None],
) -> Iterator[Finding]:
    """Tell of a marker that does not count, and what nobody here knows to be ours without it."""
    left = _declared_there_alone(foreign.marker, checkout, desired, live, scope, past)
    them = "what was applied under it and is not declared any more"
    if left:
        number = number_of(len(left), "object")
        them = f"{number} applied under it and not declared any more ({some(left)})"
    if refusal is not None:
        hint = (
            f"apply {refusal.override} begins a new one, with --adopt where what is there differs;"
            f" unmanaged from then on: {them}"
        )
        yield warning("RMQ108", f"{name}: {foreign.reason}", hint=hint)
    elif left:
        yield warning(
            "RMQ108",
            f"{name}: the marker that is there is replaced. Unmanaged from now on: {them}",
        )


def _declared_there_alone(
    marker: Marker | None,
    checkout: Checkout,
    desired: Desired,
    live: Live,
    scope: tuple[tuple[str, ...], tuple[str, ...]],
    past: Callable[[Entry], Past | None],
) -> list[str]:
    """Return what was applied by a marker of this repository, from elsewhere; as far as known."""
    root = checkout.past.root_commit if checkout.past is not None else None
    if marker is None or root is None or marker.repository != root:
        return []  # another repository's commits are not looked for
    try:
        pasts = [found for entry in marker.mentioned if (found := past(entry)) is not None]
    except SourceError:
        return []
    within = Scope(vhosts=scope[0], kinds=scope[1])
    return [
        address_of(kind, key)
        for kind in KINDS
        for key in sorted(live.rows.get(kind.name, ()))
        if key not in desired.rows.get(kind.name, ())
        and any(one.row(Ref(kind.name, key)) is not None for one in pasts)
        and in_scope(within, kind, key)
    ]
