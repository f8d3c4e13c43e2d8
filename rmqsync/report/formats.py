"""The formats there are, and the one way to render a document in any of them."""

from __future__ import annotations

from enum import Enum
from typing import assert_never, cast

from rmqsync.report import github, html, junit, markdown, ndjson, plan_json, sarif, text
from rmqsync.report.document import FindingsDocument, PlanDocument


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
    document: PlanDocument | FindingsDocument,
    *,
    color: bool = False,
    verbose: bool = False,
    key: str = "default",
) -> str:
    """
    Return a plan, the outcome of an apply, or findings as text that ends with a newline.

    `color` and `verbose` (nothing is folded) are for `text` only; `key` tells apart the comments
    that several checks keep on one pull request, for `markdown` only. Nothing to say, as `github`
    may find, is the empty string.
    """
    if "clusters" in document:
        return _plan(form, cast(PlanDocument, document), color, verbose, key)
    return _findings(form, document, color, key)


def _plan(form: Format, document: PlanDocument, color: bool, verbose: bool, key: str) -> str:
    match form:
        case Format.TEXT:
            return text.plan(document, color=color, verbose=verbose)
        case Format.JSON:
            return plan_json.dumps(document) + "\n"
        case Format.NDJSON:
            return "".join(ndjson.plan(document))
        case Format.MARKDOWN:
            return markdown.plan(document, key=key)
        case Format.SARIF:
            return sarif.plan(document)
        case Format.JUNIT:
            return junit.plan(document)
        case Format.HTML:
            return html.plan(document)
        case Format.GITHUB:
            return github.plan(document)
    assert_never(form)


def _findings(form: Format, document: FindingsDocument, color: bool, key: str) -> str:
    match form:
        case Format.TEXT:
            return text.findings(document, color=color)
        case Format.JSON:
            return plan_json.dumps(document) + "\n"
        case Format.NDJSON:
            return "".join(ndjson.findings(document))
        case Format.MARKDOWN:
            return markdown.findings(document, key=key)
        case Format.SARIF:
            return sarif.findings(document)
        case Format.JUNIT:
            return junit.findings(document)
        case Format.HTML:
            return html.findings(document)
        case Format.GITHUB:
            return github.findings(document)
    assert_never(form)
