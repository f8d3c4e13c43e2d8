"""What the head and foot of a report for reviewers say, whatever its markup."""

from __future__ import annotations

from collections import Counter

from rmqsync.model.counts import number_of
from rmqsync.report import words
from rmqsync.report.document import ClusterDocument, PlanDocument, is_apply
from rmqsync.report.escape import visible

COLUMNS = (
    "Cluster",
    "RabbitMQ",
    "Create",
    "Update",
    "Replace",
    "Destroy",
    "Held",
    "Unmanaged",
    "Unchanged",
)


def row(cluster: ClusterDocument) -> tuple[str, ...]:
    """Return the cells of one cluster under `COLUMNS`; a count of nothing is a dash."""
    summary = cluster["summary"]
    about = cluster["rabbitmq_version"] or ""
    if cluster["status"] != "ok":
        about = cluster["status"]
    return (cluster["name"], about, *counts_row(list(summary.values())))


def counts_row(counts: list[object]) -> tuple[str, ...]:
    return tuple(str(one) if one else "–" for one in counts)


def verdict(document: PlanDocument) -> str:
    """Say in one line what the document comes to."""
    summary = document["summary"]
    broken = len(words.unusable(document))
    missing = f"; {number_of(broken, 'cluster')} not planned" if broken else ""
    held = f", {summary['held']} held back" if summary["held"] else ""
    sides = document.get("sides")
    what = "plan"
    if sides is not None:
        what = f"diff from {visible(sides['from'])} to {visible(sides['to'])}"
    if is_apply(document):
        return f"rmqsync apply: {words.apply_counts(document)}{_failures(document)}{held}"
    if words.has_changes(summary):
        return f"rmqsync {what}: {words.plan_counts(summary)}{held}{missing}"
    if broken:
        return f"rmqsync {what}: {number_of(broken, 'cluster')} not planned"
    return f"rmqsync {what}: no changes"


def sign(document: PlanDocument) -> str:
    """Return the emoji that goes before the verdict."""
    changes = list(words.all_changes(document))
    results = {change.get("result") for change in changes}
    bad = any(c["error"] or c.get("verified") is False for c in document["clusters"])
    if bad or "failed" in results or words.unusable(document):
        return "❌"
    if document["summary"]["held"]:
        return "✋"
    if any(c["action"] in ("delete", "replace") for c in changes):
        return "⚠️"
    return "✅"


def footer_facts(document: PlanDocument) -> list[str]:
    """Return from what and when the document was made."""
    commit, dirty = document["revision"]["commit"], document["revision"]["dirty"]
    facts = [f"commit {visible(commit)[:12]}"] if commit else []
    facts += ["with uncommitted changes"] if dirty else []
    facts += [document["created_at"], f"rmqsync {document['rmqsync_version']}"]
    return [visible(fact) for fact in facts]


def _failures(document: PlanDocument) -> str:
    results = Counter(
        change.get("result") for change in words.all_changes(document) if not change["hold"]
    )
    unverified = sum(cluster.get("verified") is False for cluster in document["clusters"])
    text = "".join(f", {results[one]} {one}" for one in ("failed", "skipped") if results[one])
    return text + (f", {number_of(unverified, 'cluster')} not verified" if unverified else "")
