"""A sample of the fault sweep; `make sweep` runs all of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

from tests.brokers import Broker
from tests.conftest import FIGURE
from tests.sweep.proxy import Proxy
from tests.sweep.sweep import Sweep

SCENARIOS = 5
TRIALS_OF_EACH = 2


def test_whatever_request_fails_nothing_is_lost_and_the_next_run_converges(
    broker: Broker, seed: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(f"{seed} {broker.generation.name}")
    with Proxy(broker) as proxy:
        sweep = Sweep(broker, proxy, tmp_path)
        trials = list(sweep.sample(chance, SCENARIOS, TRIALS_OF_EACH))

    again = f"RMQSYNC_SWEEP_SEED={seed}"
    record_property(FIGURE, f"{broker.version} fault sweep: {len(trials)} trials, {again}")
    broken = [f"{one}\n{one.found.problem}" for one in trials if one.found.problem]
    assert not broken, f"{again}\n" + "\n\n".join(broken)
