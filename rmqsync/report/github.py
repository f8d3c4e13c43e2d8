"""
Workflow commands of GitHub Actions: annotations on the lines that a pull request changes.

GitHub shows ten of each level for a step, so the worst come first and the rest is counted.
"""

from __future__ import annotations

from collections import Counter

from rmqsync.model.counts import number_of
from rmqsync.report import words
from rmqsync.report.document import FindingsDocument, PlanDocument, is_apply
from rmqsync.report.escape import visible, workflow_message, workflow_property
from rmqsync.report.marks import RULES, Mark, of_findings, of_plan

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
_MANY = 10


def plan(document: PlanDocument) -> str:
    """Return annotations for what a reviewer must see, and one with the counts."""
    summary = document["summary"]
    if is_apply(document):
        said = f"Resources: {words.apply_counts(document)}."
    elif words.has_changes(summary) or words.unusable(document):
        said = f"Plan: {words.plan_counts(summary)}."
        said += f" Held: {summary['held']}." if summary["held"] else ""
    else:
        said = words.no_changes(document)
    return _commands(of_plan(document), said)


def findings(document: FindingsDocument) -> str:
    """Return an annotation for each finding; the empty string for none."""
    marks = of_findings(document)
    return _commands(marks, f"Findings: {len(marks)}.") if marks else ""


def _commands(marks: list[Mark], said: str) -> str:
    shown: list[str] = []
    used: Counter[str] = Counter(note=1)  # the counts are a notice too
    left: Counter[str] = Counter()
    for mark in marks:
        level = mark.level if mark.level in _COMMANDS else "note"
        if used[level] < _MANY:
            used[level] += 1
            shown.append(_command(_COMMANDS[level], mark))
        else:
            left[level] += 1
    if left:
        counts = ", ".join(number_of(number, level) for level, number in left.items())
        said += f" Not annotated, since only {_MANY} of a level are shown: {counts}."
    shown.append(f"::notice title=rmqsync::{workflow_message(said)}")
    return "\n".join(shown) + "\n"


def _command(name: str, mark: Mark) -> str:
    properties = []
    if mark.file is not None:
        properties.append(f"file={workflow_property(mark.file)}")
        if mark.line:
            properties.append(f"line={mark.line}")
            properties += [f"col={mark.column}"] if mark.column else []
    title = RULES[mark.code].title if mark.code in RULES else mark.code
    properties.append(f"title={workflow_property(title)}")
    return f"::{name} {','.join(properties)}::{workflow_message(visible(mark.message))}"
