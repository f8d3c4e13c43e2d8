"""What people are told of: decided from what was and what is. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rmqsync.app.ownership import TAKEN
from rmqsync.config.settings import Event
from rmqsync.daemon.documents import ClusterDetailDocument
from rmqsync.daemon.drifts import Noted
from rmqsync.daemon.groups import grouped
from rmqsync.daemon.ways import held_for, together, ways
from rmqsync.model.counts import number_of
from rmqsync.report.document import ChangeDocument, ClusterDocument

_MOST_LINES = 20
_MOST_WAYS = 8
_HELP = "declare what is wanted; the export from before that run is in its backup"
_ONLY_REPORTED = (
    "there is nothing to allow: the mode of the cluster is report, so it is compared and never "
    "written"
)
_STATES: Mapping[str, Event] = {
    "failed": Event.FAILED,
    "held": Event.HELD,
    "unreachable": Event.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that somebody may want to know."""

    event: Event
    cluster: str
    title: str
    lines: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    """More clusters that it is about."""
    is_good: bool = False
    """Something is over that was told before."""


@dataclass(frozen=True, slots=True)
class Said:
    """What people have been told of a cluster, and is not over."""

    events: frozenset[Event] = frozenset()
    held: Mapping[str, str] = field(default_factory=dict)
    """Why each change is held, by address: the codes of the last look at which any were held."""


def happenings(
    told: Said, after: ClusterDetailDocument, noted: Noted | None, *, in_run: bool = False
) -> tuple[list[Happening], Said]:
    """
    Return what is to be told, and what has been told then and is not over.

    A cluster that cannot be read says nothing of what was held, failed or drifted: that is not
    over. `noted` is there where it was read, though a run may have failed. `in_run` says that what
    failed was a run: else it was a comparison.
    """
    found = [] if noted is None else _drift(after["name"], noted)
    name, sync = after["name"], after["sync"]
    now = _STATES.get(sync)
    if sync == "unknown":
        return found, told
    is_calm = sync not in ("unreachable", "failed")
    is_read = is_calm or noted is not None
    over = {
        one
        for one in told.events
        if one is not now and (is_read if one is Event.UNREACHABLE else is_calm)
    }
    held = _held(after) if now is Event.HELD else []
    codes = {one["address"]: _code(one) for one in held}
    if now is not None and now not in told.events:
        lines = _hold_lines(after, held) if now is Event.HELD else _error(after)
        words = _RUN_FAILED if now is Event.FAILED and in_run else _WORDS[now]
        found.append(Happening(now, name, f"cluster {name}: {words}", lines))
    else:
        found += _held_anew(after, held, told.held)
    for one in sorted(over, key=lambda event: event.value):
        found.append(Happening(one, name, f"cluster {name}: {_OVER[one]}", is_good=True))
    events = (told.events - over) | ({now} if now is not None else set())
    known = codes if now is Event.HELD else told.held
    return found, Said(events, known if Event.HELD in events else {})


def losses(
    said: frozenset[str], after: ClusterDetailDocument
) -> tuple[list[Happening], frozenset[str]]:
    """Return what killed runs took, where it is not told yet, and all of it as it stands now."""
    if after["plan"] is None or after["sync"] in ("unreachable", "unknown"):
        return [], said
    found = {one["message"] for one in after["plan"]["findings"] if one["code"] == TAKEN}
    title = f"cluster {after['name']}: a run was killed amid a replacement"
    new = sorted(found - said)
    told = [Happening(Event.FAILED, after["name"], title, (*new, _HELP))] if new else []
    return told, frozenset(found)


_RUN_FAILED = "the last run failed"
_WORDS = {
    Event.FAILED: "the last comparison failed",
    Event.HELD: "changes are held",
    Event.UNREACHABLE: "it cannot be reached",
}
_OVER = {
    Event.FAILED: "it does not fail any more",
    Event.HELD: "nothing is held any more",
    Event.UNREACHABLE: "it can be reached again",
}


