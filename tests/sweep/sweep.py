"""Which trials there are, all of them or a sample, and what they came to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.brokers import Broker
from tests.sweep.injections import INJECTIONS, Injection
from tests.sweep.proxy import Proxy
from tests.sweep.scenarios import SCENARIOS, Scenario, variant_of
from tests.sweep.trial import Found, Stage, try_one


@dataclass(frozen=True, slots=True)
class Trial:
    scenario: Scenario
    injection: Injection
    number: int
    """Of the request, from 1."""
    found: Found

    def __str__(self) -> str:
        harmed = ", ".join(dict.fromkeys(self.found.harmed)) or "none: the run was shorter"
        return f"{self.scenario.name}: {self.injection.name} at request {self.number} ({harmed})"


@dataclass(slots=True)
class Row:
    """What all trials of one scenario came to."""

    requests: int = 0
    faults: int = 0
    missed: int = 0
    """Trials in which the run ended before the request that was to be harmed."""
    codes: Counter[int] = field(default_factory=Counter)
    broken: int = 0

    def merge(self, other: Row) -> None:
        """Take in what another share of the trials of the same scenario came to."""
        self.requests = max(self.requests, other.requests)
        self.faults += other.faults
        self.missed += other.missed
        self.broken += other.broken
        self.codes.update(other.codes)

    def add(self, trial: Trial) -> None:
        self.faults += bool(trial.found.harmed)
        self.missed += not trial.found.harmed
        self.codes[trial.found.code] += 1
        self.broken += trial.found.problem is not None


class Sweep:
    """The stages of all scenarios on one broker, each prepared when it is first asked for."""

    def __init__(self, broker: Broker, proxy: Proxy, folder: Path) -> None:
        self._broker = broker
        self._proxy = proxy
        self._folder = folder
        self._stages: dict[tuple[str, int], Stage] = {}

    def stage(self, scenario: Scenario, variant: int = 0) -> Stage:
        known = (scenario.name, variant % scenario.variants)
        if known not in self._stages:
            folder = self._folder / f"{len(self._stages)}"
            chosen = variant_of(scenario, variant)
            self._stages[known] = Stage(chosen, self._broker, self._proxy, folder)
        return self._stages[known]

    def all_of(
        self, scenarios: Iterable[Scenario], share: int = 0, shares: int = 1
    ) -> list[Callable[[], Trial]]:
        """
        Return what disturbs every request of these scenarios in every way, or a share of it.

        All shares together are the whole, also where brokers differ in the number of requests.
        """
        return [
            partial(self._try, scenario, injection, request, len(INJECTIONS) * request + way)
            for scenario in scenarios
            for request in range(1, len(self.stage(scenario).requests) + 1)
            for way, injection in enumerate(INJECTIONS)
            if (request + way) % shares == share
        ]

    def sample(self, chance: random.Random, scenarios: int, trials: int) -> Iterator[Trial]:
        """Try some scenarios, each so many times."""
        for scenario in chance.sample(SCENARIOS, scenarios):
            for number in range(trials):
                request = chance.randint(1, len(self.stage(scenario).requests))
                yield self._try(scenario, chance.choice(INJECTIONS), request, number)

    def _try(self, scenario: Scenario, injection: Injection, request: int, number: int) -> Trial:
        found = try_one(self.stage(scenario, number), injection, request)
        return Trial(scenario, injection, request, found)
