"""
The whole sweep: every scenario, every request, every way to disturb it, on three generations.

    python -m tests.sweep                                   # hours
    python -m tests.sweep --generation r43 --scenario drift
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.sweep.whole import GENERATIONS, HEADER, line, sum_of, sweep_on


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sweep")
    parser.add_argument("--generation", action="append", choices=GENERATIONS)
    parser.add_argument("--scenario", default="", help="only those with this in their name")
    options = parser.parse_args(arguments)
    generations = options.generation or list(GENERATIONS)
    # Processes: the command line runs in a main thread, since it sets signal handlers.
    with ProcessPoolExecutor(len(generations), multiprocessing.get_context("spawn")) as pool:
        found = list(pool.map(partial(sweep_on, only=options.scenario), generations))
    print(HEADER)
    for generation, rows in zip(generations, found, strict=True):
        for name, row in [*rows.items(), ("all", sum_of(rows.values()))]:
            print(line(generation, name, row))
    total = sum_of(row for rows in found for row in rows.values())
    print(f"\n{total.faults} faults injected, {total.broken} trials with a broken promise")
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
