"""Starts, stops and asks the nodes of a broker and its port mapper (epmd)."""

import http.client
import subprocess
import time
import uuid
from pathlib import Path

from tests.brokers import processes
from tests.brokers.engine import Engine, command, remove_container
from tests.brokers.management import Management, Refused
from tests.brokers.settings import client_env, configuration, enabled_plugins, node_env
from tests.brokers.state import BrokerState, Node

_START_TIMEOUT_S = 180
"""Far more than the usual ten: tests may have both cores of a small machine busy."""
_STOP_TIMEOUT_S = 60


def start_epmd(broker: BrokerState) -> None:
    """Start the broker's own port mapper, so that it depends on none that others start or stop."""
    words = ("epmd", "-address", "127.0.0.1", "-port", str(broker.epmd_port))
    pid_file = broker.epmd_pid_file()
    _spawn(broker, broker.nodes[0], "epmd", words, pid_file, broker.folder / "epmd.log")


def start_node(broker: BrokerState, node: Node) -> None:
    """Start `node` with what data it has; `wait_until_ready` tells when it serves."""
    folder = broker.folder / node.folder
    folder.mkdir(exist_ok=True)
    (folder / "rabbitmq.conf").write_text(configuration(broker, node), encoding="utf-8")
    (folder / "enabled_plugins").write_text(enabled_plugins(), encoding="utf-8")
    console = folder / "console.log"
    _spawn(broker, node, node.folder, ("rabbitmq-server",), broker.pid_file(node), console)


def wait_until_ready(broker: BrokerState, node: Node) -> None:
    """Return when `node` has started with all its plugins; else RuntimeError with what it said."""
    console = broker.folder / node.folder / "console.log"
    deadline = time.monotonic() + _START_TIMEOUT_S
    # the API may answer before the last plugin has started
    while b"Server startup complete" not in console.read_bytes() or not answers(broker, node):
        is_alive = processes.is_alive(broker.pid_file(node))
        if not is_alive or time.monotonic() > deadline:
            told = console.read_text(encoding="utf-8", errors="replace")[-3000:]
            outcome = f"is not up after {_START_TIMEOUT_S} s" if is_alive else "has ended"
            raise RuntimeError(f"node {node.name} {outcome}, see {console}:\n{told}")
        time.sleep(0.1)


def answers(broker: BrokerState, node: Node) -> bool:
    """Whether the management API of `node` takes our user."""
    try:
        with Management(node.management_port, broker.username, broker.password) as api:
            api.get("whoami")
    except (OSError, http.client.HTTPException, Refused):
        return False
    return True


def stop_node(broker: BrokerState, node: Node) -> None:
    """Stop `node` in good order."""
    processes.terminate(broker.pid_file(node), timeout_s=_STOP_TIMEOUT_S)


def kill_node(broker: BrokerState, node: Node) -> None:
    """End `node` without notice, as a crash would."""
    if broker.engine is Engine.DOCKER:
        remove_container(_label(broker, node.folder))
    processes.kill(broker.pid_file(node))


def kill_all(broker: BrokerState) -> None:
    """End every process of the broker."""
    for node in broker.nodes:
        kill_node(broker, node)
    if broker.engine is Engine.DOCKER:
        remove_container(_label(broker, "epmd"))
    processes.kill(broker.epmd_pid_file())


def is_healthy(broker: BrokerState) -> bool:
    """Whether everything that was started still runs and answers."""
    pid_files = [broker.epmd_pid_file(), *(broker.pid_file(node) for node in broker.nodes)]
    return all(processes.is_alive(pid_file) for pid_file in pid_files) and all(
        answers(broker, node) for node in broker.nodes
    )


def run_tool(broker: BrokerState, node: Node, *words: str) -> str:
    """What one of RabbitMQ's own tools prints about `node`; raises RuntimeError when it fails."""
    env = client_env(broker, node)
    label = _label(broker, uuid.uuid4().hex[:8])
    line = command(broker.engine, broker.generation, broker.folder, label, words, env)
    done = subprocess.run(line, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        told = (done.stdout + done.stderr).strip()
        raise RuntimeError(f"{' '.join(words)} on {node.name}: exit {done.returncode}\n{told}")
    return done.stdout


def _spawn(
    broker: BrokerState,
    node: Node,
    part: str,
    words: tuple[str, ...],
    pid_file: Path,
    console: Path,
) -> None:
    env = node_env(broker, node)
    label = _label(broker, part)
    line = command(broker.engine, broker.generation, broker.folder, label, words, env)
    processes.spawn(line, env, console, pid_file)


def _label(broker: BrokerState, part: str) -> str:
    return f"rmqsync-{broker.name}-{part}"
