"""One JSON document a line, for logs and for programs that read while we write."""

from __future__ import annotations

from collections.abc import Iterator

from rmqsync.report.document import FindingsDocument, PlanDocument
from rmqsync.report.plan_json import dumps


def plan(document: PlanDocument) -> Iterator[str]:
    """
    Yield one line for the plan, for each change, unmanaged object and finding, and each cluster.

    `type` tells them apart: `plan`, `change`, `unmanaged`, `finding`, `cluster`. The line of a
    cluster comes after those of what is in it.
    """
    head = {name: value for name, value in document.items() if name != "clusters"}
    yield _line({"type": "plan", **head})
    for cluster in document["clusters"]:
        name = cluster["name"]
        for change in cluster["changes"]:
            yield _line({"type": "change", "cluster": name, **change})
        for entry in cluster["unmanaged"]:
            yield _line({"type": "unmanaged", "cluster": name, **entry})
        for finding in cluster["findings"]:
            yield _line({"type": "finding", "cluster": name, **finding})
        rest = {k: v for k, v in cluster.items() if k not in ("changes", "unmanaged", "findings")}
        yield _line({"type": "cluster", **rest})


def findings(document: FindingsDocument) -> Iterator[str]:
    """Yield one line for each finding, then one with the counts (`type` is `summary`)."""
    for finding in document["findings"]:
        yield _line({"type": "finding", **finding})
    rest = {name: value for name, value in document.items() if name not in ("findings", "summary")}
    yield _line({"type": "summary", **rest, **document["summary"]})


def _line(value: dict[str, object]) -> str:
    return dumps(value, indent=None) + "\n"
