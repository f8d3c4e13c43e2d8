"""The command line: `python -m bench [CASE…]`."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.bare import FASTEST, loader
from bench.cases import CASES, Bench
from bench.report import Figure, table
from tests.brokers import Unavailable, running


def main() -> int:
    """Run the chosen cases; returns 0 also where a target is missed, unless `--strict`."""
    options = _options()
    if loader()[0] != FASTEST:
        print(f"no {FASTEST} here (pip install '.[bench]'): bare is parsed with {loader()[0]}")
    figures: list[Figure] = []
    with ExitStack() as stack:
        name = f"{options.generation}-bench"
        try:
            broker = stack.enter_context(running(name))
        except Unavailable as error:
            print(error, file=sys.stderr)
            return 1
        folder = Path(tempfile.mkdtemp(prefix="rmqsync-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        bench = Bench(broker, folder, options.rounds, say=_say)
        bench.empty()
        for case, measure in CASES.items():
            if case not in options.cases:
                continue
            _say(f"{case}: {(measure.__doc__ or '').strip()}")
            for figure in measure(bench):
                figures.append(figure)
                _say(f"  {figure}")
        about = (
            f"RabbitMQ {broker.version}, Python {platform.python_version()}, "
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        )
        bench.empty()
    print()
    print(table(figures, about), end="")
    missed = sum(not figure.is_met for figure in figures)
    return 1 if missed and options.strict else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="How fast rmqsync is.")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument(
        "--generation", default="r43", metavar="NAME", help="of the broker: r310, r40 or r43"
    )
    parser.add_argument("--rounds", type=int, default=5, help="of each side of a ratio")
    parser.add_argument("--strict", action="store_true", help="end with 1 if a target is missed")
    options = parser.parse_args()
    unknown = set(options.cases) - CASES.keys()
    if unknown:
        parser.error(f"no case {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")
    options.cases = options.cases or list(CASES)
    return options


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
