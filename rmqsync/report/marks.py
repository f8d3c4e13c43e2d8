"""Remarks with a place: what annotations, code scanning and test reports show of a document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rmqsync.report import words
from rmqsync.report.document import (
    ChangeDocument,
    ClusterDocument,
    FindingsDocument,
    PlanDocument,
    SourceDocument,
)


class Rule(NamedTuple):
    title: str
    description: str


RULES = {
    "rmqsync-cluster": Rule(
        "Cluster failed", "A cluster could not be planned, or its apply ended early."
    ),
    "rmqsync-failed": Rule("Change failed", "A change that the broker refused."),
    "rmqsync-unverified": Rule("Not verified", "An object that still differs after the apply."),
    "rmqsync-held": Rule("Held back", "A change that a guard holds back until it is allowed."),
    "rmqsync-destroy": Rule("Destroyed", "An object that is destroyed."),
    "rmqsync-replace": Rule("Replaced", "An object that is destroyed and created again."),
}
"""By the codes of marks that are no findings."""


class Mark(NamedTuple):
    level: str
    """`error`, `warning` or `note`."""
    code: str
    message: str
    """In plain words, not yet escaped for any format but for control characters in names."""
    file: str | None = None
    line: int = 0
    column: int = 0
    address: str | None = None


def of_findings(document: FindingsDocument) -> list[Mark]:
    """Return a mark for each finding, in their order."""
    found = []
    for one in document["findings"]:
        source = one["source"]
        hint = f"; {one['hint']}" if one["hint"] else ""
        mark = Mark(one["severity"], one["code"], f"{one['message']}{hint}", address=one["address"])
        if source is not None:
            line, column = source["line"], source["column"]
            mark = mark._replace(file=source["file"], line=line, column=column)
        found.append(mark)
    return found


def of_plan(document: PlanDocument) -> list[Mark]:
    """Return a mark for each thing in a plan or apply that a reviewer must see, worst first."""
    found = [
        mark
        for cluster in document["clusters"]
        for mark in (*_of_cluster(cluster), *_of_changes(cluster, document), *_findings(cluster))
    ]
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found, key=lambda mark: order.get(mark.level, 2))


def _of_cluster(cluster: ClusterDocument) -> Iterator[Mark]:
    if cluster["status"] != "ok" or cluster["error"]:
        why = f": {cluster['error']}" if cluster["error"] else ""
        yield Mark("error", "rmqsync-cluster", f"cluster {cluster['name']}{why}")
    for address in cluster.get("remaining", ()):
        message = f"{cluster['name']}: {words.sentence(address)} still differs after the apply"
        yield Mark("error", "rmqsync-unverified", message, address=address)


def _of_changes(cluster: ClusterDocument, document: PlanDocument) -> Iterator[Mark]:
    for change in cluster["changes"]:
        code, level = _code(change)
        if code is None:
            continue
        said = f"{cluster['name']}: {words.subject(change)} {words.verb(change, document)}"
        hold = change["hold"]
        if code == "rmqsync-held" and hold is not None:
            said += f". Held ({hold['code']}): {hold['reason']}"
            allow = words.override(hold["override"]) if hold["override"] else []
            said = "; ".join([said, *map(str.strip, allow)])
        elif change.get("error"):
            said += f": {change.get('error')}"
        yield Mark(level, code, said, *_place(change["source"]), 0, change["address"])


def _code(change: ChangeDocument) -> tuple[str | None, str]:
    if change.get("result") == "failed":
        return "rmqsync-failed", "error"
    if change["hold"] is not None:
        return "rmqsync-held", "warning"
    if change["action"] == "delete":
        return "rmqsync-destroy", "warning"
    if change["action"] == "replace":
        return "rmqsync-replace", "warning"
    return None, ""


def _findings(cluster: ClusterDocument) -> Iterator[Mark]:
    for one in cluster["findings"]:
        place = _place(one["source"])
        message = f"{cluster['name']}: {one['message']}"
        yield Mark(one["severity"], one["code"], message, *place, 0, one["address"])


def _place(source: SourceDocument | None) -> tuple[str | None, int]:
    return (source["file"], source["line"]) if source else (None, 0)
