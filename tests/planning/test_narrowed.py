"""What was applied, and is outside of a scope that was narrowed since."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rmqsync.config.cluster import Scope
from rmqsync.model.address import Pattern
from rmqsync.model.definitions import Removed, Rows
from rmqsync.model.findings import Finding
from rmqsync.model.marker import Entry, Marker
from rmqsync.planning.narrowed import out_of_sight
from rmqsync.planning.ownership import Ownership, Past
from rmqsync.planning.rules import Rules
from tests.planning.builders import desired_of, queue, rows, vhost

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
