"""Plans, results and findings to documents, and documents to JSON text and back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Final, cast

from rmqsync.kinds import KINDS
from rmqsync.kinds.base import address_of
from rmqsync.kinds.credentials import has_credentials
from rmqsync.model.address import decode
from rmqsync.model.changes import (
    ABSENT,
    Absent,
    Change,
    ClusterPlan,
    ClusterResult,
    FieldChange,
    Hold,
    Outcome,
    Plan,
    Ref,
    Result,
    Status,
    Summary,
)
from rmqsync.model.errors import SourceError
from rmqsync.model.findings import Finding, Origin, Severity
from rmqsync.model.values import JsonValue
from rmqsync.report.document import (
    COUNTS,
    SENSITIVE,
    ChangeDocument,
    ClusterDocument,
    FieldDocument,
    FindingDocument,
    FindingsDocument,
    HoldDocument,
    NamedDocument,
    PlaceDocument,
    PlanDocument,
    RemarkDocument,
    SourceDocument,
    SummaryDocument,
)
from rmqsync.report.plan_schema import plan_schema
from rmqsync.report.stored import as_meant
from rmqsync.text.schema import Checker
from rmqsync.version import __version__

FORMAT_VERSION: Final = "1.0"

_NOT_REACHED: Final = Result(Outcome.SKIPPED, "the run ended before it")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@")
_BEYOND_ASCII = re.compile("[^\x00-\x7e]+")


def plan_document(
    plan: Plan,
    results: Sequence[ClusterResult] | None = None,
    *,
    extra: Mapping[str, JsonValue] | None = None,
    cluster_extra: Mapping[str, Mapping[str, JsonValue]] | None = None,
    sides: tuple[str, str] | None = None,
) -> PlanDocument:
    """
    Return the document of a plan, or of what an apply made of it when there are `results`.

    `extra` and `cluster_extra` (by the name of the cluster) are keys to add, as `--out` does;
    `sides` names what is compared where that is not files and clusters.
    """
    by_name = None if results is None else {result.plan.name: result for result in results}
    clusters: list[ClusterDocument] = []
    for cluster in plan.clusters:
        one = _cluster(cluster)
        if by_name is not None:
            _add_result(one, by_name.get(cluster.name) or ClusterResult(cluster))
        clusters.append(
            cast(ClusterDocument, {**one, **(cluster_extra or {}).get(one["name"], {})})
        )
    document: PlanDocument = {
        "format_version": FORMAT_VERSION,
        "rmqsync_version": __version__,
        "created_at": plan.created_at,
        "revision": {"commit": plan.revision.commit, "dirty": plan.revision.dirty},
        "summary": total(cluster["summary"] for cluster in clusters),
        "clusters": clusters,
    }
    if sides is not None:
        document["sides"] = {"from": sides[0], "to": sides[1]}
    return cast(PlanDocument, {**document, **(extra or {})})


def findings_document(findings: Iterable[Finding]) -> FindingsDocument:
    """Return the document of findings without a plan, as `validate` and `lint` give them."""
    found = sorted(findings, key=lambda finding: finding.order)
    count = {level: sum(f.severity is level for f in found) for level in Severity}
    return {
        "format_version": FORMAT_VERSION,
        "rmqsync_version": __version__,
        "summary": {
            "error": count[Severity.ERROR],
            "warning": count[Severity.WARNING],
            "note": count[Severity.NOTE],
        },
        "findings": [_remark(finding) for finding in found],
    }


def dumps(document: Mapping[str, object], *, indent: int | None = 2) -> str:
    """Return JSON text that is safe to print: what cannot be seen is escaped."""
    separators = None if indent else (",", ":")
    text = json.dumps(document, ensure_ascii=False, indent=indent, separators=separators)
    return _BEYOND_ASCII.sub(_printable, text)


def _printable(match: re.Match[str]) -> str:
    run = match[0]
    if run.isprintable():
        return run
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in run)


def read_plan(text: str | bytes, name: str = "plan file") -> PlanDocument:
    """
    Return the document in the text of a saved plan; keys that are not known are kept.

    Raises `SourceError`, naming the file as `name`, where it is no plan that we understand. One
    that was changed since it was saved is read as well: see `seal.is_whole`.
    """
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{name}: not a saved plan: it is no JSON ({error})") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if not isinstance(version, str):
        raise SourceError(f"{name}: not a saved plan: it has no format_version")
    if version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
        raise SourceError(
            f"{name}: format_version is {version[:20]!r}, this rmqsync reads {FORMAT_VERSION}; "
            "use the version that saved it, or plan again"
        )
    problem = _misfit(data)
    if problem is not None:
        raise SourceError(f"{name}: not a saved plan: {problem}")
    return cast(PlanDocument, data)


def _misfit(data: object) -> str | None:
    schema = plan_schema()
    if Checker(schema).accepts(data):
        return None
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(schema).iter_errors(data):
        where = "".join(f"[{step!r}]" for step in error.absolute_path)
        return f"{where or 'it'}: {error.message}"[:256]
    return None


def entry_of(ref: Ref) -> NamedDocument:
    """Return how a document names one object."""
    kind = KINDS[ref.kind]
    address = address_of(kind, ref.key)
    rest = address.partition(":")[2]
    vhost = None
    if kind.in_vhost:
        vhost = ref.key[0]
        rest = rest.partition("/")[2]
    name = rest if "/" in rest else decode(rest)
    return {"kind": ref.kind, "vhost": vhost, "name": name, "address": address}


def without_userinfo(text: str) -> str:
    """Return `text`, perhaps in the broker's own words, with credentials in URIs masked."""
    return _USERINFO.sub(rf"\1{SENSITIVE}@", text) if "://" in text else text


