"""
The plan in Terraform's words, for people at a terminal and for what parses such output.

Symbols, `# forces replacement`, `No changes.`, `Plan:` and the sentences behind `#` are Terraform's
to the letter. Where rmqsync knows more (holds, losses, what a queue holds) it has lines of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from rmqsync.model.counts import number_of
from rmqsync.report import blocks, words
from rmqsync.report.apply_text import outcome
from rmqsync.report.blocks import LEGEND, SIGNS, Detail, Line
from rmqsync.report.colour import Style
from rmqsync.report.document import (
    ChangeDocument,
    ClusterDocument,
    FindingsDocument,
    PlanDocument,
    is_apply,
)
from rmqsync.report.escape import visible

_MANY_UNMANAGED = 10
_SIGN_COLOURS = {"+": "green", "~": "yellow", "-": "red"}
_LEVEL_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}


def plan(document: PlanDocument, *, color: bool = False, verbose: bool = False) -> str:
    """Return a plan, or of an apply what became of it, as text that ends with a newline."""
    style = Style(color)
    lines = outcome(document, style) if is_apply(document) else _plan(document, style, verbose)
    if "runs" in document:
        from rmqsync.report.runs import heading

        lines = chain(heading(document, style), lines)
    return "\n".join(lines) + "\n"


def findings(document: FindingsDocument, *, color: bool = False) -> str:
    """Return findings a line each, as compilers write them, and their count."""
    style = Style(color)
    found = []
    for one in document["findings"]:
        level = style(one["severity"], _LEVEL_COLOURS.get(one["severity"], "bold"), "bold")
        hint = f"; {visible(one['hint'])}" if one["hint"] else ""
        message = f"{level}: {visible(one['message'])}{hint} [{visible(one['code'])}]"
        where = words.exact_place(one)
        found.append(f"{style(where, 'bold')}: {message}" if where else message)
    summary = document["summary"]
    if not found:
        return style("Success! The definitions are valid.", "green") + "\n"
    counts = [number_of(summary[level], level) for level in ("error", "warning", "note")]
    return "\n".join([*found, "", f"Findings: {', '.join(counts)}."]) + "\n"


def _plan(document: PlanDocument, style: Style, verbose: bool) -> Iterator[str]:
    clusters = document["clusters"]
    several = len(clusters) > 1
    yield from _drift_note(document, style)
    yield from _legend(document, style)
    for cluster in clusters:
        if several:
            yield from _heading(cluster, style)
        yield from _changes(cluster, document, style, verbose)
        yield from _unmanaged(cluster, style, verbose)
        yield from _remarks(cluster, style)
    yield from _closing(document, style)


def _drift_note(document: PlanDocument, style: Style) -> Iterator[str]:
    if "sides" in document:
        return
    found = [
        (cluster, line)
        for cluster in document["clusters"]
        for change in cluster["changes"]
        for line in words.drifted(change)
    ]
    if not found:
        return
    yield style("Note: Objects have changed outside of rmqsync", "cyan", "bold")
    yield ""
    for cluster in document["clusters"]:
        lines = [line for one, line in found if one is cluster]
        if lines:
            yield f"On cluster {words.title(cluster)}, {words.since(cluster)}:"
            yield from (f"  {line}" for line in lines)
            yield ""


def _legend(document: PlanDocument, style: Style) -> Iterator[str]:
    actions = {change["action"] for change in words.all_changes(document)}
    if not actions:
        return
    sides = document.get("sides")
    if sides is None:
        yield f"rmqsync used {_definitions(document)} to generate the following execution"
        yield "plan. Resource actions are indicated with the following symbols:"
    else:
        yield f"From {visible(sides['from'])} to {visible(sides['to'])} it takes the following"
        yield "actions, indicated with these symbols:"
    for action, meaning in LEGEND.items():
        if action in actions:
            yield f"{_sign(f'{SIGNS[action]:>3}', style)} {meaning}"
    yield ""


def _definitions(document: PlanDocument) -> str:
    commit, dirty = document["revision"]["commit"], document["revision"]["dirty"]
    if commit is None:
        return "the definitions"
    changed = " with uncommitted changes" if dirty else ""
    return f"the definitions of commit {visible(commit)[:12]}{changed}"


def _heading(cluster: ClusterDocument, style: Style) -> Iterator[str]:
    summary = cluster["summary"]
    if cluster["status"] != "ok":
        state = style(visible(cluster["status"]), "red")
    elif not words.has_changes(summary):
        state = "no changes"
    else:
        held = f", {summary['held']} held" if summary["held"] else ""
        state = words.plan_counts(summary) + held
    yield style(f"Cluster {words.title(cluster)}:", "bold") + f" {state}"
    yield ""


def _changes(
    cluster: ClusterDocument, document: PlanDocument, style: Style, verbose: bool
) -> Iterator[str]:
    detail = blocks.FULL if verbose else Detail()
    ready = [change for change in cluster["changes"] if change["hold"] is None]
    held = [change for change in cluster["changes"] if change["hold"] is not None]
    if ready:
        if "sides" not in document:
            on = "" if len(document["clusters"]) > 1 else f" on cluster {words.title(cluster)}"
            yield f"rmqsync will perform the following actions{on}:"
            yield ""
        yield from _blocks(ready, document, style, detail)
    if held:
        yield style("Held back, none of this will be done unless it is allowed:", "yellow")
        yield ""
        yield from _blocks(held, document, style, detail)


def _blocks(
    changes: Iterable[ChangeDocument], document: PlanDocument, style: Style, detail: Detail
) -> Iterator[str]:
    for change in changes:
        first = True
        for line in blocks.lines(change, document, detail):
            yield _line(line, style, bold=first)
            first = False
        yield ""


def _line(line: Line, style: Style, *, bold: bool) -> str:
    sign, depth, text, note = line
    margin = "    " if depth else ""
    if not sign:
        return f"{margin}    {text}"
    if sign == "#":
        held = text.startswith("held (")
        marked = (
            style(f"# {text}", "bold") if bold else style(f"# {text}", "yellow") if held else ""
        )
        return f"{margin}  {marked or f'# {text}'}"
    if note:
        note = " " + style(f"# {note}", "red" if note == "forces replacement" else "dim")
    return f"{margin}{_sign(f'{sign:>3}', style)} {text}{note}"


def _sign(sign: str, style: Style) -> str:
    margin = " " * (len(sign) - len(sign.lstrip()))
    return margin + "".join(
        style(one, _SIGN_COLOURS[one]) if one in _SIGN_COLOURS else one for one in sign.strip()
    )


def _unmanaged(cluster: ClusterDocument, style: Style, verbose: bool) -> Iterator[str]:
    entries = cluster["unmanaged"]
    if not entries:
        return
    number = number_of(len(entries), "object")
    if len(entries) > _MANY_UNMANAGED and not verbose:
        yield f"Unmanaged, left alone: {number} ({words.by_kind(entries)}); -v lists them."
    else:
        yield f"Unmanaged, left alone: {number}"
        for entry in entries:
            yield style(f"    {visible(words.sentence(entry['address']))}", "dim")
    yield ""


def _remarks(cluster: ClusterDocument, style: Style) -> Iterator[str]:
    for finding in cluster["findings"]:
        level = style(finding["severity"], _LEVEL_COLOURS.get(finding["severity"], "bold"))
        message = f"{level}: {visible(finding['message'])} [{visible(finding['code'])}]"
        where = words.place(finding["source"])
        yield f"{where}: {message}" if where else message
    if cluster["findings"]:
        yield ""


def _closing(document: PlanDocument, style: Style) -> Iterator[str]:
    summary, broken = document["summary"], words.unusable(document)
    if len(broken) == len(document["clusters"]) > 0:
        pass  # nothing was planned at all
    elif words.has_changes(summary) or broken:
        yield style("Plan:", "bold") + f" {words.plan_counts(summary)}."
    else:
        yield style(words.no_changes(document), "green", "bold")
    if summary["held"]:
        held = number_of(summary["held"], "change")
        yield style("Held:", "yellow", "bold") + f" {held} ({words.held_codes(document)})."
    impact = words.impact(document)
    if impact is not None:
        yield style(impact, "bold")
    for cluster in broken:
        name, status = visible(cluster["name"]), visible(cluster["status"])
        # The broker's errors start with the name of their cluster already.
        why = visible((cluster["error"] or status).removeprefix(f"{cluster['name']}: "))
        yield style("Error:", "red", "bold") + f" cluster {name} was not planned: {why}"
