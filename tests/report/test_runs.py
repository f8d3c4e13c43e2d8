"""Past runs as people and programs read them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from rmqsync.model.changes import ClusterPlan, ClusterResult
from rmqsync.model.errors import SourceError, UsageError
from rmqsync.model.findings import Finding, Severity
from rmqsync.model.runs import RunRecord, RunStatus
from rmqsync.report.formats import Format, render
from rmqsync.report.plan_json import dumps, plan_document
from rmqsync.report.runs import ending, past_run, runs_document
from tests.report import plans

RECORD = RunRecord(
    run="38047006-ee3b-48ec-b232-948f34261c33",
    cluster="c",
    started_at="2026-11-24T08:00:00.123Z",
    ended_at="2026-11-24T08:00:04.000Z",
    trigger="cli",
    who="ann@mq-admin",
    host="mq-admin",
    process="-",
    action="apply",
    status=RunStatus.APPLIED,
    exit_code=0,
    commit=plans.COMMIT,
    summary={"create": 3, "replace": 1, "delete": 2, "applied": 6},
    verified=True,
    backup="/b/c/1.json",
    rmqsync_version="0.1.0",
)
HELD = replace(
    RECORD,
    run="99999999-ee3b-48ec-b232-948f34261c33",
    cluster="shanghai|1",
    status=RunStatus.PARTIAL,
    who="bad\x1b[31m",
    commit=None,
    summary={"update": 1, "held": 2, "failed": 1},
)
DIRTY = replace(RECORD, dirty=True, action="rollback")


def recorded(cluster: ClusterPlan, *results, backup="/b/c/1.json", **rest) -> RunRecord:
    """As the history has the outcome of an apply, or a plan that was to be applied."""
    outcome = [ClusterResult(cluster, results, **rest)] if results else None
    extra = {cluster.name: {"run": RECORD.run, "backup": backup}}
    document = plan_document(plans.plan(cluster), outcome, cluster_extra=extra)
    return replace(RECORD, cluster=cluster.name, document=dumps(document, indent=None))


def test_a_list_is_a_table() -> None:
    text = render(Format.TEXT, runs_document([RECORD, HELD, DIRTY]))

    assert text == (
        "RUN       STARTED               CLUSTER     ACTION    STATUS   CHANGES"
        "                             COMMIT            WHO\n"
        "38047006  2026-11-24 08:00:00Z  c           apply     applied  +4 ~0 -3"
        "                            5c2d89bf          ann@mq-admin\n"
        "99999999  2026-11-24 08:00:00Z  shanghai|1  apply     partial  "
        "none of +0 ~1 -0, 2 held, 1 failed  -                 bad\\x1b[31m\n"
        "38047006  2026-11-24 08:00:00Z  c           rollback  applied  +4 ~0 -3"
        "                            5c2d89bf (dirty)  ann@mq-admin\n"
    )


def test_the_table_is_as_wide_in_colour() -> None:
    text = render(Format.TEXT, runs_document([HELD]), color=True)

    assert "\x1b[31mpartial\x1b[0m" in text
    assert "\x1b[31m\n" not in text


def test_markdown_escapes_what_would_end_a_cell() -> None:
    lines = render(Format.MARKDOWN, runs_document([HELD])).splitlines()

    assert len(lines) == 3
    assert "shanghai\\|1" in lines[2]


def test_nothing_is_said_to_be_nothing() -> None:
    assert render(Format.TEXT, runs_document([])) == "No runs.\n"
    assert render(Format.MARKDOWN, runs_document([])) == "No runs.\n"
    assert render(Format.NDJSON, runs_document([])) == ""
    assert json.loads(render(Format.JSON, runs_document([])))["runs"] == []


@pytest.mark.parametrize("form", [Format.SARIF, Format.JUNIT, Format.HTML, Format.GITHUB])
def test_formats_for_remarks_have_no_place_for_a_list(form: Format) -> None:
    with pytest.raises(UsageError, match=f"not {form.value}"):
        render(form, runs_document([RECORD]))


@pytest.mark.parametrize("form", list(Format))
def test_one_run_comes_in_every_format(form: Format) -> None:
    record = recorded(plans.CREATES, *[plans.DONE] * 3, verified=True)

    assert render(form, past_run([record])) or form is Format.GITHUB


def test_one_run_is_told_with_all_its_changes() -> None:
    record = recorded(plans.CREATES, plans.DONE, plans.FAILED, plans.DEPENDS, verified=True)

    text = render(Format.TEXT, past_run([replace(record, status=RunStatus.PARTIAL, exit_code=4)]))

    assert text == (
        f"Run 38047006-ee3b-48ec-b232-948f34261c33 on cluster {plans.CREATES.name}: partial\n"
        "  what     apply by ann@mq-admin (cli)\n"
        "  when     2026-11-24 08:00:00Z to 2026-11-24 08:00:04Z\n"
        f"  commit   {plans.COMMIT}\n"
        "  exit     4\n"
        "  backup   /b/c/1.json\n"
        "\n"
        "Applied: exchange 'ex.refund.topic' in vhost 'common' was created\n"
        "\n"
        "Failed: queue 'qu.refund.crm' in vhost 'common' was not created\n"
        f"    {plans.FAILED.error}\n"
        "Skipped: binding from exchange 'ex.refund.topic' to queue 'qu.refund.crm' with key "
        "'refund.#' in vhost 'common' was not created\n"
        f"    {plans.DEPENDS.error}\n"
        "Verified: read again, and what was applied is as planned.\n"
        "What it had before is kept in /b/c/1.json\n"
        "\n"
        "Apply incomplete. Resources: 1 added, 0 changed, 0 destroyed; 1 failed, 1 skipped.\n"
        "Nothing was rolled back. Mend the cause and apply again: what is done is not repeated.\n"
    )


@pytest.mark.parametrize(
    ("results", "rest", "is_told"),
    [
        ([plans.DONE] * 3, {"verified": True}, False),
        ([plans.DONE] * 3, {"verified": False}, True),
        ([plans.DONE] * 3, {"verified": True, "error": "lost"}, True),
        ([plans.FAILED] * 3, {}, False),
    ],
)
def test_the_backup_is_named_where_it_may_be_needed(results, rest, is_told: bool) -> None:
    record = recorded(plans.CREATES, *results, **rest)
    document = json.loads(record.document or "")

    assert ("is kept in /b/c/1.json" in render(Format.TEXT, document)) is is_told


def test_a_run_that_was_killed_shows_what_it_was_about_to_do() -> None:
    record = replace(recorded(plans.CREATES), status=RunStatus.INTERRUPTED, ended_at=None)

    text = render(Format.TEXT, past_run([record]))

    assert "interrupted\n" in text
    assert "This is what it was about to do:" in text
    assert "exchange 'ex.refund.topic' in vhost 'common' will be created" in text
    assert text.endswith("Plan: 3 to add, 0 to change, 0 to destroy.\n")


def test_several_clusters_are_one_document() -> None:
    other = replace(plans.CREATES, name="other")
    records = [recorded(one, *[plans.DONE] * 3, verified=True) for one in (plans.CREATES, other)]

    document = past_run(records)

    assert [one["name"] for one in document["clusters"]] == [plans.CREATES.name, "other"]
    assert document["summary"]["create"] == 6
    assert [one["cluster"] for one in document["runs"]] == [plans.CREATES.name, "other"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param({"status": RunStatus.REFUSED, "summary": {"create": 2, "skipped": 2}},
                     "none of +2 ~0 -0", id="nothing was sent"),
        pytest.param({"status": RunStatus.PARTIAL, "summary": {"create": 2, "applied": 1}},
                     "1 of +2 ~0 -0", id="some of it"),
        pytest.param({"status": RunStatus.INTERRUPTED, "ended_at": None, "summary": {"create": 2}},
                     "at most +2 ~0 -0", id="killed"),
        pytest.param({"status": RunStatus.RUNNING, "ended_at": None, "summary": {"create": 2}},
                     "+2 ~0 -0", id="under way"),
        pytest.param({"status": RunStatus.HELD, "summary": {"held": 2}},
                     "+0 ~0 -0, 2 held", id="nothing but holds"),
    ],
)  # fmt: skip
def test_what_was_planned_is_not_said_to_be_done(more: dict[str, Any], told: str) -> None:
    rows = render(Format.MARKDOWN, runs_document([replace(RECORD, **more)])).splitlines()

    assert rows[2].split("|")[6].replace("\\", "").strip() == told


def test_one_run_tells_who_approved_what_and_why() -> None:
    note = Finding("RMQ104", Severity.NOTE, "c: queue:a approved by ann until then: agreed")
    plan = replace(plans.CREATES, findings=(note,))

    text = render(Format.TEXT, past_run([recorded(plan, *[plans.DONE] * 3, verified=True)]))

    assert "note: c: queue:a approved by ann until then: agreed\n" in text


@pytest.mark.parametrize(
    ("results", "rest", "status", "told"),
    [
        ([plans.DONE] * 3, {"verified": True}, "applied",
         "The cluster was read again, and what was applied is as planned."),
        ([plans.DONE] * 3, {"verified": None, "error": "away"}, "partial",
         "The cluster was not read again."),
        ([plans.DONE] * 3, {"verified": False, "remaining": ("queue:c/a",)}, "partial",
         "The cluster was read again, and 1 object still differs:"),
        ([plans.FAILED] * 3, {}, "failed", "Nothing was applied."),
        ([plans.DEPENDS] * 3, {"error": "no lock"}, "refused",
         "The run was refused: nothing was sent."),
        ([], {}, "interrupted",
         "How it ended is not known. This is what it was about to do:"),
        ([], {}, "running", "It is under way. This is what it is about to do:"),
    ],
)  # fmt: skip
def test_how_a_run_ended_is_told_as_it_was(results, rest, status: str, told: str) -> None:
    record = replace(recorded(plans.CREATES, *results, **rest), status=RunStatus(status))
    document = past_run([replace(record, cluster=plans.CREATES.name)])

    assert ending(document["clusters"][0], document.get("runs", [])[0]) == told


@pytest.mark.parametrize("document", [None, "", "{}", '{"format_version": "1.0"}', "[1]"])
def test_what_is_no_outcome_is_told(document: str | None) -> None:
    with pytest.raises(SourceError, match=f"run {RECORD.run} on cluster 'c'"):
        past_run([replace(RECORD, document=document)])