def _cluster(cluster: ClusterPlan) -> ClusterDocument:
    document: ClusterDocument = {
        "name": cluster.name,
        "status": cluster.status.value,
        "error": None if cluster.error is None else without_userinfo(cluster.error),
        "rabbitmq_version": cluster.rabbitmq_version,
        "summary": _summary(cluster.summary),
        "fingerprint": cluster.fingerprint,
        "changes": [_change(change) for change in cluster.changes],
        "unmanaged": [entry_of(ref) for ref in cluster.unmanaged],
        "findings": [_finding(finding) for finding in cluster.findings],
    }
    if cluster.last_at is not None:
        document["last_applied"] = {"commit": cluster.last_commit, "at": cluster.last_at}
    return document


def _add_result(cluster: ClusterDocument, result: ClusterResult) -> None:
    outcomes = (*result.results, *repeat(_NOT_REACHED, len(cluster["changes"])))
    for change, (outcome, error, hold) in zip(cluster["changes"], outcomes, strict=False):
        if hold is not None:
            _recount(cluster["summary"], change)
            change["hold"] = _hold(hold)
        if error is None and change["hold"] is not None and outcome is Outcome.SKIPPED:
            error = change["hold"]["reason"]
        change["result"] = outcome.value
        change["error"] = None if error is None else without_userinfo(error)
    if result.error is not None:
        cluster["error"] = without_userinfo(result.error)
    settled = result.plan.status is Status.OK and cluster["error"] is None
    waiting = any(
        change["result"] != "applied" and change["hold"] is None for change in cluster["changes"]
    )
    nothing_to_verify = settled and not waiting and not result.interrupted
    cluster["verified"] = nothing_to_verify if result.verified is None else result.verified
    cluster["interrupted"] = result.interrupted
    cluster["remaining"] = list(result.remaining)
    if result.gone:
        cluster["gone"] = list(result.gone)


def _recount(summary: SummaryDocument, change: ChangeDocument) -> None:
    """Count a change that a guard held while applying where it belongs now."""
    if change["hold"] is None:
        summary[change["action"]] -= 1
        summary["held"] += 1


