"""What forges read: comments, annotations and code scanning, made from a repository of files."""

import json
import re
from collections.abc import Callable

import pytest

from rmqsync.report.markdown import LIMIT
from tests.ci.test_revisions import UNREACHABLE
from tests.cli.workspace import Outcome, Workspace

FORGE_LIMIT = 65_536
INVALID = "vhosts:\n- name: shop\nqueues:\n- name: q\n  vhost: shpo\n"


def test_a_comment_of_thousands_of_changes_fits_and_counts_what_is_cut(
    workspace: Workspace,
) -> None:
    workspace.cluster("prod", **UNREACHABLE)
    workspace.define({"vhosts": [{"name": "shop"}]})
    before = workspace.commit()
    queues = [
        {"name": f"qu.order.{number:05}", "vhost": "shop", "arguments": {"x-max-length": number}}
        for number in range(5000)
    ]
    workspace.define({"vhosts": [{"name": "shop"}], "queues": queues})

    done = workspace.run("plan", "--base", before, "--format", "markdown", "--comment-key", "a b")

    assert done.code == 0
    assert done.out.startswith("<!-- rmqsync:plan:a-b -->\n")
    assert LIMIT * 0.9 < len(done.out) <= LIMIT < FORGE_LIMIT
    shown = len(re.findall(r"^\+ queue:shop/", done.out, re.MULTILINE))
    assert f"Not shown: {5000 - shown} to create" in done.out


def annotated(done: Outcome) -> list[tuple[str, str]]:
    return re.findall(r"^::\w+ file=([^,]+),line=(\d+)", done.out, re.MULTILINE)


def sarif_places(done: Outcome) -> list[tuple[str, str]]:
    places = [
        result["locations"][0]["physicalLocation"] for result in done.document["runs"][0]["results"]
    ]
    return [
        (place["artifactLocation"]["uri"], str(place["region"]["startLine"])) for place in places
    ]


FORMATS = pytest.mark.parametrize(
    ("form", "places"), [("github", annotated), ("sarif", sarif_places)], ids=["github", "sarif"]
)


@FORMATS
@pytest.mark.parametrize("cwd", [".", "mq", "mq/base", "elsewhere"])
def test_places_are_from_the_root_of_the_repository_wherever_the_command_runs(
    workspace: Workspace,
    form: str,
    places: Callable[[Outcome], list[tuple[str, str]]],
    cwd: str,
) -> None:
    settings = "clusters: {prod: {endpoints: ['file:x.json'], layers: [base]}}\n"
    workspace.write("mq/rmqsync.yaml", settings)
    workspace.write("mq/base/all.yaml", INVALID)
    workspace.write("elsewhere/README", "")
    workspace.commit()
    config = str(workspace.folder / "mq/rmqsync.yaml")
    workspace.folder = workspace.folder / cwd

    done = workspace.run("validate", "--config", config, "--format", form)

    assert done.code == 1
    assert set(places(done)) == {("mq/base/all.yaml", "5")}


@FORMATS
@pytest.mark.parametrize("verb", ["validate", "plan"])
def test_errors_of_the_settings_are_annotated_too(
    workspace: Workspace,
    form: str,
    places: Callable[[Outcome], list[tuple[str, str]]],
    verb: str,
) -> None:
    workspace.write("mq/rmqsync.yaml", "clusters:\n  prod: {endpoint: x}\n")
    workspace.commit()
    workspace.folder = workspace.folder / "mq"

    done = workspace.run(verb, "--format", form)

    assert done.code == 1
    assert {file for file, _ in places(done)} == {"mq/rmqsync.yaml"}


def test_outside_of_a_repository_places_are_as_at_a_terminal(workspace: Workspace) -> None:
    workspace.cluster("prod", **UNREACHABLE)
    workspace.write("base/all.yaml", INVALID)

    done = workspace.run("validate", "--format", "github")

    assert set(annotated(done)) == {("base/all.yaml", "5")}


def test_what_is_deleted_and_held_is_annotated_with_its_override(workspace: Workspace) -> None:
    workspace.cluster("prod", endpoints=["file:x.json"])
    workspace.define({"vhosts": [{"name": "shop"}], "queues": [{"name": "q", "vhost": "shop"}]})
    before = workspace.commit()
    workspace.define({"vhosts": [{"name": "shop"}]})

    done = workspace.run("plan", "--base", before, "--format", "github")

    assert done.out.startswith("::warning title=Held back::prod: queue 'q' in vhost 'shop'")
    assert "--allow-loss messages:queue:shop/q" in done.out


def test_json_of_one_run_comes_with_all_reports(workspace: Workspace) -> None:
    workspace.cluster("prod", **UNREACHABLE)
    workspace.define({"vhosts": [{"name": "shop"}]})
    workspace.commit()

    done = workspace.plan("--base", "HEAD", "--report", "sarif=a.sarif", "--report", "junit=b.xml")

    assert done.code == 0
    assert json.loads((workspace.folder / "a.sarif").read_text())["runs"][0]["results"] == []
    assert "<testsuites" in (workspace.folder / "b.xml").read_text()