def _error(after: ClusterDetailDocument) -> tuple[str, ...]:
    return (after["error"],) if after["error"] else ()


def _held(after: ClusterDetailDocument) -> Sequence[ChangeDocument]:
    return [] if after["plan"] is None else grouped(after["plan"]["changes"]).held


def _code(change: ChangeDocument) -> str:
    return change["hold"]["code"] if change["hold"] is not None else ""


def _held_anew(
    after: ClusterDetailDocument, held: Sequence[ChangeDocument], told: Mapping[str, str]
) -> Iterator[Happening]:
    """Yield what is held beside what was told, and what is held by another guard than was told."""
    new = [one for one in held if one["address"] not in told]
    other = [one for one in held if told.get(one["address"], _code(one)) != _code(one)]
    for some, more, why in ((new, "more ", ""), (other, "", " for another reason now")):
        if some:
            are = "change is" if len(some) == 1 else "changes are"
            title = f"cluster {after['name']}: {len(some)} {more}{are} held{why}"
            yield Happening(Event.HELD, after["name"], title, _hold_lines(after, some))


def _hold_lines(after: ClusterDetailDocument, held: Sequence[ChangeDocument]) -> tuple[str, ...]:
    lines = []
    for one in held[:_MOST_LINES]:
        hold = one["hold"]
        assert hold is not None
        lines.append(f"{one['action']} {one['address']}: {hold['reason']}")
    if len(held) > _MOST_LINES:
        lines.append(f"and {len(held) - _MOST_LINES} more")
    return (*lines, *([_ONLY_REPORTED] if after["mode"] == "report" else _ways_out(after, held)))


def _ways_out(after: ClusterDetailDocument, held: Sequence[ChangeDocument]) -> Iterator[str]:
    """Yield what allows held changes, once for each: commands, and what to write where."""
    name = after["name"]
    several = {one.code: len(one.addresses) for one in together(held)}
    lines: dict[str, None] = {}
    for one in held:
        found = ways(name, one)
        commands = found.commands
        if one["hold"] is not None and held_for(one["hold"]) in several:
            commands = (shlex.join(["rmqsync", "approve", name]), *commands[1:])
        lines.update({f"to allow: {command}": None for command in commands})
        if found.written is not None:
            lines[f"to allow {one['address']}: {found.written}"] = None
    shown = list(lines)
    yield from shown[:_MOST_WAYS]
    if len(shown) > _MOST_WAYS:
        yield f"and {len(shown) - _MOST_WAYS} more ways: the page of the cluster has all"


def _drift(name: str, noted: Noted) -> list[Happening]:
    found = []
    if noted.new:
        lines = [
            one["address"] + (f" ({one['times']} times by now)" if one["times"] > 1 else "")
            for one in noted.new[:_MOST_LINES]
        ]
        if len(noted.new) > _MOST_LINES:
            lines.append(f"and {len(noted.new) - _MOST_LINES} more")
        title = f"cluster {name}: {number_of(len(noted.new), 'object')} changed outside of rmqsync"
        found.append(Happening(Event.DRIFT, name, title, tuple(lines)))
    if noted.gone:
        lines = [one.address for one in noted.gone[:_MOST_LINES]]
        title = f"cluster {name}: {number_of(len(noted.gone), 'object')} no longer drifted"
        found.append(Happening(Event.DRIFT, name, title, tuple(lines)))
    return found


def run_happening(
    cluster: str, status: str, outcome: ClusterDocument, run: str
) -> Happening | None:
    """Return what to tell of a run; `None` for one that did nothing."""
    done = [one for one in outcome["changes"] if one.get("result") == "applied"]
    if not done:
        return None
    lines = [f"{one['action']} {one['address']}" for one in done[:_MOST_LINES]]
    if len(done) > _MOST_LINES:
        lines.append(f"and {len(done) - _MOST_LINES} more")
    title = f"cluster {cluster}: run {run[:8]} {status}, {number_of(len(done), 'change')} made"
    return Happening(Event.APPLIED, cluster, title, tuple(lines))
