"""
JUnit XML, for the test tabs of CI systems.

A change is a test: it passes when it goes ahead, is skipped when held or left out, fails when the
broker refused it. A finding is one too, and fails at level error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rmqsync.report import words
from rmqsync.report.document import ClusterDocument, FindingsDocument, PlanDocument
from rmqsync.report.escape import html as escaped
from rmqsync.report.marks import Mark, of_findings


class _Case(NamedTuple):
    group: str
    name: str
    state: str = "passed"
    """`passed`, `failure`, `error` or `skipped`."""
    message: str = ""
    file: str | None = None
    line: int = 0


def plan(document: PlanDocument) -> str:
    """Return one suite for each cluster."""
    suites = [
        (cluster["name"], list(_cases(cluster, document))) for cluster in document["clusters"]
    ]
    return _xml("rmqsync plan", suites)


def findings(document: FindingsDocument) -> str:
    """Return one suite; without findings it has one test, that passes."""
    cases = [_finding_case("definitions", mark) for mark in of_findings(document)]
    found = cases or [_Case("definitions", "the definitions are valid")]
    return _xml("rmqsync validate", [("definitions", found)])


def _cases(cluster: ClusterDocument, document: PlanDocument) -> Iterator[_Case]:
    name = cluster["name"]
    if cluster["status"] != "ok" or cluster["error"]:
        why = cluster["error"] or cluster["status"]
        yield _Case(name, "the cluster can be planned", "error", why)
    elif not cluster["changes"]:
        yield _Case(name, "no changes")
    for change in cluster["changes"]:
        hold, error = change["hold"], change.get("error") or ""
        state, message = "passed", ""
        if change.get("result") == "failed":
            state, message = "failure", error
        elif hold is not None:
            allow = (
                "; ".join(map(str.strip, words.override(hold["override"])))
                if hold["override"]
                else ""
            )
            message = f"held ({hold['code']}): {hold['reason']}" + (f"; {allow}" if allow else "")
            state = "skipped"
        elif change.get("result") == "skipped":
            state, message = "skipped", error
        source = change["source"]
        place = (source["file"], source["line"]) if source else (None, 0)
        said = f"{words.subject(change)} {words.verb(change, document)}"
        yield _Case(name, said, state, message, *place)
    for address in cluster.get("remaining", ()):
        said = words.sentence(address)
        yield _Case(name, f"{said} is as planned", "failure", "it differs after the apply")
    for one in cluster["findings"]:
        source = one["source"]
        place = (source["file"], source["line"]) if source else (None, 0)
        yield _finding_case(name, Mark(one["severity"], one["code"], one["message"], *place))


def _finding_case(group: str, mark: Mark) -> _Case:
    where = f" {mark.file}:{mark.line}" if mark.file else ""
    state = "failure" if mark.level == "error" else "passed"
    text = f"{mark.level}: {mark.message}" if state == "passed" else mark.message
    return _Case(group, f"{mark.code}{where}", state, text, mark.file, mark.line)


def _xml(name: str, suites: list[tuple[str, list[_Case]]]) -> str:
    every = [case for _, cases in suites for case in cases]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="{escaped(name)}" {_counts(every)}>')
    for title, cases in suites:
        lines.append(f'  <testsuite name="{escaped(title)}" {_counts(cases)}>')
        lines += [_case_xml(case) for case in cases]
        lines.append("  </testsuite>")
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _counts(cases: Iterable[_Case]) -> str:
    states = [case.state for case in cases]
    return (
        f'tests="{len(states)}" failures="{states.count("failure")}" '
        f'errors="{states.count("error")}" skipped="{states.count("skipped")}" time="0"'
    )


def _case_xml(case: _Case) -> str:
    place = f' file="{escaped(case.file)}"' if case.file is not None else ""
    place += f' line="{case.line}"' if case.file is not None and case.line else ""
    start = (
        f'    <testcase classname="{escaped(case.group)}" name="{escaped(case.name)}"'
        f'{place} time="0"'
    )
    if case.state != "passed":
        inner = f'<{case.state} message="{escaped(case.message)}"/>'
    elif case.message:
        inner = f"<system-out>{escaped(case.message)}</system-out>"
    else:
        return f"{start}/>"
    return f"{start}>{inner}</testcase>"
