"""The command line: `python -m tests.brokers up|down|reset|status|ctl|provision`."""

import argparse
import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.brokers.broker import Broker
from tests.brokers.engine import engine, provision
from tests.brokers.generations import GENERATIONS, Generation, generation_of
from tests.brokers.lifecycle import down, down_all, find, status, up_all


def main(arguments: Sequence[str]) -> int:
    """Carry out one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        _run(options)
    except (RuntimeError, LookupError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _run(options: argparse.Namespace) -> None:
    match options.command:
        case "provision":
            _provision([generation_of(name) for name in options.names or GENERATIONS])
        case "up":
            _print(up_all(options.names), as_json=options.json)
        case "down":
            if options.all:
                down_all()
            for name in options.names:
                down(name)
        case "reset":
            for name in options.names:
                find(name).reset()
        case "ctl":
            broker = find(options.name)
            print(broker.rabbitmqctl(*options.words, node=options.node), end="")
        case _:
            _print_status(options.names, as_json=options.json)


def _provision(generations: Sequence[Generation]) -> None:
    engine()
    # one of each source: two generations may share it
    distinct = list({generation.suite: generation for generation in generations}.values())
    with ThreadPoolExecutor(max_workers=len(distinct)) as pool:
        list(pool.map(provision, distinct))


def _print_status(names: Sequence[str], *, as_json: bool) -> None:
    found = [(broker, well) for broker, well in status() if not names or broker.name in names]
    if as_json:
        told = [broker.to_json() | {"healthy": well} for broker, well in found]
        print(json.dumps(told, indent=2))
        return
    for broker, well in found:
        print(_line(broker) if well else f"{broker.name}: not running well")


def _print(brokers: Sequence[Broker], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([broker.to_json() for broker in brokers], indent=2))
        return
    for broker in brokers:
        print(_line(broker))


def _line(broker: Broker) -> str:
    user = f"{broker.username}:{broker.password}"
    return f"{broker.name}: {broker.version} {broker.management_url} {broker.amqp_url} {user}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.brokers")
    commands = parser.add_subparsers(dest="command", required=True)
    starting = commands.add_parser("up", help="start brokers, or find them running")
    starting.add_argument("names", nargs="+", metavar="NAME")
    starting.add_argument("--json", action="store_true")
    stopping = commands.add_parser("down", help="end brokers and remove their data")
    stopping.add_argument("names", nargs="*", metavar="NAME")
    stopping.add_argument("--all", action="store_true")
    asking = commands.add_parser("status", help="which brokers there are")
    asking.add_argument("names", nargs="*", metavar="NAME")
    asking.add_argument("--json", action="store_true")
    emptying = commands.add_parser("reset", help="delete everything in brokers")
    emptying.add_argument("names", nargs="+", metavar="NAME")
    tool = commands.add_parser("ctl", help="run rabbitmqctl")
    tool.add_argument("--node", type=int, default=0, help="number of the node, from 0")
    tool.add_argument("name", metavar="NAME")
    tool.add_argument("words", nargs=argparse.REMAINDER, metavar="ARGUMENT")
    fetching = commands.add_parser("provision", help="fetch what brokers run from, start nothing")
    fetching.add_argument("names", nargs="*", metavar="GENERATION")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
