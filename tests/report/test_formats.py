"""What holds for every format, whatever is in the plan."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from rmqsync.model.changes import (
    ABSENT,
    Action,
    Cause,
    Change,
    ClusterPlan,
    ClusterResult,
    FieldChange,
    Hold,
    HoldCode,
    Impact,
    Loss,
    Outcome,
    Ref,
    Result,
)
from rmqsync.model.findings import Finding, Origin, Severity
from rmqsync.report import markdown
from rmqsync.report.document import FindingsDocument, PlanDocument
from rmqsync.report.formats import FORMATS, Format, render
from rmqsync.report.plan_json import findings_document, plan_document
from tests.report import plans

SECRET = "hush-b7e1f0"

names = st.one_of(
    st.sampled_from(plans.STRANGE),
    st.text(max_size=12),
    st.text(alphabet="`|<>&@#:\n\r\x1b\x9b\u202e\\%,-*_[](){}'\"/ a1", max_size=30),
)
values = st.one_of(st.none(), st.booleans(), st.integers(), names, st.lists(names, max_size=2))
sides = st.one_of(st.just(ABSENT), values)


@st.composite
def field_changes(draw: st.DrawFn) -> FieldChange:
    path = tuple(draw(st.lists(st.one_of(names, st.integers(0, 9)), min_size=1, max_size=3)))
    if draw(st.booleans()):
        return FieldChange(path, SECRET, {"x": SECRET}, False, True)
    return FieldChange(path, draw(sides), draw(sides), draw(st.booleans()))


@st.composite
def changes(draw: st.DrawFn) -> Change:
    action = draw(st.sampled_from(Action))
    kind, key = draw(
        st.one_of(
            st.tuples(st.just("queue"), st.tuples(names, names)),
            st.tuples(
                st.just("binding"),
                st.tuples(
                    names, names, st.just("queue"), names, names, st.sampled_from(["", "{}"])
                ),
            ),
        )
    )
    holds = st.builds(Hold, st.sampled_from(HoldCode), names, st.one_of(st.none(), names))
    return plans.change(
        action,
        kind,
        key,
        *draw(st.lists(field_changes(), max_size=3)),
        cause=draw(st.sampled_from(Cause)),
        loss=draw(st.sampled_from(Loss)),
        hold=draw(st.one_of(st.none(), holds)),
        impact=Impact(draw(st.one_of(st.none(), st.integers(0, 9))), None, (Ref(kind, key),)),
        source=draw(st.one_of(st.none(), st.builds(Origin, names, st.integers(0, 9)))),
    )


@st.composite
def documents(draw: st.DrawFn) -> PlanDocument:
    clusters = tuple(
        ClusterPlan(
            name,
            error=draw(st.one_of(st.none(), names)),
            changes=tuple(draw(st.lists(changes(), max_size=4))),
            unmanaged=tuple(
                draw(
                    st.lists(st.builds(Ref, st.just("queue"), st.tuples(names, names)), max_size=2)
                )
            ),
            findings=tuple(draw(st.lists(findings, max_size=2))),
        )
        for name in draw(st.lists(names, max_size=2, unique=True))
    )
    results = None
    if draw(st.booleans()):
        outcomes = st.lists(
            st.builds(Result, st.sampled_from(Outcome), st.one_of(st.none(), names))
        )
        results = [
            ClusterResult(cluster, tuple(draw(outcomes)[: len(cluster.changes)]))
            for cluster in clusters
        ]
    return plan_document(plans.plan(*clusters), results)


findings = st.builds(
    Finding,
    st.just("RMQ010"),
    st.sampled_from(Severity),
    names,
    st.one_of(st.none(), st.builds(Origin, names, st.integers(0, 9), st.integers(0, 9))),
    st.none(),
    st.one_of(st.none(), names),
)


class Page(HTMLParser):
    """Counts elements, and refuses any that we do not write."""

    ELEMENTS = frozenset(
        re.findall(
            r"\w+",
            "html head meta title style body h1 h2 h3 h4 table thead tbody tr th td p strong "
            "details summary pre code span footer ul li br sub em b blockquote",
        )
    )
    ATTRIBUTES = frozenset(
        ("class", "lang", "charset", "name", "content", "http-equiv", "open", "style")
    )

    def __init__(self) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ELEMENTS
        assert {name for name, _ in attrs} <= self.ATTRIBUTES
        self.elements[tag] += tag not in ("meta", "br")

    def handle_endtag(self, tag: str) -> None:
        self.elements[tag] -= 1

    def handle_comment(self, data: str) -> None:
        assert data.startswith(" rmqsync:plan:")


def check(form: Format, text: str) -> None:
    """Assert that the text is well formed and holds nothing that could do harm."""
    assert SECRET not in text
    text.encode()
    assert all(line.isprintable() for line in text.replace("\u200b", "").split("\n"))
    match form:
        case Format.JSON | Format.SARIF:
            json.loads(text)
        case Format.NDJSON:
            assert all(json.loads(line)["type"] for line in text.splitlines())
        case Format.JUNIT:
            ElementTree.fromstring(text)
        case Format.HTML:
            page(text)
        case Format.MARKDOWN:
            assert len(text) <= markdown.LIMIT
            page(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
        case Format.GITHUB:
            pattern = r"::(error|warning|notice) [^:\n]*::[^\n]*"
            assert all(re.fullmatch(pattern, line) for line in text.splitlines())
        case Format.TEXT:
            pass


def page(text: str) -> None:
    parser = Page()
    parser.feed(text)
    parser.close()
    assert set(parser.elements.values()) <= {0}


@pytest.mark.parametrize("form", Format, ids=FORMATS)
@settings(max_examples=40)
@given(document=documents())
def test_no_plan_breaks_a_format_or_shows_a_secret(form: Format, document: PlanDocument) -> None:
    check(form, render(form, document, verbose=True))


@pytest.mark.parametrize("form", Format, ids=FORMATS)
@settings(max_examples=20)
@given(document=st.lists(findings, max_size=4).map(findings_document))
def test_no_finding_breaks_a_format(form: Format, document: FindingsDocument) -> None:
    check(form, render(form, document))


def big(number: int, hold: Hold | None = None) -> PlanDocument:
    changes = tuple(
        plans.queue(
            list(Action)[index % 4],
            f"qu.{index}",
            plans.became("arguments", "x-max-length", was=1, to=index),
            hold=hold if index % 5 == 0 else None,
        )
        for index in range(number)
    )
    clusters = (ClusterPlan("a", changes=changes), ClusterPlan("b", changes=changes[: number // 2]))
    return plan_document(plans.plan(*clusters))


@pytest.mark.parametrize("number", [1, 40, 200, 700, 1_500, 4_000])
def test_a_comment_fits_and_what_is_cut_is_counted(number: int) -> None:
    document = big(number, plans.UNHEALTHY)

    text = render(Format.MARKDOWN, document)

    assert len(text) <= markdown.LIMIT
    shown = Counter(
        {
            "to create": len(re.findall(r"^\+ queue:", text, re.M)),
            "to update": len(re.findall(r"^! queue:", text, re.M)),
            "to replace": len(re.findall(r"^-/\+ queue:", text, re.M)),
            "to destroy": len(re.findall(r"^- queue:", text, re.M)),
            "held": len(re.findall(r"^- `queue:", text, re.M)),
        }
    )
    note = re.search(r"Not shown: (.*?)\. ", text)
    cut = note[1].split(", ") if note else []
    for entry in cut:
        count, _, what = entry.partition(" ")
        shown[what] += int(count)
    summary = document["summary"]
    assert shown == Counter(
        {
            "to create": summary["create"],
            "to update": summary["update"],
            "to replace": summary["replace"],
            "to destroy": summary["delete"],
            "held": summary["held"],
        }
    )
    assert bool(cut) is (number > 700)


def test_a_comment_of_a_thousand_clusters_fits() -> None:
    change = plans.queue(Action.CREATE, "q" * 250)
    clusters = [
        ClusterPlan(f"cluster-{n}" * 20, error="x" * 5_000, changes=(change,)) for n in range(1000)
    ]

    text = render(Format.MARKDOWN, plan_document(plans.plan(*clusters)))

    assert len(text) <= markdown.LIMIT


def test_annotations_are_limited_to_what_is_shown_and_the_rest_is_counted() -> None:
    lines = render(Format.GITHUB, big(100)).splitlines()

    assert Counter(line.split(" ")[0] for line in lines) == {"::warning": 10, "::notice": 1}
    assert lines[-1] == (
        "::notice title=rmqsync::Plan: 75 to add, 38 to change, 74 to destroy. "
        "Not annotated, since only 10 of a level are shown: 64 warnings."
    )


def test_the_marker_tells_comments_apart_and_stays_a_comment() -> None:
    assert markdown.marker("team/mq --> x") == "<!-- rmqsync:plan:team-mq-----x -->"


def test_ndjson_starts_with_the_plan_and_ends_each_cluster_with_its_counts() -> None:
    lines = render(Format.NDJSON, plan_document(plans.FLEET)).splitlines()

    kinds = [json.loads(line)["type"] for line in lines]
    assert kinds == [
        "plan",
        *["change"] * 9,
        *["unmanaged"] * 2,
        *["finding"] * 2,
        *["cluster"] * 3,
    ]
