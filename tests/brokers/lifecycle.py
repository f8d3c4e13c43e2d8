"""Brings brokers up and takes them down again, safe against other processes doing the same."""

import secrets
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

from tests.brokers import nodes
from tests.brokers.broker import Broker
from tests.brokers.certificates import make_certificates
from tests.brokers.engine import Engine, engine, provision
from tests.brokers.folders import locked, run_folder, try_locked
from tests.brokers.generations import Generation, check_version, generation_of
from tests.brokers.ports import free_ports
from tests.brokers.state import Node, Tls
from tests.brokers.wipe import baseline

_MOST_LEASES = 50


def up(name: str) -> Broker:
    """The running broker called `name`: as it is when it runs well, started empty otherwise.

    Raises Unavailable where there can be none.
    """
    generation = generation_of(name)
    chosen = engine()
    with _locked(name):
        found = _find(name)
        if found is not None and found.is_healthy():
            return found
        _take_down(name)
        provision(generation)
        return _start(_prepare(name, generation, chosen))


def up_all(names: list[str]) -> list[Broker]:
    """All these brokers, in that order, brought up side by side."""
    with ThreadPoolExecutor(max_workers=max(len(names), 1)) as pool:
        return list(pool.map(up, names))


def down(name: str) -> None:
    """End the broker called `name` and remove all it left; fine when there is none."""
    generation_of(name)
    with _locked(name):
        _take_down(name)


def down_all() -> None:
    """End all brokers of this run folder."""
    for folder in _folders():
        down(folder.name)


def status() -> list[tuple[Broker, bool]]:
    """Every broker there is, and whether it runs well."""
    found = [broker for folder in _folders() if (broker := _find(folder.name)) is not None]
    return [(broker, broker.is_healthy()) for broker in found]


@contextmanager
def running(name: str) -> Iterator[Broker]:
    """The broker called `name` for a while; taken down afterwards if it was not there before."""
    was_there = is_up(name)
    broker = up(name)
    try:
        yield broker
    finally:
        if not was_there:
            down(name)


@contextmanager
def lease(generation: str, *, keep: bool = False) -> Iterator[Broker]:
    """An empty broker of `generation` that nobody else leases meanwhile.

    It is called `r40`, or else `r40-2`, `r40-3` … It is taken down afterwards if it was not there
    before and `keep` is false. Raises Unavailable where there can be none.
    """
    generation_of(generation)
    engine()
    for number in range(1, _MOST_LEASES):
        name = generation if number == 1 else f"{generation}-{number}"
        with try_locked(run_folder() / f"{name}.lease") as is_ours:
            if not is_ours:
                continue
            was_there = is_up(name)
            broker = up(name)
            try:
                if was_there:
                    broker.reset()
                yield broker
            finally:
                if not was_there and not keep:
                    down(name)
            return
    raise RuntimeError(f"all brokers of {generation} are leased")


def is_up(name: str) -> bool:
    """Whether the broker called `name` runs well."""
    broker = _find(name)
    return broker is not None and broker.is_healthy()


def find(name: str) -> Broker:
    """The running broker called `name`; raises LookupError when there is none."""
    generation_of(name)
    broker = _find(name)
    if broker is None:
        raise LookupError(f"broker '{name}' is not up: python -m tests.brokers up {name}")
    return broker


def _find(name: str) -> Broker | None:
    return Broker.load(run_folder() / name)


def _folders() -> list[Path]:
    return sorted(path for path in run_folder().glob("*") if path.is_dir())


def _locked(name: str) -> AbstractContextManager[None]:
    return locked(run_folder() / f"{name}.lock")


def _prepare(name: str, generation: Generation, chosen: Engine) -> Broker:
    """Everything but the processes, saved: `down` finds what was begun even if we are killed."""
    folder = run_folder() / name
    make_certificates(folder / "tls")
    home = folder / "home"
    home.mkdir()
    cookie = home / ".erlang.cookie"
    cookie.write_text(secrets.token_hex(20), encoding="utf-8")
    cookie.chmod(0o400)
    with locked(run_folder() / "ports.lock"):
        broker = _describe(name, generation, chosen, folder)
        broker.save()
    return broker


def _describe(name: str, generation: Generation, chosen: Engine, folder: Path) -> Broker:
    count = len(generation.ram_nodes)
    taken = {port for path in _folders() if (other := _find(path.name)) for port in other.ports()}
    ports = iter(free_ports(3 + 3 * count, taken))
    names = [name] if count == 1 else [f"{name}-n{number}" for number in range(1, count + 1)]
    tls = folder / "tls"
    return Broker(
        name=name,
        engine=chosen,
        version="",
        folder=folder,
        username="admin",
        password=secrets.token_hex(12),
        epmd_port=next(ports),
        nodes=tuple(
            Node(f"{node}@localhost", f"node{i}", next(ports), next(ports), next(ports), is_ram)
            for i, (node, is_ram) in enumerate(zip(names, generation.ram_nodes, strict=True))
        ),
        tls=Tls(next(ports), next(ports), tls / "ca.pem", tls / "client.pem", tls / "client.key"),
        empty={},
    )


def _start(broker: Broker) -> Broker:
    nodes.start_epmd(broker)
    first, *others = broker.nodes
    nodes.start_node(broker, first)
    nodes.wait_until_ready(broker, first)
    # the first is there for the others to join; those may come together
    for node in others:
        nodes.start_node(broker, node)
    for node in others:
        nodes.wait_until_ready(broker, node)
    with broker.management() as api:
        version = api.get("overview")["rabbitmq_version"]
        started = replace(broker, version=version, empty=baseline(api))
    check_version(broker.generation, version)
    started.save()
    return started


def _take_down(name: str) -> None:
    if (broker := _find(name)) is not None:
        nodes.kill_all(broker)
    folder = run_folder() / name
    for _ in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        # a process that was killed may still have been writing
        time.sleep(0.1)
    raise RuntimeError(f"{folder} cannot be removed")
