"""The drift of all clusters as one document, and that of each as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rmqsync.daemon.documents import (
    ClusterDetailDocument,
    ClusterDriftDocument,
    DriftDocument,
    DriftReportDocument,
)
from rmqsync.daemon.groups import why_unknown
from rmqsync.model.counts import number_of
from rmqsync.report.document import FieldDocument
from rmqsync.report.escape import code_span, path, shortened, value
from rmqsync.report.escape import markdown as md

_LONG = 300


def drift_report(clusters: Iterable[ClusterDetailDocument], at: str) -> DriftReportDocument:
    """Return what has drifted on each cluster, those with most first."""
    found = [_cluster(one) for one in clusters]
    return {"at": at, "clusters": sorted(found, key=lambda one: (-len(one["drifts"]), one["name"]))}


def _cluster(one: ClusterDetailDocument) -> ClusterDriftDocument:
    return {
        "name": one["name"],
        "sync": one["sync"],
        "on_drift": one["on_drift"],
        "mode": one["mode"],
        "checked_at": one["checked_at"],
        "applied": one["applied"],
        "drift_known": one["drift_known"],
        "drifts": one["drifts"],
    }


def markdown(one: ClusterDetailDocument) -> str:
    """
    Return the drift of one cluster as a page that stays the same until the drift is another one.

    So it names no time but since when each object has drifted, and no commit: those that are
    applied meanwhile do not change it.
    """
    drifts = one["drifts"]
    lines = [f"# Drift of {md(one['name'])}", ""]
    unknown = why_unknown(one)
    if unknown is not None:
        lines += [md(unknown), ""]
    elif not drifts:
        lines += ["Nothing on this cluster was changed outside of rmqsync.", ""]
    else:
        number = f"{number_of(len(drifts), 'object')} {'was' if len(drifts) == 1 else 'were'}"
        lines += [f"{number} changed outside of rmqsync.", ""]
        lines += ["| object | cause | since | times |", "|---|---|---|---|"]
        lines += [
            f"| {md(drift['address'])} | {drift['cause']} | {drift['since']} | {drift['times']} |"
            for drift in drifts
        ]
        lines.append("")
        for drift in drifts:
            lines += _details(drift)
    return "\n".join(lines)


def _details(drift: DriftDocument) -> list[str]:
    change = drift["change"]
    lines = [f"## {md(drift['address'])}", ""]
    if change["action"] == "create":
        lines.append("It was deleted on the cluster.")
    elif change["action"] == "delete":
        lines.append("It was declared, and it was changed on the cluster.")
        moved = [one for one in change["fields"] if "cause" in one]
        lines += ["", *map(_altered, moved)] if moved else []
    else:
        lines += [_field(one) for one in change["fields"]]
    place = change["source"]
    if place is not None:
        lines += ["", f"Declared in {code_span(place['file'])}, line {place['line']}."]
    return [*lines, ""]


def _field(one: FieldDocument) -> str:
    applied = code_span(shortened(value(one["after"]), _LONG)) if "after" in one else "absent"
    return f"- {code_span(path(one['path']))}: is {_now(one)}, declared {applied}"


def _altered(one: FieldDocument) -> str:
    applied = code_span(shortened(value(one["last"]), _LONG)) if "last" in one else "absent"
    return f"- {code_span(path(one['path']))}: is {_now(one)}, was {applied}"


def _now(one: FieldDocument) -> str:
    return code_span(shortened(value(one["before"]), _LONG)) if "before" in one else "absent"
