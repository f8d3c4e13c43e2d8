"""
The formats there are, and the one way to render a document in any of them.

Each is loaded when it is asked for, since a run asks for one or two.
"""

from __future__ import annotations

from enum import Enum
from typing import assert_never, cast

from rmqsync.report.document import FindingsDocument, PlanDocument, RunsDocument


class Format(Enum):
    TEXT = "text"
    JSON = "json"
    NDJSON = "ndjson"
    MARKDOWN = "markdown"
    SARIF = "sarif"
    JUNIT = "junit"
    HTML = "html"
    GITHUB = "github"


FORMATS: tuple[str, ...] = tuple(one.value for one in Format)


def render(
    form: Format,
    document: PlanDocument | FindingsDocument | RunsDocument,
    *,
    color: bool = False,
    verbose: bool = False,
    key: str = "default",
) -> str:
    """
    Return a plan, the outcome of an apply, findings or past runs as text that ends with a newline.

    `color` and `verbose` (nothing is folded) are for `text` only; `key` tells apart the comments
    that several checks keep on one pull request, for `markdown` only. Nothing to say, as `github`
    may find, is the empty string.
    """
    if "clusters" in document:
        return _plan(form, cast(PlanDocument, document), color, verbose, key)
    if "runs" in document:
        from rmqsync.report.runs import render_runs

        return render_runs(form, cast(RunsDocument, document), color=color)
    return _findings(form, document, color, key)


def _plan(form: Format, document: PlanDocument, color: bool, verbose: bool, key: str) -> str:
    match form:
        case Format.TEXT:
            from rmqsync.report import text

            return text.plan(document, color=color, verbose=verbose)
        case Format.JSON:
            from rmqsync.report import plan_json

            return plan_json.dumps(document) + "\n"
        case Format.NDJSON:
            from rmqsync.report import ndjson

            return "".join(ndjson.plan(document))
        case Format.MARKDOWN:
            from rmqsync.report import markdown

            return markdown.plan(document, key=key)
        case Format.SARIF:
            from rmqsync.report import sarif

            return sarif.plan(document)
        case Format.JUNIT:
            from rmqsync.report import junit

            return junit.plan(document)
        case Format.HTML:
            from rmqsync.report import html

            return html.plan(document)
        case Format.GITHUB:
            from rmqsync.report import github

            return github.plan(document)
    assert_never(form)


def _findings(form: Format, document: FindingsDocument, color: bool, key: str) -> str:
    match form:
        case Format.TEXT:
            from rmqsync.report import text

            return text.findings(document, color=color)
        case Format.JSON:
            from rmqsync.report import plan_json

            return plan_json.dumps(document) + "\n"
        case Format.NDJSON:
            from rmqsync.report import ndjson

            return "".join(ndjson.findings(document))
        case Format.MARKDOWN:
            from rmqsync.report import markdown

            return markdown.findings(document, key=key)
        case Format.SARIF:
            from rmqsync.report import sarif

            return sarif.findings(document)
        case Format.JUNIT:
            from rmqsync.report import junit

            return junit.findings(document)
        case Format.HTML:
            from rmqsync.report import html

            return html.findings(document)
        case Format.GITHUB:
            from rmqsync.report import github

            return github.findings(document)
    assert_never(form)
