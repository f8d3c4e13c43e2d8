"""
Runtime parameters of any other component, untouched in shape.

The typed kinds (shovels, upstreams, operator policies, limits) take theirs; what is left belongs to
plugins. The component `policy` is not one that the API or an import takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds.base import Kind, Problem
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import Field, Secrecy
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.runtime import finish_value, value_body
from rmqsync.kinds.settling import settle_values
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row

_INTERNAL = frozenset({"exchange-delete-in-progress", "imported_definition_hash_value"})
"""Components that the broker keeps notes under; some versions leak them into exports."""


def _path(row: Row) -> tuple[str, ...]:
    return ("parameters", row["component"], row["vhost"], row["name"])


def _check(row: Row, context: Context) -> Iterable[Problem]:
    del context
    yield from long_name_problems(row["component"], "component")
    yield from long_name_problems(row["name"], "name")
    if row["component"] == "policy":
        yield Problem(
            "RMQ086",
            ("component",),
            "policies are no parameters: the broker refuses them here",
            "put them under policies",
        )


def _broker_owned(row: Row) -> bool:
    return row["component"] in _INTERNAL or row["component"].startswith("internal")


PARAMETER = Kind(
    name="parameter",
    label="parameter",
    section="parameters",
    rank=36,
    in_vhost=True,
    identity=(
        Field(
            "component",
            {"type": "string", "description": "The plugin's word for what this is."},
        ),
        Field("name", {"type": "string", "description": "Name of the parameter."}),
    ),
    fields=(
        Field(
            "value",
            {"description": "As the component wants it; {secret: NAME} at any depth."},
            secret=Secrecy.URI,
        ),
    ),
    key=itemgetter("vhost", "component", "name"),
    finish=finish_value,
    settle=settle_values,
    check=_check,
    broker_owned=_broker_owned,
    loss=Loss.BEHAVIOUR,
    declare=declare_at(_path, value_body),
    remove=remove_at(_path),
    example={
        "vhost": "shop",
        "component": "some-plugin",
        "name": "main",
        "value": {"uri": {"secret": "plugin_uri"}, "limit": 5},
    },
)
