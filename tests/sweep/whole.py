"""All trials on one generation, and the table of what they came to."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.brokers import running
from tests.sweep.proxy import Proxy
from tests.sweep.scenarios import SCENARIOS
from tests.sweep.sweep import Row, Sweep, Trial

GENERATIONS = ("r310", "r40", "r43")
HEADER = (
    f"{'broker':<6} {'scenario':<38} {'requests':>8} {'faults':>7} {'missed':>7} {'broken':>7}"
    "  exit codes"
)


def sweep_on(generation: str, share: int, shares: int, names: Sequence[str]) -> dict[str, Row]:
    """Carry out a share of the trials of the scenarios of these names, on a broker of its own."""
    scenarios = [one for one in SCENARIOS if one.name in names]
    rows: dict[str, Row] = {}
    with (
        running(f"{generation}-sweep-{share}") as broker,
        Proxy(broker) as proxy,
        tempfile.TemporaryDirectory() as folder,
    ):
        sweep = Sweep(broker, proxy, Path(folder))
        for scenario in scenarios:
            rows[scenario.name] = Row(len(sweep.stage(scenario).requests))
        trials = sweep.all_of(scenarios, share, shares)
        random.Random(share).shuffle(trials)  # so that a part of it is a sample of the whole
        tell = _Teller(f"{generation}, broker {share}", len(trials))
        for carry_out in trials:
            trial = carry_out()
            rows[trial.scenario.name].add(trial)
            tell(trial, sum_of(rows.values()))
    return rows


class _Teller:
    """Tells of broken promises at once, and now and then how far it is."""

    def __init__(self, title: str, trials: int) -> None:
        self._title = title
        self._trials = trials
        self._told_at = time.monotonic()

    def __call__(self, trial: Trial, so_far: Row) -> None:
        if trial.found.problem is not None:
            print(f"BROKEN {self._title}, {trial}\n{trial.found.problem}\n", flush=True)
        if time.monotonic() - self._told_at > 60:
            self._told_at = time.monotonic()
            done, codes = so_far.codes.total(), dict(sorted(so_far.codes.items()))
            text = (
                f"{self._title}: {done} of {self._trials} trials, {so_far.broken} broken, {codes}"
            )
            print(text, file=sys.stderr, flush=True)


def sum_of(rows: Iterable[Row]) -> Row:
    """Add up several rows."""
    total = Row()
    for row in rows:
        total.requests += row.requests
        total.faults += row.faults
        total.missed += row.missed
        total.broken += row.broken
        total.codes.update(row.codes)
    return total


def line(generation: str, name: str, row: Row) -> str:
    """Return one line of the table."""
    codes = "  ".join(
        f"{'killed' if code < 0 else code}: {number}" for code, number in sorted(row.codes.items())
    )
    numbers = f"{row.requests:>8} {row.faults:>7} {row.missed:>7} {row.broken:>7}"
    return f"{generation:<6} {name:<38} {numbers}  {codes}"
