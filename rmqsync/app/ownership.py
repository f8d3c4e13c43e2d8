"""
Read the marker of a cluster, and find in git what it says was applied last.

What is believed and what is held is decided here once; whose change each difference is, in
`planning.ownership`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from rmqsync.app.claim import Claim
from rmqsync.app.foreign_marker import believed, foreign_findings
from rmqsync.app.past import PastOf
from rmqsync.app.ports import Checkout
from rmqsync.app.stops import stopped
from rmqsync.model.changes import Hold, HoldCode
from rmqsync.model.definitions import Desired, Live
from rmqsync.model.errors import (
    BrokerError,
)
from rmqsync.model.findings import Finding, note, warning
from rmqsync.model.marker import MOST_ADDRESSES, Entry, Marker
from rmqsync.model.marker_reading import NotAMarker, scope_in
from rmqsync.planning.outstanding import not_there
from rmqsync.planning.ownership import Ownership
from rmqsync.planning.scopes import overlap
from rmqsync.version import __version__

TAKEN: Final = "RMQ106"
"""Code of the finding about what a killed run took and did not put back."""
_NAMED = 20
"""How many objects a message names before it counts the rest."""


def ownership_of(
    name: str,
    claim: Claim,
    checkout: Checkout,
    entry: Entry,
    live: Live,
    scope: tuple[tuple[str, ...], tuple[str, ...]],
    past: PastOf,
    desired: Desired | None = None,
) -> tuple[Ownership, list[Finding]]:
    """
    Return whose the objects of one cluster are, and what is to be said about it.

    `scope` is vhosts and kinds. With `desired`, what a marker that does not count declared alone is
    named. Raises `BrokerError` where another owner's scope overlaps.
    """
    _check_others(name, claim, live, scope)
    marker, refusal, foreign = believed(
        name, claim.owner, checkout, live, takes_over=claim.take_over
    )
    findings: list[Finding] = []
    unread = _unread(marker, entry, past) if marker is not None else []
    if marker is not None and unread:
        if claim.forget_revision:
            findings.append(_forgotten(name, unread))
            marker = _without_history(marker)
        else:
            findings.append(_unreadable(name, unread))
    if marker is not None:
        findings += _left_out(name, marker, live)
        findings += _without_commit(name, marker, entry)
    if foreign is not None:
        wanted = desired or Desired({}, {})
        findings += foreign_findings(name, foreign, refusal, checkout, wanted, live, scope, past)
    if refusal is None and marker is not None:
        refusal = stopped(name, marker, pins_anew=claim.pin is not None)
        refusal = refusal or _not_ahead(claim, checkout, marker, entry)
    aside = _aside(checkout, marker, entry) if marker is not None else {}
    if refusal is None and entry.commit is not None and not claim.allow_rewind:
        findings += _branched(name, aside)
    return (
        Ownership(
            is_judged=True,
            marker=marker,
            current=entry,
            refusal=refusal,
            past=past,
            adopts=claim.adopt or claim.attended,
            is_attended=claim.attended,
            heals=claim.heals,
            is_upgraded=marker is not None
            and (marker.version, marker.rabbitmq_version) != (__version__, live.version),
            is_aside=bool(aside),
            rewinds=claim.allow_rewind,
        ),
        findings,
    )


def _check_others(
    name: str, claim: Claim, live: Live, scope: tuple[tuple[str, ...], tuple[str, ...]]
) -> None:
    for owner, value in sorted(live.markers.items()):
        if owner == claim.owner:
            continue
        try:
            other = scope_in(value)
        except NotAMarker as problem:
            raise BrokerError(
                f"{name}: the marker of owner '{owner}' cannot be used ({problem}), so nobody "
                f"knows what is theirs; mend it, or remove it with rmqsync disown --owner {owner}"
            ) from problem
        common = overlap(scope, other)
        if common is not None:
            raise BrokerError(
                f"{name}: owner '{owner}' manages {common} too; narrow scope in the settings of "
                "one of the two repositories. If `owner` was changed in the settings, remove the "
                f"marker of before with rmqsync disown {name} --owner {owner}, and then apply "
                "--adopt: what is not declared any more by then is unmanaged, so let a run under "
                f"owner '{owner}' delete it first if it is to go"
            )


def _unread(marker: Marker, entry: Entry, past: PastOf) -> list[Entry]:
    """Return what the marker names and nobody can compile here."""
    return [
        one
        for one in marker.mentioned
        if one.commit is not None and one.content != entry.content and past(one) is None
    ]


def _without_history(marker: Marker) -> Marker:
    return replace(
        marker, applied=None, running=None, runs=(), outstanding=(), unrestored=marker.taken
    )


def _unreadable(name: str, unread: Iterable[Entry]) -> Finding:
    return warning(
        "RMQ100",
        f"{name}: what was applied last ({_commits(unread)}) cannot be read here, so that nobody "
        "can tell drift from change, and nothing is deleted because it is not declared",
        hint="get the commit with git fetch (--unshallow), or give it up with "
        "apply --forget-revision: what it alone declared becomes unmanaged",
    )


def _forgotten(name: str, unread: Iterable[Entry]) -> Finding:
    return warning(
        "RMQ102",
        f"{name}: {_commits(unread)} is given up: what it alone declared is unmanaged from now on, "
        "and listed as that",
    )


def _left_out(name: str, marker: Marker, live: Live) -> Iterator[Finding]:
    """Tell what a run that was killed amid a replacement did not put back, and nobody declares."""
    for one in marker.taken:
        missing = not_there(one.addresses, live.rows)
        if missing:
            more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
            more += " (of many: perhaps not all)" if len(one.addresses) >= MOST_ADDRESSES else ""
            yield warning(
                TAKEN,
                f"{name}: run {one.run} replaced what these hung on, and is under way or was "
                f"killed before it put them back: {', '.join(missing[:_NAMED])}{more}; nobody "
                "declares them",
                hint="declare what is wanted; the export from before that run is in its backup",
            )


def _without_commit(name: str, marker: Marker, entry: Entry) -> Iterator[Finding]:
    """Tell that nobody knows what was declared before, where it was in no commit."""
    is_known = any(one.commit is not None for one in marker.entries)
    if entry.commit is None and not is_known:
        yield note(
            "RMQ109",
            f"{name}: these files are in no git repository, so that nobody can tell what was taken "
            "out of them: nothing is deleted because it is not declared",
            hint="state: absent deletes an object",
        )
    elif entry.commit is not None and any(one.commit is None for one in marker.entries):
        yield warning(
            "RMQ110",
            f"{name}: what was applied last was a backup, or files in no git repository: what it "
            "had and these definitions do not declare is unmanaged, and stays, but for what waited "
            "to be deleted already",
            hint="declare what is wanted, state: absent for the rest",
        )


def _commits(entries: Iterable[Entry]) -> str:
    commits = sorted({one.commit[:12] for one in entries if one.commit})
    return f"commit {', '.join(commits)}"


def _not_ahead(claim: Claim, checkout: Checkout, marker: Marker, entry: Entry) -> Hold | None:
    if claim.allow_rewind:
        return None
    for one in marker.entries:
        reason = _behind(checkout, one, entry)
        if reason is not None:
            return Hold(HoldCode.NOT_AHEAD, reason, "--allow-rewind")
    return None


def _behind(checkout: Checkout, applied: Entry, entry: Entry) -> str | None:
    """Return why a revision may be older than what was applied; `None` where it is not."""
    if applied.commit is None or applied.content == entry.content:
        return None
    short = applied.commit[:12]
    if checkout.past is None:
        return f"commit {short} was applied last, and these files are in no git repository"
    is_ahead = checkout.past.descends_from(applied.commit)
    if is_ahead is None:
        same = checkout.past.with_tree(applied.tree, applied.path, applied.layers, None)
        commit = same.revision.commit if same is not None else None
        is_ahead = checkout.past.descends_from(commit) if commit is not None else None
    if is_ahead is None:
        return (
            f"commit {short} was applied last and is not at hand, so this revision may be older; "
            "git fetch gets it, in a shallow clone with --unshallow"
        )
    if not is_ahead:
        return f"this revision does not descend from commit {short}, which was applied last"
    return None


def _aside(checkout: Checkout, marker: Marker, entry: Entry) -> dict[str, bool | None]:
    """
    Return commits that say the same as this revision, and that it is not known to descend from.

    By each, what is known: False that it does not, `None` that nobody can tell by what is at hand.
    """
    commits = {one.commit for one in marker.entries if one.content == entry.content}
    found = {
        commit: checkout.past.descends_from(commit, at_hand=True) if checkout.past else None
        for commit in commits
        if commit is not None and commit != entry.commit
    }
    return {commit: is_ahead for commit, is_ahead in found.items() if not is_ahead}


def _branched(name: str, aside: Mapping[str, bool | None]) -> Iterator[Finding]:
    """
    Tell that a later commit will be held though this one is not.

    The marker stays where it is by itself: what says the same may be an older commit, and those
    that follow on it are older too.
    """
    off = sorted(commit for commit, is_ahead in aside.items() if is_ahead is False)
    if off:
        yield note(
            "RMQ118",
            f"{name}: this revision says the same as commit {off[0][:12]}, which was applied last, "
            "but does not descend from it: the next one that says anything else will be held "
            "(not-ahead)",
            hint="where this one took its place, as after a squash or a rebase, settle that now "
            "with apply --allow-rewind",
        )
