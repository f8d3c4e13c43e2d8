"""
Sets of federation upstreams, for policies to name. The set `all` is there without being declared.

The raw value is a list; each item names an upstream, which need not exist, and may say any of its
fields but the URI differently (rabbit_federation_parameters.erl).
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from rmqsync.kinds import runtime
from rmqsync.kinds.base import Entry, Kind, Problem, Reference
from rmqsync.kinds.calls import declare_at, remove_at
from rmqsync.kinds.context import Context
from rmqsync.kinds.federation_fields import OPTIONS, version_problems
from rmqsync.kinds.fields import NAME, Field
from rmqsync.kinds.names import long_name_problems
from rmqsync.kinds.values import closest, misfit
from rmqsync.model.changes import Loss
from rmqsync.model.findings import Severity
from rmqsync.model.values import JsonObject, Row

_COMPONENT = "federation-upstream-set"
_UPSTREAMS = "upstreams"
_KNOWN = {field.name: field for field in OPTIONS}


def _shape(entry: Entry) -> Entry:
    value = entry.pop(runtime.VALUE, None)
    if value is not None:
        entry.setdefault(_UPSTREAMS, value)
    return entry


def _body(row: Row) -> Row:
    return {runtime.VALUE: row[_UPSTREAMS]}


def _check(row: Row, context: Context) -> Iterable[Problem]:
    yield from long_name_problems(row["name"], "name")
    if row["name"] == "all":
        yield Problem(
            "RMQ085",
            ("name",),
            "the set 'all' always stands for all upstreams: one by this name is never used",
            "choose another name",
            Severity.WARNING,
        )
    members = row[_UPSTREAMS]
    if not isinstance(members, list):
        yield Problem("RMQ080", (_UPSTREAMS,), "the upstreams of a set must be a list")
        return
    for index, member in enumerate(members):
        yield from _member_problems((_UPSTREAMS, index), member, context)


def _member_problems(
    path: tuple[str | int, ...], member: object, context: Context
) -> Iterable[Problem]:
    if not isinstance(member, dict):
        yield Problem("RMQ080", path, f"an upstream of a set is {member!r}, must be an object")
        return
    if not isinstance(member.get("upstream"), str):
        yield Problem("RMQ080", path, "an upstream of a set has no name", "upstream: NAME")
    for name, value in member.items():
        known = _KNOWN.get(name)
        if name == "upstream":
            continue
        if name == "uri":
            yield Problem(
                "RMQ082",
                (*path, name),
                "an upstream of a set takes no uri: the broker refuses it",
                "it is the upstream's own; declare another upstream",
            )
        elif known is None:
            close = closest(name, _KNOWN)
            hint = f"did you mean '{close}'?" if close else None
            message = f"no federation upstream is known to have a field '{name}'"
            yield Problem("RMQ081", (*path, name), message, hint, Severity.WARNING)
        elif wanted := misfit(known.schema, value):
            message = f"{name} is {value!r}, must be {wanted}"
            yield Problem("RMQ082", (*path, name), message)
    for found in version_problems(member, context):
        yield found._replace(path=(*path, *found.path))


def _references(row: Row) -> Iterable[Reference]:
    members = row[_UPSTREAMS]
    for index, member in enumerate(members if isinstance(members, list) else ()):
        name = member.get("upstream") if isinstance(member, dict) else None
        if isinstance(name, str):
            path = (_UPSTREAMS, index, "upstream")
            yield Reference("federation_upstream", (row["vhost"], name), path, strict=False)


def _tidy(entry: Entry, row: Row, context: Context) -> Entry:
    del row, context
    if isinstance(entry[_UPSTREAMS], list):
        entry[_UPSTREAMS] = [
            {"upstream": one["upstream"]} | one
            if isinstance(one, dict) and "upstream" in one
            else one
            for one in entry[_UPSTREAMS]
        ]
    return entry


def _to_export(row: Row) -> Row:
    return runtime.item(_COMPONENT, row, row[_UPSTREAMS])


_LIST: JsonObject = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["upstream"],
        "properties": {"upstream": runtime.string("Name of a federation upstream.")},
    },
    "description": "The upstreams, each `upstream: NAME` and what is different for it here.",
}

FEDERATION_UPSTREAM_SET = Kind(
    name="federation_upstream_set",
    label="federation upstream set",
    section="federation_upstream_sets",
    component=_COMPONENT,
    rank=76,
    in_vhost=True,
    identity=(NAME,),
    fields=(Field(_UPSTREAMS, _LIST),),
    key=itemgetter("vhost", "name"),
    shape=_shape,
    extra_schema={runtime.VALUE: {**_LIST, "description": "The raw form: the list itself."}},
    check=_check,
    references=_references,
    loss=Loss.BEHAVIOUR,
    declare=declare_at(runtime.path_of(_COMPONENT), _body),
    remove=remove_at(runtime.path_of(_COMPONENT)),
    to_export=_to_export,
    example={
        "vhost": "shop",
        "name": "all-sites",
        _UPSTREAMS: [{"upstream": "site-b"}, {"upstream": "site-c", "max-hops": 2}],
    },
    page="federation",
    tidy=_tidy,
)
