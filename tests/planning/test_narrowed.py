"""What was applied, and is outside of a scope that was narrowed since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmqsync.config.cluster import Prune, Scope
from rmqsync.model.address import Pattern
from rmqsync.model.definitions import Removed, Rows
from rmqsync.model.findings import Finding, Severity
from rmqsync.model.marker import Entry, Marker, Outstanding
from rmqsync.planning.narrowed import let_be, out_of_sight
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.rules import Rules
from tests.planning.builders import IDLE, desired_of, exchange, queue, rows, vhost
from tests.planning.test_removed import plan_of

THEN = Entry("a" * 40, "b" * 40, ".", ("base",))
NOW = Entry("c" * 40, "d" * 40, ".", ("base",))
BOTH = rows(vhost("v"), vhost("w"), queue("q", "v"), queue("q", "w"), ("user", {"name": "ann"}))
MINE = rows(vhost("v"), queue("q", "v"))
MARKER = Marker("0", "one", adopted=True, applied=THEN)
WIDE = Scope()
NARROW = Scope(vhosts=("v",))


def told(
    scope: Scope = NARROW,
    marker: Marker | None = MARKER,
    live: Rows = BOTH,
    removed: tuple[Removed, ...] = (),
    ignore: tuple[Pattern, ...] = (),
    last: Rows = BOTH,
) -> list[Finding]:
    pasts = {THEN.content: Past(last), NOW.content: Past(MINE)}
    own = Ownership(
        is_judged=True, marker=marker, current=NOW, past=lambda entry: pasts[entry.content]
    )
    rules = Rules(scope=scope, ignore=ignore)
    return list(out_of_sight(desired_of(MINE, removed=removed), live, rules, own))


def test_it_is_counted_and_named() -> None:
    (found,) = told()

    assert found.message.startswith(
        "outside of `scope` in the settings by now: 3 objects applied from here (vhost:w, "
        "user:ann, queue:w/q);"
    )


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"scope": WIDE}, id="all is in it"),
        pytest.param({"marker": None}, id="no marker"),
        pytest.param({"live": MINE}, id="gone already"),
        pytest.param({"last": MINE}, id="somebody else's"),
        pytest.param({"marker": replace(MARKER, scope_vhosts=("v",), applied=NOW)}, id="moved on"),
        pytest.param(
            {
                "removed": (Removed("user:ann", keep=True),),
                "ignore": (Pattern("vhost:w"), Pattern("queue:w/*")),
            },
            id="kept or ignored by name",
        ),
    ],
)
def test_else_there_is_nothing_to_say(case: dict[str, object]) -> None:
    assert told(**case) == []  # type: ignore[arg-type]


def test_a_killed_run_has_written_its_scope_and_not_what_it_applied() -> None:
    assert len(told(marker=replace(MARKER, scope_vhosts=("v",), running=NOW))) == 1


def spared(
    marker: Marker | None = MARKER,
    last: Rows = BOTH,
    removed: tuple[Removed, ...] = (),
    live: Rows = BOTH,
    **rules: object,
) -> list[Finding]:
    """What is told of a run that declares one vhost and its queue, and of three objects no more."""
    pasts = {THEN.content: Past(last), NOW.content: Past(MINE)}
    own = Ownership(
        is_judged=True, marker=marker, current=NOW, past=lambda entry: pasts[entry.content]
    )
    desired = desired_of(MINE, removed=removed)
    return list(let_be(desired, live, Rules(**rules), own))  # type: ignore[arg-type]


def test_what_git_gave_up_and_a_setting_spares_is_named_once() -> None:
    ignored, kept = spared(ignore=(Pattern("queue:w/*"),), prune=Prune.NEVER)

    assert ignored.message == (
        "no longer in the definitions, and under `ignore` in the settings: 1 object applied from "
        "here (queue:w/q); nothing of that is deleted, and the next run leaves it unmanaged"
    )
    assert ignored.hint is not None
    assert ignored.hint.startswith("take it out of `ignore` before that run")
    assert (ignored.code, ignored.severity) == ("RMQ117", Severity.WARNING)
    assert (
        "under `prune: never` in the settings: 2 objects applied from here (vhost:w, user:ann)"
        in (kept.message)
    )
    assert kept.severity is Severity.NOTE


@pytest.mark.parametrize(
    "case",
    [
        pytest.param({"prune": Prune.OWNED}, id="it is deleted"),
        pytest.param({"marker": None}, id="no marker"),
        pytest.param({"live": MINE}, id="gone already"),
        pytest.param({"last": MINE}, id="somebody else's"),
        pytest.param({"marker": replace(MARKER, applied=NOW)}, id="a run later"),
        pytest.param({"scope": NARROW}, id="out of scope, which is told by itself"),
        pytest.param(
            {
                "marker": replace(
                    MARKER, outstanding=(Outstanding(THEN, ("vhost:w", "user:ann", "queue:w/q")),)
                )
            },
            id="remembered",
        ),
        pytest.param(
            {
                "removed": tuple(
                    Removed(one, keep=True) for one in ("vhost:w", "user:ann", "queue:w/q")
                )
            },
            id="given up by name",
        ),
    ],
)
def test_else_nothing_is_said_of_it(case: dict[str, object]) -> None:
    assert spared(**{"prune": Prune.NEVER, **case}) == []  # type: ignore[arg-type]


def test_a_plan_says_so() -> None:
    plan = plan_of(rows(vhost(), exchange(), queue()), IDLE, (), ignore=(Pattern("queue:*"),))

    assert plan.changes == ()
    assert [one.code for one in plan.findings] == ["RMQ117"]
