"""
The whole sweep: every scenario, every request, every way to disturb it, on three generations.

    python -m tests.sweep                                   # hours
    python -m tests.sweep --generation r43 --scenario drift
    python -m tests.sweep --part 1/3                        # all three parts together are the whole
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.sweep.scenarios import SCENARIOS
from tests.sweep.sweep import Row
from tests.sweep.whole import GENERATIONS, HEADER, line, sum_of, sweep_on


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sweep")
    parser.add_argument("--generation", action="append", choices=GENERATIONS)
    parser.add_argument("--scenario", default="", help="only those with this in their name")
    parser.add_argument("--brokers", type=int, default=4, help="of each generation, side by side")
    parser.add_argument("--part", type=_part, default=(1, 1), metavar="K/N")
    options = parser.parse_args(arguments)
    generations = options.generation or list(GENERATIONS)
    names = [one.name for one in SCENARIOS if options.scenario in one.name]
    part, parts = options.part
    shares = [
        (generation, broker * parts + part - 1, options.brokers * parts, names)
        for generation in generations
        for broker in range(options.brokers)
    ]
    # Processes: the command line runs in a main thread, since it sets signal handlers.
    with ProcessPoolExecutor(len(shares), multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(sweep_on, *zip(*shares, strict=True)))
    rows = {(generation, name): Row() for generation in generations for name in names}
    for (generation, _, _, _), part in zip(shares, found, strict=True):
        for name, row in part.items():
            rows[generation, name].merge(row)
    print(HEADER)
    for generation in generations:
        for name in names:
            print(line(generation, name, rows[generation, name]))
        print(line(generation, "all", sum_of(rows[generation, name] for name in names)))
    total = sum_of(rows.values())
    print(f"\n{total.faults} faults injected, {total.broken} trials with a broken promise")
    return 1 if total.broken else 0


def _part(text: str) -> tuple[int, int]:
    part, _, parts = text.partition("/")
    found = int(part), int(parts)
    if not 1 <= found[0] <= found[1]:
        raise ValueError(text)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
