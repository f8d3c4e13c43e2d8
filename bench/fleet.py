"""
200 clusters of 5,000 objects each in one daemon, against a simulated API: `python -m bench.fleet`.

Two more clusters take part: one that takes 20 s for each answer, and one that nobody answers for.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.process import Figures, figures_of
from bench.report import Figure, table
from tests.daemon.daemons import Home, Running

LONGEST_S = 60.0
MOST_BYTES = 1_000_000_000


def definitions(objects: int) -> dict[str, Any]:
    """Return definitions of so many objects: a fifth queues, the rest bindings."""
    queues = objects // 5
    return {
        "vhosts": [{"name": "shop"}],
        "exchanges": [{"vhost": "shop", "name": "ex", "type": "topic"}],
        "queues": [{"vhost": "shop", "name": f"qu.{n}"} for n in range(queues)],
        "bindings": [
            {
                "vhost": "shop",
                "source": "ex",
                "destination": f"qu.{n % queues}",
                "routing_key": f"order.{n}.#",
            }
            for n in range(objects - queues - 2)
        ],
    }


def as_broker_has_it(document: dict[str, Any]) -> dict[str, Any]:
    """Return what a broker's export says of it."""
    flags = {"durable": True, "auto_delete": False, "arguments": {}}
    return {
        "vhosts": document["vhosts"],
        "exchanges": [{**one, **flags, "internal": False} for one in document["exchanges"]],
        "queues": [{**one, **flags} for one in document["queues"]],
        "bindings": [
            {**one, "destination_type": "queue", "arguments": {}} for one in document["bindings"]
        ],
    }


@contextmanager
def simulated(document: dict[str, Any], folder: Path) -> Iterator[int]:
    """Run the simulated API; yields its port."""
    file = folder / "simulated.json"
    file.write_text(json.dumps(as_broker_has_it(document)))
    server = subprocess.Popen(
        [sys.executable, "-m", "bench.simulated"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        server.stdin.write(f"{file}\n")
        server.stdin.flush()
        yield int(server.stdout.readline())
    finally:
        server.stdin.close()
        server.wait(10)


def home_of(folder: Path, port: int, clusters: int) -> Home:
    home = Home(folder / "home")
    home.environ["BROKER_PASSWORD"] = "fake-password"
    names = [f"c{number:03}" for number in range(clusters)]
    for name in (*names, "slow"):
        home.settings["clusters"][name] = _settings(f"http://127.0.0.1:{port}/{name}")
    home.settings["clusters"]["dead"] = _settings("http://127.0.0.1:9")
    home.settings["source"]["poll"] = "1h"
    return home


def _settings(endpoint: str) -> dict[str, Any]:
    return {
        "layers": ["base"],
        "endpoints": [endpoint],
        "username": "rmqsync",
        "password": {"env": "BROKER_PASSWORD"},
        "mode": "report",
        "every": "1h",
    }


def cycle(daemon: Running, names: list[str]) -> float:
    """Have every cluster compared; return how long it took until the last was."""
    before = {one["name"]: one["checked_at"] for one in daemon.get("/api/v1/fleet")["clusters"]}
    time.sleep(1.1)  # times are whole seconds
    started = time.monotonic()
    for name in (*names, "slow", "dead"):
        daemon.post(f"/api/v1/clusters/{name}/plan")

    def all_done() -> bool:
        now = {one["name"]: one["checked_at"] for one in daemon.get("/api/v1/fleet")["clusters"]}
        return all(now[name] != before[name] for name in names)

    daemon.until(all_done, "all are compared", 10 * LONGEST_S)
    return time.monotonic() - started


def measure(clusters: int, objects: int, rounds: int) -> tuple[list[float], Figures, Figures]:
    """Return the lengths of cycles, and the daemon between cycles and at its peak."""
    with tempfile.TemporaryDirectory(prefix="rmqsync-fleet-") as name:
        folder = Path(name)
        document = definitions(objects)
        with simulated(document, folder) as port:
            home = home_of(folder, port, clusters)
            home.push(json.dumps(document))
            names = [one for one in home.settings["clusters"] if one.startswith("c")]
            with home.running() as daemon:

                def all_in_sync() -> bool:
                    fleet = daemon.get("/api/v1/fleet")["clusters"]
                    states = {one["name"]: one["sync"] for one in fleet}
                    return all(states[name] == "in-sync" for name in names)

                daemon.until(all_in_sync, "all are in sync", 10 * LONGEST_S)
                times = [cycle(daemon, names) for _ in range(rounds)]
                time.sleep(3)
                now = figures_of(daemon.process.pid)
                return times, now, figures_of(daemon.process.pid)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--clusters", type=int, default=200)
    parser.add_argument("--objects", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    times, between, _ = measure(options.clusters, options.objects, options.rounds)
    what = f"{options.clusters} clusters × {options.objects:,} objects"
    shown = ", ".join(f"{one:.1f}" for one in times)
    found = [
        Figure("fleet", "full cycle", max(times), LONGEST_S, "s", f"{what}; {shown} s"),
        Figure("fleet", "memory between cycles", between.rss / 1e6, MOST_BYTES / 1e6, "MB", what),
        Figure("fleet", "memory at its peak", between.peak / 1e6, MOST_BYTES / 1e6, "MB", what),
    ]
    print(table(found, "one more cluster takes 20 s for each answer, one gives none"))
    return 0 if all(one.is_met for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
