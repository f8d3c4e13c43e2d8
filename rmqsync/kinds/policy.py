"""
Policies, and what operator policies share with them.

One policy is in effect for a queue or an exchange, by priority; which one, `rmqsync.analysis` says.
What a change of one may cost depends on what the queues it concerns hold: the loss here is only the
least.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds.base import Kind, Problem
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import NAME, Field
from rmqsync.kinds.policy_checks import DEFINITION, policy_problems, policy_references
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row

FENCE = "rmqsync.fence."
"""What the names of policies begin with that keep publishers out of a queue while it is deleted."""

_TARGETS = ["all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams"]

FIELDS = (
    Field(
        "pattern",
        {
            "type": "string",
            "description": "Regular expression, searched for anywhere in the name.",
        },
    ),
    Field(
        "apply-to",
        {"enum": _TARGETS, "description": "What it is for; the last three from 3.12 on."},
        default="all",
    ),
    Field(
        DEFINITION,
        {"type": "object", "description": "message-ttl, max-length, ha-mode and so on."},
    ),
    Field(
        "priority",
        {"type": "number", "description": "The highest wins; of equal ones, one at random."},
        default=0,
    ),
)


def finish_policy(row: Row) -> Row:
    """Write a whole number as one: the broker takes 1.0 and compares it as 1."""
    priority = row["priority"]
    if priority is None:
        row["priority"] = 0
    elif isinstance(priority, float) and priority.is_integer():
        row["priority"] = int(priority)
    if row["apply-to"] is None:
        row["apply-to"] = "all"
    return row


def policy_body(row: Row) -> Row:
    return {field.name: row[field.name] for field in FIELDS}


def _path(row: Row) -> tuple[str, ...]:
    return ("policies", row["vhost"], row["name"])


def _check(row: Row, context: Context) -> Iterable[Problem]:
    return policy_problems(row, context, operator=False)


def _is_fence(row: Row) -> bool:
    return bool(row["name"].startswith(FENCE))


POLICY = Kind(
    name="policy",
    label="policy",
    section="policies",
    rank=45,
    in_vhost=True,
    identity=(NAME,),
    fields=FIELDS,
    key=itemgetter("vhost", "name"),
    finish=finish_policy,
    check=_check,
    references=policy_references,
    broker_owned=_is_fence,
    loss=Loss.BEHAVIOUR,
    declare=declare_at(_path, policy_body),
    remove=remove_at(_path),
    example={
        "vhost": "shop",
        "name": "limits",
        "pattern": r"^qu\.order\.",
        "apply-to": "queues",
        DEFINITION: {"message-ttl": 3600000, "max-length": 100000},
        "priority": 10,
    },
)
