"""
Global parameters: plain values for the whole cluster, of plugins or of anybody.

Those named `internal…` are the broker's own, and exports of 3.10 and 4.0 hold them. So are its note
of what was imported last and, here, the markers that rmqsync keeps on a cluster.
"""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.kinds.base import Kind, Problem
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import NAME, Field, Secrecy
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.runtime import finish_value, value_body
from rmqsync.kinds.settling import settle_values
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row

_INTERNAL = ("internal", "rmqsync.")
_IMPORTED_HASH = "imported_definition_hash_value"
_FROM_CONFIGURATION = frozenset({"cluster_tags"})


def _path(row: Row) -> tuple[str, ...]:
    return ("global-parameters", row["name"])


def _check(row: Row, context: Context) -> Iterable[Problem]:
    del context
    yield from long_name_problems(row["name"], "name")
    if row["name"] == "cluster_name" and not isinstance(row["value"], str):
        yield Problem("RMQ087", ("value",), "the name of a cluster must be a string")


def _broker_owned(row: Row) -> bool:
    return str(row["name"]).startswith(_INTERNAL) or row["name"] == _IMPORTED_HASH


def _never_pruned(row: Row) -> bool:
    # Written anew from rabbitmq.conf whenever a node starts (rabbit_runtime_parameters.erl).
    return row["name"] in _FROM_CONFIGURATION


def _of_cluster(row: Row) -> bool:
    return row["name"] == "cluster_name" or row["name"] in _FROM_CONFIGURATION


GLOBAL_PARAMETER = Kind(
    name="global_parameter",
    label="global parameter",
    section="global_parameters",
    rank=35,
    in_vhost=False,
    identity=(NAME,),
    fields=(
        Field(
            "value",
            {"description": "Any value; {secret: NAME} at any depth."},
            secret=Secrecy.URI,
        ),
    ),
    key=lambda entry: (entry["name"],),
    finish=finish_value,
    settle=settle_values,
    check=_check,
    broker_owned=_broker_owned,
    never_pruned=_never_pruned,
    of_cluster=_of_cluster,
    spared_by_prune_all=True,
    loss=Loss.BEHAVIOUR,
    declare=declare_at(_path, value_body),
    remove=remove_at(_path),
    example={
        "name": "mqtt_port_to_vhost_mapping",
        "value": {"1883": "shop"},
    },
)
