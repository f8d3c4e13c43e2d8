"""
A plan as the comment on a pull request.

The verdict comes first, then what may hurt, then the rest, folded. Forges refuse comments of more
than 65,536 characters: when all does not fit, details go first, creations before updates before the
rest; then objects, and what is not shown is counted. A marker that is not seen lets the next run
find the comment and write it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from rmqsync.model.counts import number_of
from rmqsync.report import blocks, words
from rmqsync.report.blocks import Detail, Line
from rmqsync.report.document import (
    ChangeDocument,
    ClusterDocument,
    FindingsDocument,
    PlanDocument,
    is_apply,
)
from rmqsync.report.escape import code_span, longest_backticks, markdown_html, shortened
from rmqsync.report.escape import markdown as md
from rmqsync.report.groups import Group, groups
from rmqsync.report.page import COLUMNS, counts_row, footer_facts, row, sign, verdict

LIMIT = 65_000
"""Characters; forges take 65,536."""

_ROOM_FOR_CUTS = 700
_DETAIL = Detail(implied=5, fields=40, width=300)
_MANY_CLUSTERS = 60
_MANY_ERRORS = 20
_LONG_REASON = 400
_ADDRESS = 600
_ATTEMPTS = (
    frozenset[str](),
    frozenset({"create"}),
    frozenset({"create", "update"}),
    frozenset({"create", "update", "held", "danger", "failed", "skipped"}),
)
"""Names of sections that are shown without details, one attempt after the other."""


@dataclass(frozen=True, slots=True)
class Item:
    full: str
    brief: str
    what: str
    """What it counts as where it is cut: "to create"."""


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: str
    parts: list[tuple[str, list[Item]]]
    """(summary line, its items), by cluster."""
    fenced: bool = False
    folded: bool = False


def marker(key: str) -> str:
    """Return the comment in a comment that tells which check it belongs to."""
    return f"<!-- rmqsync:plan:{''.join(c if c.isalnum() or c in '._' else '-' for c in key)} -->"


def plan(document: PlanDocument, *, key: str = "default") -> str:
    """Return a plan, or of an apply what became of it, of at most `LIMIT` characters."""
    head = "".join(_head(document, key))
    foot = f"\n<sub>{md(' · '.join(footer_facts(document)))}</sub>\n"
    return _fit(head, list(_sections(document)), foot)


def findings(document: FindingsDocument, *, key: str = "default") -> str:
    """Return findings as a comment of at most `LIMIT` characters, errors first."""
    found = document["findings"]
    summary = document["summary"]
    parts = (number_of(summary["error"], "error"), number_of(summary["warning"], "warning"))
    counts = f"{', '.join(parts)}, {number_of(summary['note'], 'note')}"
    said = f"rmqsync validate: {counts}" if found else "rmqsync validate: the definitions are valid"
    emoji = "❌" if summary["error"] else "⚠️" if summary["warning"] else "✅"
    items = []
    for one in sorted(found, key=lambda one: ("error", "warning", "note").index(one["severity"])):
        hint = f" *{md(shortened(one['hint'], _LONG_REASON))}*" if one["hint"] else ""
        items.append(
            _remark(one["severity"], one["code"], words.exact_place(one), one["message"], hint)
        )
    head = f"{marker(key)}\n### {emoji} {md(said)}\n\n"
    return _fit(head, [Section("findings", "", [("", items)])] if items else [], "")


def _fit(head: str, sections: list[Section], foot: str) -> str:
    room = LIMIT - len(head) - len(foot) - _ROOM_FOR_CUTS
    for brief in _ATTEMPTS:
        body, cut = _body(sections, brief, room)
        if not cut:
            return head + body + foot
    counts = ", ".join(f"{number} {what}" for what, number in cut.items())
    note = (
        f"> **Cut to fit a comment.** Not shown: {counts}. "
        "The job's log has all of it, as do other formats (`--report json=plan.json`).\n"
    )
    return head + body + note + foot


def _body(sections: list[Section], brief: frozenset[str], room: int) -> tuple[str, Counter[str]]:
    written: list[str] = []
    cut: Counter[str] = Counter()
    for section in sections:
        heading = f"#### {section.title}\n\n" if section.title else ""
        for summary, items in section.parts:
            texts = [item.brief if section.name in brief else item.full for item in items]
            before, after = _frame(section, summary, texts)
            left = room - len(heading) - len(before) - len(after)
            taken = 0
            for text in texts:
                left -= len(text)
                if left < 0:
                    break
                taken += 1
            cut.update(item.what for item in items[taken:])
            if taken:
                inner = "".join(texts[:taken]).rstrip("\n") + "\n"
                written += [heading, before, inner, after]
                room -= sum(map(len, (heading, before, inner, after)))
                heading = ""
    return "".join(written), cut


def _frame(section: Section, summary: str, texts: list[str]) -> tuple[str, str]:
    before, after = "", "\n"
    if section.fenced:
        fence = "`" * max(3, 1 + max(map(longest_backticks, texts)))
        before, after = f"{fence}diff\n", f"{fence}\n\n"
    if not summary:
        return before, after
    opened = "" if section.folded else " open"
    return (
        f"<details{opened}><summary>{summary}</summary>\n\n{before}",
        f"{after}</details>\n\n",
    )


def _head(document: PlanDocument, key: str) -> Iterator[str]:
    yield f"{marker(key)}\n### {sign(document)} {md(verdict(document))}\n\n"
    yield f"| {' | '.join(COLUMNS)} |\n|:--|:--|{'--:|' * (len(COLUMNS) - 2)}\n"
    clusters = sorted(document["clusters"], key=_quiet)
    for cluster in clusters[:_MANY_CLUSTERS]:
        cells = row(cluster)
        names = (md(shortened(cells[0], 60)), md(shortened(cells[1], 40)))
        yield f"| {' | '.join((*names, *cells[2:]))} |\n"
    rest = clusters[_MANY_CLUSTERS:]
    if rest:
        columns = zip(*(list(cluster["summary"].values()) for cluster in rest), strict=True)
        sums: list[object] = [sum(int(str(one)) for one in column) for column in columns]
        yield f"| {' | '.join((f'and {len(rest)} more', '', *counts_row(sums)))} |\n"
    yield "\n"
    impact = words.impact(document)
    if impact is not None and not is_apply(document):
        yield f"**{md(impact)}**\n\n"
    failed = [cluster for cluster in document["clusters"] if cluster["error"]]
    for cluster in failed[:_MANY_ERRORS]:
        why = md(shortened(cluster["error"] or "", _LONG_REASON))
        yield f"- ❌ **{md(shortened(cluster['name'], 60))}**: {why}\n"
    if len(failed) > _MANY_ERRORS:
        yield f"- ❌ and {number_of(len(failed) - _MANY_ERRORS, 'more cluster')}\n"
    yield "\n" if failed else ""


def _quiet(cluster: ClusterDocument) -> bool:
    return cluster["status"] == "ok" and not cluster["error"] and not cluster["changes"]


def _sections(document: PlanDocument) -> Iterator[Section]:
    clusters = document["clusters"]
    remaining = [
        (_summary(c, len(c["remaining"])), [_bullet(a, "not verified") for a in c["remaining"]])
        for c in clusters
        if c.get("remaining")
    ]
    if remaining:
        yield Section("remaining", "Still different after the apply", remaining)
    found = groups(document)
    urgent = [group for group in found if group.name not in ("update", "create")]
    yield from (_changes(group, document) for group in urgent)
    remarks = [
        (
            _summary(c, len(c["findings"])),
            [
                _remark(f["severity"], f["code"], words.place(f["source"]), f["message"])
                for f in c["findings"]
            ],
        )
        for c in clusters
        if c["findings"]
    ]
    if remarks:
        yield Section("findings", "Findings", remarks)
    yield from (_changes(group, document) for group in found if group not in urgent)
    unmanaged = [
        (
            _summary(c, len(c["unmanaged"])),
            [_bullet(entry["address"], "unmanaged") for entry in c["unmanaged"]],
        )
        for c in clusters
        if c["unmanaged"]
    ]
    if unmanaged:
        yield Section("unmanaged", "Unmanaged, left alone", unmanaged, folded=True)


def _summary(cluster: ClusterDocument, number: int) -> str:
    return f"<b>{markdown_html(shortened(cluster['name'], 60))}</b>: {number}"


def _changes(group: Group, document: PlanDocument) -> Section:
    listed = group.name in ("held", "failed", "skipped")
    make = _listed if listed else _fenced
    parts = [
        (_summary(cluster, len(changes)), [make(change, document) for change in changes])
        for cluster, changes in group.parts
    ]
    folded = group.name in ("update", "create")
    title = f"{group.title} ({group.size})"
    return Section(group.name, title, parts, fenced=not listed, folded=folded)


def _fenced(change: ChangeDocument, document: PlanDocument) -> Item:
    lines = blocks.lines(change, document, _DETAIL)
    full = "".join(map(_diff_line, lines)) + "\n"
    address = shortened(change["address"], _ADDRESS)
    what = _CUT.get(change["action"], "changed") if "result" not in change else "applied"
    return Item(full, _diff_line(Line(blocks.SIGNS[change["action"]], 0, address)), what)


_CUT = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to destroy",
}


def _diff_line(line: Line) -> str:
    """Put the sign into the first column, where forges colour by it; `!` is their `~`."""
    note = f" # {line.note}" if line.note else ""
    sign_here = "!" if line.sign == "~" else line.sign
    margin = "    " if line.depth else ""
    return f"{sign_here} {margin}{line.text}{note}\n" if sign_here else f"  {margin}{line.text}\n"


def _listed(change: ChangeDocument, document: PlanDocument) -> Item:
    hold = change["hold"]
    address = code_span(shortened(change["address"], _ADDRESS))
    held = f" (held: {md(hold['code'])})" if hold is not None else ""
    said = f"- {address} {md(words.verb(change, document))}{held}"
    reason = hold["reason"] if hold else change.get("error")
    said += f": {md(shortened(reason, _LONG_REASON))}" if reason else ""
    if hold is not None and hold["override"]:
        first, *more = words.override(hold["override"])
        intro, _, flag = first.partition(": ")
        spans = " ".join(code_span(shortened(line.strip(), 1000)) for line in (flag, *more))
        said += f"<br>{md(intro.capitalize())}: {spans}"
    lines = [Line("#", 0, fact) for fact in blocks.facts(change, _DETAIL)]
    lines += blocks.body(change, document, _DETAIL)
    diff = "".join(map(_diff_line, lines))
    fence = "`" * max(3, 1 + longest_backticks(diff))
    inner = "".join(f"  {line}\n" for line in (f"{fence}diff", *diff.splitlines(), fence))
    what = {"failed": "failed", "skipped": "skipped"}.get(change.get("result", ""), "held")
    return Item(f"{said}\n\n{inner}\n", f"{said}\n", "held" if hold else what)


def _remark(level: str, code: str, place: str, message: str, hint: str = "") -> Item:
    emoji = {"error": "❌", "warning": "⚠️"}.get(level, "ℹ️")
    where = f"{code_span(shortened(place, _ADDRESS))} " if place else ""
    text = f"- {emoji} {where}{md(shortened(message, _LONG_REASON))}{hint} ({code_span(code)})\n"
    return Item(text, text, "findings")


def _bullet(address: str, what: str) -> Item:
    text = f"- {code_span(shortened(address, _ADDRESS))}\n"
    return Item(text, text, what)
