"""Past runs: a list of them, and the outcome of one as it was told then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from rmqsync.model.counts import number_of
from rmqsync.model.errors import UsageError
from rmqsync.model.runs import RunRecord
from rmqsync.report import words
from rmqsync.report.colour import Style
from rmqsync.report.document import (
    ACTIONS,
    ClusterDocument,
    PlanDocument,
    RunDocument,
    RunsDocument,
    is_apply,
)
from rmqsync.report.escape import markdown, visible
from rmqsync.report.plan_json import FORMAT_VERSION, dumps, read_plan, total
from rmqsync.version import __version__

if TYPE_CHECKING:
    from rmqsync.report.formats import Format

_SHORT = 8
"""Characters of an id that are shown where the whole of it is too long."""
_COLOURS = {"applied": "green", "held": "yellow", "running": "cyan"}
_NONE = "No runs."
UNKNOWN_END = "How it ended is not known. This is what it was about to do:"


def runs_document(records: Sequence[RunRecord]) -> RunsDocument:
    """Return the document of a list of runs."""
    return {
        "format_version": FORMAT_VERSION,
        "rmqsync_version": __version__,
        "runs": [_run(record) for record in records],
    }


def past_run(records: Sequence[RunRecord]) -> PlanDocument:
    """
    Return what one run told of its clusters when it ended, or was about to do where it did not.

    Raises `SourceError` where the history holds something else.
    """
    told = [
        read_plan(record.document or "", f"run {record.run} on cluster '{record.cluster}'")
        for record in records
    ]
    clusters = [cluster for document in told for cluster in document["clusters"]]
    whole = {
        **told[0],
        "summary": total(cluster["summary"] for cluster in clusters),
        "clusters": clusters,
        "runs": [_run(record) for record in records],
    }
    return cast(PlanDocument, whole)


def _run(record: RunRecord) -> RunDocument:
    return {
        "run": record.run,
        "cluster": record.cluster,
        "status": record.status.value,
        "action": record.action,
        "trigger": record.trigger,
        "who": record.who,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "exit_code": record.exit_code,
        "commit": record.commit,
        "tree": record.tree,
        "dirty": record.dirty,
        "summary": dict(record.summary),
        "verified": record.verified,
        "error": record.error,
        "backup": record.backup,
        "rmqsync_version": record.rmqsync_version,
    }


def render_runs(form: Format, document: RunsDocument, *, color: bool = False) -> str:
    """Return a list of runs as text; raises `UsageError` for formats that have no place for one."""
    match form.value:
        case "text":
            return "\n".join(_table(document, Style(color))) + "\n"
        case "json":
            return dumps(document) + "\n"
        case "ndjson":
            return "".join(
                dumps({"type": "run", **run}, indent=None) + "\n" for run in document["runs"]
            )
        case "markdown":
            return "\n".join(_markdown(document)) + "\n"
    raise UsageError(f"a list of runs comes as text, json, ndjson or markdown, not {form.value}")


class _Column(NamedTuple):
    title: str
    cells: list[str]


def _columns(document: RunsDocument) -> list[_Column]:
    runs = document["runs"]
    return [
        _Column("Run", [run["run"][:_SHORT] for run in runs]),
        _Column("Started", [_time(run["started_at"]) for run in runs]),
        _Column("Cluster", [run["cluster"] for run in runs]),
        _Column("Action", [run["action"] for run in runs]),
        _Column("Status", [run["status"] for run in runs]),
        _Column("Changes", [_counts(run) for run in runs]),
        _Column("Commit", [_commit(run) for run in runs]),
        _Column("Who", [run["who"] for run in runs]),
    ]


def _table(document: RunsDocument, style: Style) -> Iterator[str]:
    if not document["runs"]:
        yield _NONE
        return
    columns = [
        _Column(column.title.upper(), [visible(cell) for cell in column.cells])
        for column in _columns(document)
    ]
    widths = [max(map(len, (column.title, *column.cells))) for column in columns]
    titles = [column.title.ljust(width) for column, width in zip(columns, widths, strict=True)]
    yield style("  ".join(titles).rstrip(), "bold")
    for number, run in enumerate(document["runs"]):
        cells = [
            column.cells[number].ljust(width) for column, width in zip(columns, widths, strict=True)
        ]
        cells[4] = style(cells[4], _COLOURS.get(run["status"], "red"))
        yield "  ".join(cells).rstrip()


def _markdown(document: RunsDocument) -> Iterator[str]:
    if not document["runs"]:
        yield _NONE
        return
    columns = _columns(document)
    yield "| " + " | ".join(column.title for column in columns) + " |"
    yield "|" + "---|" * len(columns)
    for number in range(len(document["runs"])):
        yield "| " + " | ".join(markdown(column.cells[number]) for column in columns) + " |"


def _time(at: str) -> str:
    """`2026-11-24T08:00:00.123Z` to the second, as people read it."""
    return at[:19].replace("T", " ") + "Z"


def _counts(run: RunDocument) -> str:
    """
    Return `+2 ~1 -0`, a replacement counting once on each side, and what was not done.

    Counts are those of the plan, so how much of it was done is told where it was not all.
    """
    summary = run["summary"]
    replaced = summary.get("replace", 0)
    text = (
        f"+{summary.get('create', 0) + replaced} ~{summary.get('update', 0)} "
        f"-{summary.get('delete', 0) + replaced}"
    )
    rest = [f"{summary[word]} {word}" for word in ("held", "failed") if summary.get(word)]
    return ", ".join([_share(run) + text, *rest])


def _share(run: RunDocument) -> str:
    summary = run["summary"]
    planned = sum(summary.get(action, 0) for action in ACTIONS)
    applied = summary.get("applied", 0)
    if run["status"] == "running" or applied >= planned:
        return ""
    if run["ended_at"] is None:  # killed: nobody wrote down how far it came
        return "at most "
    return f"{applied or 'none'} of "


def _commit(run: RunDocument) -> str:
    commit = run["commit"]
    return "-" if commit is None else f"{commit[:_SHORT]}{' (dirty)' if run['dirty'] else ''}"


def heading(document: PlanDocument, style: Style) -> Iterator[str]:
    """Yield what stands above the outcome of a past run: its facts, and what was applied."""
    for run in document.get("runs", ()):
        colour = _COLOURS.get(run["status"], "red")
        yield (
            style(f"Run {visible(run['run'])} on cluster {visible(run['cluster'])}: ", "bold")
            + style(visible(run["status"]), colour, "bold")
        )
        yield from (f"  {name:<9}{visible(text)}" for name, text in _facts(run) if text)
        yield ""
    if not is_apply(document):
        yield UNKNOWN_END  # and the findings follow, as with any plan
        yield ""
        return
    said = [one for cluster in document["clusters"] for one in cluster["findings"]]
    if said:
        yield from (f"{visible(one['severity'])}: {visible(one['message'])}" for one in said)
        yield ""
    applied = [one for one in words.all_changes(document) if one.get("result") == "applied"]
    if applied:
        yield from (
            style("Applied:", "green") + f" {words.subject(one)} {words.verb(one, document)}"
            for one in applied
        )
        yield ""


def ending(cluster: ClusterDocument, run: RunDocument | None) -> str:
    """Say in a sentence or two how a past run ended on a cluster, and what is proven of it."""
    status = None if run is None else run["status"]
    if "verified" not in cluster:
        return {
            "running": "It is under way. This is what it is about to do:",
            None: "",
        }.get(status, UNKNOWN_END)
    done = any(one.get("result") == "applied" for one in cluster["changes"])
    remaining = cluster.get("remaining") or []
    said = []
    if cluster.get("interrupted"):
        said.append("It was told to stop: the request in flight was finished, no other sent.")
    if remaining:
        number = number_of(len(remaining), "object")
        still = "differs" if len(remaining) == 1 else "differ"
        said.append(f"The cluster was read again, and {number} still {still}:")
    elif done and cluster["verified"]:
        said.append("The cluster was read again, and what was applied is as planned.")
    elif done:
        said.append("The cluster was not read again.")
    elif status == "refused":
        said.append("The run was refused: nothing was sent.")
    else:
        said.append("Nothing was applied.")
    return " ".join(said)


def _facts(run: RunDocument) -> Iterator[tuple[str, str]]:
    yield "what", f"{run['action']} by {run['who']} ({run['trigger']})"
    ended = f" to {_time(run['ended_at'])}" if run["ended_at"] else ""
    yield "when", f"{_time(run['started_at'])}{ended}"
    dirty = " with uncommitted changes" if run["dirty"] else ""
    yield "commit", f"{run['commit']}{dirty}" if run["commit"] else ""
    yield "exit", "" if run["exit_code"] is None else str(run["exit_code"])
    yield "backup", run["backup"] or ""
