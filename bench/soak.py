"""
Ten minutes with flapping git and flapping clusters: `python -m bench.soak [--minutes 10]`.

Commits come every second, some broken, some force-pushed; one cluster is real and drifts, others
vanish and come back. Memory, threads and descriptors have to be flat after a time to settle.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from bench.process import Figures, figures_of
from bench.report import Figure, table
from tests.brokers import Broker, running
from tests.daemon.daemons import Home, Running
from tests.fakes.faults import Reset
from tests.fakes.management import PASSWORD, USERNAME, FakeBroker

FLAPPING = 4
SAMPLES_S = 5.0
GROWTH = 1.15
"""How much more than at the settled level is still flat."""


def settings(home: Home, broker: Broker, fakes: list[FakeBroker]) -> None:
    home.cluster("real", broker, on_drift="heal")
    home.environ["FAKE_PASSWORD"] = PASSWORD
    for number, fake in enumerate(fakes):
        home.settings["clusters"][f"fake{number}"] = {
            "layers": ["base"],
            "endpoints": [fake.url],
            "username": USERNAME,
            "password": {"env": "FAKE_PASSWORD"},
            "every": "1s",
            "mode": "report",
        }
    home.settings["source"]["poll"] = "1s"


def document(number: int) -> dict[str, Any]:
    queues = [{"vhost": "shop", "name": f"qu.{n}"} for n in range(50 + number % 5)]
    parameter = {"name": "shop", "value": {"number": number % 7}}
    return {"vhosts": [{"name": "shop"}], "queues": queues, "global_parameters": [parameter]}


def flap(home: Home, fakes: list[FakeBroker], broker: Broker, turn: int) -> None:
    """Change one thing: git, a cluster's health, or a cluster past git."""
    if turn % 4 == 3:
        home.push("queues: [")
        return
    if turn % 8 == 4:
        home.git("push", "-q", "--force", "origin", "HEAD~1:main")
    home.push(json.dumps(document(turn)) + "\n" * (1 + turn % 2))
    fake = fakes[turn % len(fakes)]
    if turn % 2:
        fake.fail(Reset(), times=1000)
    else:
        fake.heal()
    with broker.management() as api:
        body = {"name": "shop", "value": {"number": "by hand"}}
        api.put("global-parameters", "shop", body=body)


def soak(minutes: float) -> list[Figures]:
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="rmqsync-soak-") as name:
        fakes = [FakeBroker() for _ in range(FLAPPING)]
        with running("r43-soak") as broker:
            for fake in fakes:
                fake.__enter__()
            try:
                home = Home(Path(name) / "home")
                settings(home, broker, fakes)
                home.push(document(0))
                with home.running() as daemon:
                    # Before that, what hands do would wait for somebody to adopt it.
                    daemon.until_cluster("real", "it is adopted", sync="in-sync")
                    _turns(home, fakes, broker, daemon, minutes, found)
            finally:
                for fake in fakes:
                    fake.heal()
                    fake.__exit__(None, None, None)
    return found


def _turns(
    home: Home,
    fakes: list[FakeBroker],
    broker: Broker,
    daemon: Running,
    minutes: float,
    found: list[Figures],
) -> None:
    end, sample_at = time.monotonic() + 60 * minutes, 0.0
    for turn in itertools.count(1):
        now = time.monotonic()
        if now > end:
            break
        assert daemon.process.poll() is None, daemon.text[-3000:]
        flap(home, fakes, broker, turn)
        if now >= sample_at:
            sample_at = now + SAMPLES_S
            found.append(figures_of(daemon.process.pid))
            daemon.get("/api/v1/fleet")
        time.sleep(1)
    good = home.push(document(1))
    daemon.until_cluster("real", "it has converged", sync="in-sync", commit=good)
    print(f"{turn} turns; runs: {len(daemon.get('/api/v1/runs?limit=1000')['runs'])}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    samples = soak(parser.parse_args().minutes)
    settled, last = samples[len(samples) // 4 : len(samples) // 2], samples[-len(samples) // 4 :]
    figures = []
    for what in ("rss", "threads", "descriptors"):
        one, other = (median(getattr(x, what) for x in part) for part in (settled, last))
        detail = f"{one:,.0f} settled, {other:,.0f} at the end"
        figures.append(Figure("soak", f"growth of {what}", other / one, GROWTH, "×", detail))
    print(table(figures, f"{len(samples)} samples"))
    return 0 if all(one.is_met for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
