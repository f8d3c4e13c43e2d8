"""The GitLab template, its script run for real on merge requests of a repository of definitions."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.ci.checkout import PROJECT
from tests.ci.forge import OURS, Forge, running
from tests.ci.runner import GitLabRunner, machine
from tests.ci.test_revisions import AFTER, BEFORE, UNREACHABLE
from tests.cli.workspace import Workspace

TEMPLATE = PROJECT / "ci/gitlab/rmqsync.gitlab-ci.yml"
REPORTS = "rmqsync-reports"


@dataclass
class MergeRequest:
    workspace: Workspace
    runner: GitLabRunner
    forge: Forge

    @property
    def note(self) -> str:
        (body,) = self.forge.bodies
        return body

    @property
    def reports(self) -> Path:
        return self.workspace.folder / REPORTS


@pytest.fixture
def merge_request(workspace: Workspace, tmp_path: Path) -> Iterator[MergeRequest]:
    home = tmp_path / "image"
    (home / "bin").mkdir(parents=True)
    (home / "bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (home / "bin/python").chmod(0o755)
    (home / "ci").symlink_to(PROJECT / "ci")
    workspace.cluster("prod", **UNREACHABLE)
    workspace.secret("app", None, "user:app")
    workspace.write(".gitignore", f"{REPORTS}/\n")
    workspace.define(BEFORE)
    base = workspace.commit()
    with running(Forge(user=OURS)) as forge:
        environ = {
            **machine(),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "RMQSYNC_CI_HOME": str(home),
            "CI_API_V4_URL": forge.url,
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "5",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
            "RMQSYNC_GITLAB_TOKEN": forge.token,
        }
        runner = GitLabRunner(TEMPLATE, workspace.folder, environ)
        yield MergeRequest(workspace, runner, forge)


def test_a_merge_request_gets_one_note_that_is_kept_up_to_date(merge_request: MergeRequest) -> None:
    workspace = merge_request.workspace
    workspace.define(AFTER)
    workspace.commit()

    first = merge_request.runner.runs()
    noted = merge_request.note
    workspace.define(BEFORE)
    workspace.commit()
    second = merge_request.runner.runs()

    assert (first.code, second.code) == (0, 0), first.log + second.log
    assert "2 to add, 1 to change, 2 to destroy" in noted
    assert "Plan: 2 to add, 1 to change, 2 to destroy." in first.log
    assert "to the working folder: no changes" in merge_request.note


def test_definitions_that_are_not_valid_fail_the_job_after_the_note(
    merge_request: MergeRequest,
) -> None:
    workspace = merge_request.workspace
    workspace.write("base/all.yaml", "vhosts:\n- nmae: shop\n")
    workspace.commit()

    ran = merge_request.runner.runs()

    assert ran.code == 1
    assert "base/all.yaml:2" in merge_request.note
    (found,) = json.loads((merge_request.reports / "codequality.json").read_text())[:1]
    assert found.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
    assert found["severity"] == "critical"
    assert found["location"] == {"path": "base/all.yaml", "lines": {"begin": 2}}


def test_the_files_that_gitlab_shows_are_there(merge_request: MergeRequest) -> None:
    workspace = merge_request.workspace
    workspace.define(AFTER)
    workspace.commit()

    merge_request.runner.runs()

    wanted = merge_request.runner.artifacts["reports"]
    files = [f"{REPORTS}/{file.name}" for file in merge_request.reports.iterdir()]
    suites = [file for file in files if fnmatchcase(file, wanted["junit"])]
    assert len(suites) == 2
    for file in suites:
        assert ElementTree.parse(workspace.folder / file).getroot().tag == "testsuites"
    assert wanted["codequality"] in files


def test_detailed_the_job_ends_with_2_where_there_are_changes(merge_request: MergeRequest) -> None:
    merge_request.workspace.define(AFTER)
    merge_request.workspace.commit()

    ran = merge_request.runner.runs(RMQSYNC_CI_DETAILED="true", RMQSYNC_CI_COMMENT="false")

    assert ran.code == 2
    assert merge_request.forge.seen == []


def test_without_a_token_the_job_passes_and_says_so(merge_request: MergeRequest) -> None:
    ran = merge_request.runner.runs(RMQSYNC_GITLAB_TOKEN="")

    assert ran.code == 0, ran.log
    assert "RMQSYNC_GITLAB_TOKEN is not set" in ran.log


def test_nothing_a_variable_says_is_run(merge_request: MergeRequest, tmp_path: Path) -> None:
    bait = tmp_path / "bait"
    attack = f'$(touch {bait})`touch {bait}`; touch {bait} #"'
    names = ("CONFIG", "FOLDER", "CLUSTERS", "BASE", "ARGS", "VALIDATE_ARGS", "KEY")

    for name in names:
        merge_request.runner.runs(**{f"RMQSYNC_CI_{name}": attack})

    assert not bait.exists()