def _change(change: Change) -> ChangeDocument:
    named = entry_of(change.ref)
    fields = as_meant(KINDS[change.ref.kind], change.fields)
    document: ChangeDocument = {
        "action": change.action.value,
        **named,  # type: ignore[typeddict-item]
        "fields": [_field(field) for field in (*_hidden_identity(change), *fields)],
        "cause": change.cause.value,
        "loss": change.loss.word,
        "hold": _hold(change.hold),
        "impact": {
            "messages": change.impact.messages,
            "consumers": change.impact.consumers,
            "implied": [address_of(KINDS[r.kind], r.key) for r in change.impact.implied],
        },
        "source": _source(change.source),
    }
    if change.left:
        left = as_meant(KINDS[change.ref.kind], change.left)
        document["left"] = [_field(field) for field in left]
    return document


def _hold(hold: Hold | None) -> HoldDocument | None:
    if hold is None:
        return None
    reason = without_userinfo(hold.reason)
    document: HoldDocument = {
        "code": hold.code.value,
        "reason": reason,
        "override": hold.override,
    }
    if hold.also:
        document["also"] = [code.value for code in hold.also]
    return document


def _hidden_identity(change: Change) -> Iterator[FieldChange]:
    """Identity that an address cannot spell out: arguments of a binding show as a digest there."""
    if (change.before is None) == (change.after is None):
        return
    row = change.before or change.after or {}
    for field in KINDS[change.ref.kind].identity:
        value = row.get(field.name)
        if not isinstance(value, Mapping) or any(c.path[0] == field.name for c in change.fields):
            continue
        for name, item in sorted(value.items()):
            sides = (ABSENT, item) if change.after is not None else (item, ABSENT)
            yield FieldChange((field.name, name), *sides)


def _field(change: FieldChange) -> FieldDocument:
    document: FieldDocument = {"path": list(change.path)}  # type: ignore[typeddict-item]
    if change.before is not ABSENT:
        document["before"] = _shown(change.before, change.sensitive)
    if change.after is not ABSENT:
        document["after"] = _shown(change.after, change.sensitive)
    document["forces_replacement"] = change.forces_replacement
    if change.cause is not None:
        document["cause"] = change.cause.value
    if change.last is not ABSENT:
        document["last"] = _shown(change.last, change.sensitive)
    return document


def _shown(value: JsonValue | Absent, sensitive: bool) -> JsonValue:
    # The planner marks secrets; a URI with a password in a field that should hold none is caught
    # here all the same.
    if sensitive or value is ABSENT or has_credentials(value):
        return SENSITIVE
    return value


def _source(origin: Origin | None) -> SourceDocument | None:
    return None if origin is None else {"file": origin.file, "line": origin.line}


def _finding(finding: Finding) -> FindingDocument:
    hint = f"; {finding.hint}" if finding.hint else ""
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": without_userinfo(f"{finding.message}{hint}"),
        "address": finding.address,
        "source": _place(finding.source),
    }


def _place(origin: Origin | None) -> SourceDocument | None:
    """Return where a finding is, to the column where that is known."""
    source = _source(origin)
    if source is not None and origin is not None and origin.column:
        source["column"] = origin.column
    return source


def _remark(finding: Finding) -> RemarkDocument:
    source = finding.source
    place: PlaceDocument | None = None
    if source is not None:
        place = {"file": source.file, "line": source.line, "column": source.column}
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": without_userinfo(finding.message),
        "hint": None if finding.hint is None else without_userinfo(finding.hint),
        "address": finding.address,
        "source": place,
    }


def total(summaries: Iterable[SummaryDocument]) -> SummaryDocument:
    """Return the sum of the counts of clusters."""
    whole = _summary(Summary())
    for summary in summaries:
        for name in COUNTS:
            whole[name] += summary[name]
    return whole


def _summary(summary: Summary) -> SummaryDocument:
    return {
        "create": summary.create,
        "update": summary.update,
        "replace": summary.replace,
        "delete": summary.delete,
        "held": summary.held,
        "unmanaged": summary.unmanaged,
        "unchanged": summary.unchanged,
    }
