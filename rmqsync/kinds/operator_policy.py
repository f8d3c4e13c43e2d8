"""
Operator policies: limits that go together with whatever policy a queue has.

Runtime parameters of the component `operator_policy` in exports, with calls of their own
(rabbit_mgmt_wm_operator_policy.erl); /api/parameters takes and lists them too.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Kind, Problem
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.fields import NAME
from rmqsync.kinds.policy import FIELDS, finish_policy, policy_body
from rmqsync.kinds.policy_checks import DEFINITION, policy_problems, policy_references
from rmqsync.model.changes import Loss
from rmqsync.model.values import Row

_COMPONENT = "operator_policy"


def _path(row: Row) -> tuple[str, ...]:
    return ("operator-policies", row["vhost"], row["name"])


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from runtime.value_problems(row, FIELDS, "operator policy")
    yield from policy_problems(row, context, operator=True)


def _to_export(row: Row) -> Row:
    return runtime.item(_COMPONENT, row, policy_body(row))


OPERATOR_POLICY = Kind(
    name="operator_policy",
    label="operator policy",
    section="operator_policies",
    component=_COMPONENT,
    rank=40,
    in_vhost=True,
    identity=(NAME,),
    fields=FIELDS,
    key=itemgetter("vhost", "name"),
    shape=runtime.lift(FIELDS),
    extra_schema={runtime.VALUE: {"type": "object", "description": "The raw form of the fields."}},
    finish=finish_policy,
    check=_check,
    references=policy_references,
    loss=Loss.BEHAVIOUR,
    declare=declare_at(_path, policy_body),
    remove=remove_at(_path),
    to_export=_to_export,
    example={
        "vhost": "shop",
        "name": "ceiling",
        "pattern": ".*",
        "apply-to": "queues",
        DEFINITION: {"max-length": 1000000},
        "priority": 0,
    },
    page="policies",
)
