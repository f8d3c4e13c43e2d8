"""Whether a cluster is in a state to be changed. Pure: from what its API says of nodes."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = ("name", "running", "partitions", "mem_alarm", "disk_free_alarm", "being_drained")
"""What is asked of each node."""

_ALARMS = {
    "mem_alarm": "has a memory alarm: publishers are blocked; free memory, or raise the watermark",
    "disk_free_alarm": "has a disk alarm: publishers are blocked; free disk space on it",
    "being_drained": "is in maintenance mode: end it with rabbitmq-upgrade revive",
}


def health_problems(nodes: object, expected: Sequence[str] = ()) -> list[str]:
    """
    Return what is wrong with a cluster, a text each that names the node and what to do.

    `nodes` is the answer to `GET /api/nodes`, which lists stopped members too; `expected` are the
    members that the settings name.
    """
    if not isinstance(nodes, list) or not all(isinstance(one, Mapping) for one in nodes):
        return ["its nodes could not be read"]
    found = [text for node in nodes for text in _of_node(node)]
    there = {node.get("name") for node in nodes}
    found += [
        f"node {name} is no member, though the settings name it; add it, or correct nodes:"
        for name in expected
        if name not in there
    ]
    return found


def _of_node(node: Mapping[str, Any]) -> Iterable[str]:
    name = node.get("name", "?")
    if node.get("running") is False:
        yield f"node {name} is not running; start it, or remove it with forget_cluster_node"
        return
    partitions = node.get("partitions") or ()
    if partitions:
        others = ", ".join(map(str, partitions))
        yield f"node {name} is partitioned from {others}; restart the nodes of one side"
    for field, text in _ALARMS.items():
        if node.get(field) is True:
            yield f"node {name} {text}"


def vhost_problems(states: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return what is wrong with vhosts: (vhost, node, state) of each that is not running."""
    return [
        f"vhost '{vhost}' is {state} on node {node}; see the log of that node; "
        f"rabbitmqctl restart_vhost --vhost {shlex.quote(vhost)} starts it"
        for vhost, node, state in states
    ]
