"""JSON Schema of the plan document. Keys that it does not name are allowed: the format grows."""

from __future__ import annotations

from typing import Any, Final

from rmqsync.model.changes import Action, Cause, HoldCode, Loss, Outcome, Status
from rmqsync.model.findings import Severity
from rmqsync.report.document import COUNTS

_TEXT: Final = {"type": "string"}
_TEXT_OR_NULL: Final = {"type": ["string", "null"]}
_FLAG: Final = {"type": "boolean"}
_COUNT: Final = {"type": "integer", "minimum": 0}
_COUNT_OR_NULL: Final = {"type": ["integer", "null"], "minimum": 0}
_NAMED: Final = {"kind": _TEXT, "vhost": _TEXT_OR_NULL, "name": _TEXT, "address": _TEXT}

_Schema = dict[str, Any]


def plan_schema() -> _Schema:
    """Return the schema, draft 2020-12, of what `plan --format json` and `--out` write."""
    revision = _object({"commit": _TEXT_OR_NULL, "dirty": _FLAG})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "rmqsync plan",
        **_object(
            {
                "format_version": {"type": "string", "pattern": r"^1\."},
                "rmqsync_version": _TEXT,
                "created_at": _TEXT,
                "revision": revision,
                "summary": _summary(),
                "clusters": _list(_cluster()),
            },
            optional={"sides": _object({"from": _TEXT, "to": _TEXT}), "digest": _TEXT},
        ),
    }


def _cluster() -> _Schema:
    return _object(
        {
            "name": _TEXT,
            "status": _one_of(status.value for status in Status),
            "error": _TEXT_OR_NULL,
            "rabbitmq_version": _TEXT_OR_NULL,
            "summary": _summary(),
            "fingerprint": _TEXT_OR_NULL,
            "changes": _list(_change()),
            "unmanaged": _list(_object(_NAMED)),
            "findings": _list(_finding()),
        },
        optional={
            "verified": _FLAG,
            "interrupted": _FLAG,
            "remaining": _list(_TEXT),
            "gone": _list(_TEXT),
            "last_applied": _object({"commit": _TEXT_OR_NULL, "at": _TEXT}),
            "run": _TEXT,
            "backup": _TEXT_OR_NULL,
        },
    )


def _change() -> _Schema:
    field = _object(
        {"path": _list({"type": ["string", "integer"]}), "forces_replacement": _FLAG},
        optional={"before": {}, "after": {}, "cause": _cause(), "last": {}},
    )
    hold = _object(
        {
            "code": _one_of(code.value for code in HoldCode),
            "reason": _TEXT,
            "override": _TEXT_OR_NULL,
        },
        optional={"also": _list(_one_of(code.value for code in HoldCode))},
    )
    impact = _object(
        {"messages": _COUNT_OR_NULL, "consumers": _COUNT_OR_NULL, "implied": _list(_TEXT)}
    )
    return _object(
        {
            "action": _one_of(action.value for action in Action),
            **_NAMED,
            "fields": _list(field),
            "cause": _cause(),
            "loss": _one_of(loss.word for loss in Loss),
            "hold": _or_null(hold),
            "impact": impact,
            "source": _source(),
        },
        optional={
            "left": _list(field),
            "result": _one_of(o.value for o in Outcome),
            "error": _TEXT_OR_NULL,
        },
    )


def _finding() -> _Schema:
    return _object(
        {
            "code": _TEXT,
            "severity": _one_of(severity.value for severity in Severity),
            "message": _TEXT,
            "address": _TEXT_OR_NULL,
            "source": _source({"column": _COUNT}),
        }
    )


def _source(optional: _Schema | None = None) -> _Schema:
    return _or_null(_object({"file": _TEXT, "line": _COUNT}, optional))


def _summary() -> _Schema:
    return _object(dict.fromkeys(COUNTS, _COUNT))


def _object(required: _Schema, optional: _Schema | None = None) -> _Schema:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
    }


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _one_of(words: Any) -> _Schema:
    return {"enum": list(words)}


def _or_null(schema: _Schema) -> _Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _cause() -> _Schema:
    return _one_of(cause.value for cause in Cause)
