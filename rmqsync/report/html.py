"""One page that needs nothing else: no scripts, no assets, light or dark as the system is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rmqsync.report import blocks, words
from rmqsync.report.blocks import Detail, Line
from rmqsync.report.document import (
    ChangeDocument,
    ClusterDocument,
    FindingsDocument,
    PlanDocument,
    is_apply,
)
from rmqsync.report.escape import html as esc
from rmqsync.report.groups import Group, groups
from rmqsync.report.page import COLUMNS, footer_facts, row, verdict

_STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #fff; --soft: #f6f8fa; --line: #d1d9e0;
  --dim: #59636e; --add: #116329; --change: #7d4e00; --drop: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; --soft: #161b22;
  --line: #30363d; --dim: #9198a1; --add: #56d364; --change: #e3b341; --drop: #ff7b72; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .3rem .8rem; border: 1px solid var(--line); text-align: right; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; } th { background: var(--soft); }
details { margin: .5rem 0; } summary { cursor: pointer; }
pre { background: var(--soft); border: 1px solid var(--line); border-radius: 6px; padding: .8rem;
  overflow-x: auto; font: 13px/1.45 ui-monospace, monospace; }
.add { color: var(--add); } .change { color: var(--change); } .drop, .bad { color: var(--drop); }
.note, footer { color: var(--dim); } .head { font-weight: 600; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
"""
_CLASSES = {"+": "add", "~": "change", "-": "drop", "-/+": "drop", "#": "note"}


def plan(document: PlanDocument) -> str:
    """Return a plan, or of an apply what became of it, as a page."""
    body = [f"<h1>{esc(verdict(document))}</h1>", *_table(document)]
    impact = words.impact(document)
    if impact is not None and not is_apply(document):
        body.append(f"<p><strong>{esc(impact)}</strong></p>")
    body += _errors(document)
    for group in groups(document):
        body += _group(group, document)
    for cluster in document["clusters"]:
        body += _remarks(cluster)
    body.append(f"<footer><p>{esc(' · '.join(footer_facts(document)))}</p></footer>")
    return _page(verdict(document), body)


def findings(document: FindingsDocument) -> str:
    """Return findings as a page with a table."""
    summary = document["summary"]
    counts = f"{summary['error']} errors, {summary['warning']} warnings, {summary['note']} notes"
    found = document["findings"]
    title = f"rmqsync: {counts}" if found else "rmqsync: the definitions are valid"
    body = [f"<h1>{esc(title)}</h1>"]
    if found:
        body.append("<table><tr><th>Level</th><th>Place</th><th>Finding</th><th>Code</th></tr>")
        for one in found:
            bad = ' class="bad"' if one["severity"] == "error" else ""
            hint = f'<br><span class="note">{esc(one["hint"])}</span>' if one["hint"] else ""
            body.append(
                f"<tr><td{bad}>{esc(one['severity'])}</td>"
                f"<td><code>{esc(words.exact_place(one))}</code></td>"
                f'<td style="text-align: left">{esc(one["message"])}{hint}</td>'
                f"<td>{esc(one['code'])}</td></tr>"
            )
        body.append("</table>")
    return _page(title, body)


def _page(title: str, body: Iterable[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{esc(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def _table(document: PlanDocument) -> Iterator[str]:
    yield "<table><tr>" + "".join(f"<th>{name}</th>" for name in COLUMNS) + "</tr>"
    for cluster in document["clusters"]:
        yield "<tr>" + "".join(f"<td>{esc(cell)}</td>" for cell in row(cluster)) + "</tr>"
    yield "</table>"


def _errors(document: PlanDocument) -> Iterator[str]:
    for cluster in document["clusters"]:
        if cluster["error"]:
            yield (
                f'<p class="bad"><strong>{esc(cluster["name"])}</strong>: '
                f"{esc(cluster['error'])}</p>"
            )
        if cluster.get("remaining"):
            yield f'<p class="bad"><strong>{esc(cluster["name"])}</strong>: still different</p><ul>'
            for address in cluster["remaining"]:
                yield f"<li>{esc(words.sentence(address))}</li>"
            yield "</ul>"


def _group(group: Group, document: PlanDocument) -> Iterator[str]:
    folded = group.name in ("update", "create")
    yield f"<h2>{esc(group.title)} ({group.size})</h2>"
    for cluster, changes in group.parts:
        yield f"<details{'' if folded else ' open'}><summary>{esc(words.title(cluster))}: "
        yield f"{len(changes)}</summary>"
        yield "<pre>" + "\n\n".join(_block(one, document) for one in changes) + "</pre></details>"


def _block(change: ChangeDocument, document: PlanDocument) -> str:
    lines = blocks.lines(change, document, Detail())
    return "\n".join(_line(line, first=number == 0) for number, line in enumerate(lines))


def _line(line: Line, *, first: bool) -> str:
    sign, depth, text, note = line
    shown = f"{sign:>3} {esc(text)}" if sign else f"    {esc(text)}"
    comment = f' <span class="note"># {esc(note)}</span>' if note else ""
    style = "head" if first else _CLASSES.get(sign, "")
    margin = "    " if depth else ""
    return f'{margin}<span class="{style}">{shown}</span>{comment}' if style else margin + shown


def _remarks(cluster: ClusterDocument) -> Iterator[str]:
    if cluster["findings"]:
        yield f"<h2>Findings on {esc(cluster['name'])}</h2><ul>"
        for one in cluster["findings"]:
            where = words.place(one["source"])
            place = f"<code>{esc(where)}</code> " if where else ""
            said = f"{one['severity']}: {one['message']} [{one['code']}]"
            yield f"<li>{place}{esc(said)}</li>"
        yield "</ul>"
    if cluster["unmanaged"]:
        number = len(cluster["unmanaged"])
        yield f"<details><summary>Unmanaged on {esc(cluster['name'])}: {number}</summary><ul>"
        for entry in cluster["unmanaged"]:
            yield f"<li>{esc(words.sentence(entry['address']))}</li>"
        yield "</ul></details>"
