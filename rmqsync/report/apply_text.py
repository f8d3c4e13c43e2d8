"""What an apply did, as text: every failure by name, what was left out and why, what was proven."""

from __future__ import annotations

from collections.abc import Iterator

from rmqsync.model.counts import number_of
from rmqsync.report import words
from rmqsync.report.colour import Style
from rmqsync.report.document import ClusterDocument, PlanDocument
from rmqsync.report.escape import visible


def outcome(document: PlanDocument, style: Style) -> Iterator[str]:
    """Yield the lines of the report, the one that wrappers look for near the end."""
    several = len(document["clusters"]) > 1
    for cluster in document["clusters"]:
        found = list(_cluster(cluster, document, style))
        if found:
            if several:
                yield style(f"Cluster {words.title(cluster)}:", "bold")
                yield ""
            yield from found
            yield ""
    yield from _closing(document, style)


def _cluster(cluster: ClusterDocument, document: PlanDocument, style: Style) -> Iterator[str]:
    if cluster["error"]:
        yield style("Error:", "red", "bold") + f" {visible(cluster['error'])}"
    if cluster.get("interrupted"):
        yield (
            style("Interrupted:", "red", "bold")
            + " the request in flight was finished, no other sent."
        )
    for change in cluster["changes"]:
        result = change.get("result")
        if result == "applied":
            continue
        hold = change["hold"]
        label, colour = ("Failed", "red") if result == "failed" else ("Skipped", "yellow")
        if hold is not None and result != "failed":
            label = "Held"
        said = f"{words.subject(change)} {words.verb(change, document)}"
        yield style(f"{label}:", colour, "bold") + f" {said}"
        if change.get("error"):
            yield f"    {visible(str(change.get('error')))}"
        if hold is not None and hold["override"]:
            yield from (f"    {line}" for line in words.override(hold["override"]))
    yield from _proof(cluster, style)
    if cluster.get("backup") and _is_half_done(cluster):
        yield f"What it had before is kept in {visible(str(cluster.get('backup')))}"


def _is_half_done(cluster: ClusterDocument) -> bool:
    changes = cluster["changes"]
    missing = any(one.get("result") != "applied" and one["hold"] is None for one in changes)
    done = any(one.get("result") == "applied" for one in changes)
    return done and (missing or not cluster.get("verified") or cluster["error"] is not None)


def _proof(cluster: ClusterDocument, style: Style) -> Iterator[str]:
    remaining = cluster.get("remaining") or []
    if cluster.get("verified"):
        if any(change.get("result") == "applied" for change in cluster["changes"]):
            yield style("Verified:", "green") + " read again, and what was applied is as planned."
    elif remaining:
        number = number_of(len(remaining), "object")
        still = "differs" if len(remaining) == 1 else "differ"
        yield style("Not verified:", "red", "bold") + (
            f" read again, and {number} still {still} though the broker reported no error:"
        )
        yield from (f"    {visible(words.sentence(address))}" for address in remaining)
    elif any(change.get("result") == "applied" for change in cluster["changes"]):
        yield style("Not verified:", "red", "bold") + " the cluster was not read again."


def _closing(document: PlanDocument, style: Style) -> Iterator[str]:
    changes = list(words.all_changes(document))
    applied = sum(change.get("result") == "applied" for change in changes)
    failed = sum(change.get("result") == "failed" for change in changes)
    held = sum(c["hold"] is not None and c.get("result") == "skipped" for c in changes)
    skipped = sum(change.get("result") == "skipped" for change in changes) - held
    counts = words.apply_counts(document)
    # An interrupt that came when all was done has left nothing undone.
    clean = all(
        cluster.get("verified") and not cluster["error"] for cluster in document["clusters"]
    )
    if not changes and clean:
        yield style(words.NO_CHANGES, "green", "bold")
    elif clean and not failed and not skipped:
        yield style(f"Apply complete! Resources: {counts}.", "green", "bold")
    else:
        rest = [f"{failed} failed", f"{skipped} skipped"]
        yield style(f"Apply incomplete. Resources: {counts}; {', '.join(rest)}.", "red", "bold")
        if applied:
            yield (
                "Nothing was rolled back. Mend the cause and apply again: "
                "what is done is not repeated."
            )
        elif words.gone(document):
            yield "Nothing else was applied. Mend the cause and apply again."
        else:
            yield "Nothing was applied."
    if held:
        number = number_of(held, "change")
        yield style("Held:", "yellow", "bold") + f" {number} ({words.held_codes(document)})."
