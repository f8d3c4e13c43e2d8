"""`action.yml`, its steps run for real on pull requests of a repository of definitions."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ci.checkout import PROJECT, copy_project
from tests.ci.forge import Fault, Forge, running
from tests.ci.runner import GitHubRunner, Ran, machine
from tests.ci.test_revisions import AFTER, BEFORE, UNREACHABLE
from tests.cli.workspace import Workspace

VALID = {"vhosts": [{"name": "shop"}]}
INVALID = "vhosts:\n- name: shop\nqueues:\n- name: q\n  vhost: shpo\n"


@pytest.fixture(scope="session")
def action(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The action as a runner has it."""
    return copy_project(tmp_path_factory.mktemp("action"))


@pytest.fixture(scope="session")
def runner_temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of one machine for all tests, so that rmqsync is installed once."""
    return tmp_path_factory.mktemp("runner-temp")


@dataclass
class PullRequest:
    """Pull request 5, whose branch is checked out."""

    workspace: Workspace
    runner: GitHubRunner
    forge: Forge
    event: Path

    def opens(self, base: str, **repository: object) -> None:
        head = self.workspace.git("rev-parse", "HEAD")
        request = {"number": 5, "base": {"sha": base}, "head": {"sha": head}}
        self.event.write_text(json.dumps({"pull_request": request, **repository}))

    def check(self, **inputs: str) -> Ran:
        return self.runner.uses(**inputs)

    @property
    def comment(self) -> str:
        (body,) = self.forge.bodies
        return body


@pytest.fixture
def pull_request(
    workspace: Workspace, action: Path, runner_temp: Path, tmp_path: Path
) -> Iterator[PullRequest]:
    event = tmp_path / "event.json"
    with running(Forge()) as forge:
        environ = {
            **machine(),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "GITHUB_API_URL": forge.url,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "shop/definitions",
        }
        runner = GitHubRunner(action, workspace.folder, runner_temp, environ)
        yield PullRequest(workspace, runner, forge, event)


def change_definitions(pull_request: PullRequest) -> None:
    workspace = pull_request.workspace
    workspace.cluster("prod", **UNREACHABLE)
    workspace.secret("app", None, "user:app")
    workspace.define(BEFORE)
    base = workspace.commit()
    workspace.define(AFTER)
    workspace.commit()
    pull_request.opens(base)


def test_a_pull_request_gets_one_comment_annotations_and_a_summary(
    pull_request: PullRequest,
) -> None:
    change_definitions(pull_request)

    ran = pull_request.check()

    assert ran.code == 0, ran.log
    assert "2 to add, 1 to change, 2 to destroy" in pull_request.comment
    assert "queue:shop/deleted" in pull_request.comment
    assert ran.summary.strip() == pull_request.comment.strip()
    assert ran.outputs["changes"] == "true"
    assert ran.outputs["exit-code"] == "0"
    assert ran.commands[-1].startswith("::notice title=rmqsync::Plan: ")
    plan = json.loads((Path(ran.outputs["reports"]) / "plan.json").read_text())
    assert plan["summary"]["create"] == 1


def test_a_second_run_writes_the_same_comment_anew(pull_request: PullRequest) -> None:
    change_definitions(pull_request)
    pull_request.check()
    before = pull_request.comment
    pull_request.workspace.define(BEFORE)
    pull_request.workspace.commit()

    ran = pull_request.check()

    assert ran.code == 0, ran.log
    assert ran.outputs["changes"] == "false"
    assert pull_request.comment != before
    assert "to the working folder: no changes" in pull_request.comment


def test_definitions_that_are_not_valid_fail_the_job_and_are_annotated_once(
    pull_request: PullRequest,
) -> None:
    workspace = pull_request.workspace
    workspace.settings["source"] = {"path": "definitions"}
    workspace.cluster("prod", **UNREACHABLE)
    workspace.define(VALID, "definitions/base/all.yaml")
    (workspace.folder / "mq").mkdir()
    (workspace.folder / "rmqsync.yaml").rename(workspace.folder / "mq/rmqsync.yaml")
    (workspace.folder / "definitions").rename(workspace.folder / "mq/definitions")
    base = workspace.commit()
    workspace.write("mq/definitions/base/all.yaml", INVALID)
    workspace.commit()
    pull_request.opens(base)

    ran = pull_request.check(working_directory="mq")

    assert ran.code == 1
    assert ran.outputs["changes"] == "unknown"
    errors = [line for line in ran.commands if line.startswith("::error")]
    assert len(errors) == 1
    assert errors[0].startswith("::error file=mq/definitions/base/all.yaml,line=5,col=10,")
    assert "mq/definitions/base/all.yaml:5:10" in pull_request.comment


def test_settings_that_are_not_there_are_told_in_the_comment(pull_request: PullRequest) -> None:
    workspace = pull_request.workspace
    workspace.write("README", "")
    pull_request.opens(workspace.commit())

    ran = pull_request.check(config="mq.yaml", comment_key="a b")

    assert ran.code == 1
    assert pull_request.comment.startswith("<!-- rmqsync:plan:a-b -->\n### ❌ ")
    assert "'mq.yaml'" in pull_request.comment
    assert any(line.startswith("::error title=rmqsync::") for line in ran.commands)


def test_a_request_that_mends_a_broken_base_passes(pull_request: PullRequest) -> None:
    workspace = pull_request.workspace
    workspace.cluster("prod", **UNREACHABLE)
    workspace.write("base/all.yaml", INVALID)
    base = workspace.commit()
    workspace.define(VALID)
    workspace.commit()
    pull_request.opens(base)

    ran = pull_request.check()

    assert ran.code == 0, ran.log
    assert "nothing to compare with" in pull_request.comment


def test_against_clusters_an_unreachable_one_fails_the_job(pull_request: PullRequest) -> None:
    workspace = pull_request.workspace
    workspace.cluster("prod", **{**UNREACHABLE, "password": {"file": "password"}})
    workspace.write("password", "x")
    workspace.define(VALID)
    pull_request.opens(workspace.commit())

    ran = pull_request.check(base="clusters", args="--timeout 5")

    assert ran.code == 1
    assert "nothing listens there" in pull_request.comment
    assert ran.outputs["changes"] == "unknown"
    assert any(line.startswith("::error") for line in ran.commands)


def test_against_an_export_and_for_some_clusters_only(pull_request: PullRequest) -> None:
    workspace = pull_request.workspace
    workspace.cluster("prod", **UNREACHABLE)
    for name in ("dr", "lab"):
        workspace.cluster(name, endpoints=["file:export.json"])
    workspace.write("export.json", json.dumps({"rabbitmq_version": "4.0.5", "vhosts": []}))
    workspace.define(VALID)
    pull_request.opens(workspace.commit())

    ran = pull_request.check(base="clusters", cluster="dr\nlab", detailed="true")

    assert ran.code == 2, ran.log
    assert ran.outputs["exit-code"] == "2"
    assert "2 to add" in pull_request.comment


def test_checks_of_several_clusters_have_a_comment_each(pull_request: PullRequest) -> None:
    change_definitions(pull_request)
    pull_request.workspace.cluster("lab", endpoints=["file:x.json"])
    pull_request.workspace.commit()

    pull_request.check(cluster="prod")
    pull_request.check(cluster="lab")
    pull_request.check(cluster="prod")

    assert len(pull_request.forge.bodies) == 2


def test_a_fork_may_not_comment_and_passes_all_the_same(pull_request: PullRequest) -> None:
    change_definitions(pull_request)
    pull_request.forge.faults = [Fault(403, "POST")]

    ran = pull_request.check()

    assert ran.code == 0
    assert "which a pull request from a fork never has" in ran.commands[-1]
    assert ran.summary


@pytest.mark.parametrize(("comment", "expected"), [("false", 0), ("changes", 0), ("true", 1)])
def test_comments_can_be_kept_for_changes_or_left_out(
    pull_request: PullRequest, comment: str, expected: int
) -> None:
    workspace = pull_request.workspace
    workspace.cluster("prod", **UNREACHABLE)
    workspace.define(VALID)
    pull_request.opens(workspace.commit())

    ran = pull_request.check(comment=comment)

    assert ran.code == 0, ran.log
    assert len(pull_request.forge.bodies) == expected


def test_nothing_a_pull_request_says_is_run(pull_request: PullRequest, tmp_path: Path) -> None:
    """Names of files, clusters and objects, and every input, try to get at a shell."""
    bait = tmp_path / "bait"
    attack = f'$(touch {bait})`touch {bait}`; touch {bait} #"'
    workspace = pull_request.workspace
    workspace.cluster("prod", **UNREACHABLE)
    for module in ("rmqsync", "json", "pip", "venv", "click"):
        workspace.write(f"{module}.py", f"open({str(bait)!r}, 'w')")
    workspace.define(VALID)
    base = workspace.commit()
    forged = "\n::error::forged\n##[error]forged"
    name = f"q{attack} ::add-mask::x"
    workspace.define({**VALID, "queues": [{"name": name, "vhost": "shop"}]}, "base/$(touch x).yaml")
    workspace.define({"vhosts": [{"name": "other", "description": forged}]}, "base/b.yaml")
    workspace.commit()
    pull_request.opens(base)

    ran = pull_request.check(args="--exclude 'queue:none/*'", validate_args="")
    refused = [
        pull_request.check(**{name: attack})
        for name in ("config", "working_directory", "cluster", "base", "args", "validate_args")
    ]

    assert not bait.exists()
    assert ran.code in (0, 1)
    assert all(one.code for one in refused)
    forgeries = [line for one in (ran, *refused) for line in one.commands if "forged" in line]
    assert not [line for line in forgeries if re.match(r"\s*(::error::|##\[)", line)]


def test_an_old_python_is_told_before_anything_is_installed(
    pull_request: PullRequest, tmp_path: Path
) -> None:
    old = tmp_path / "python"
    old.write_text(
        "#!/bin/sh\n"
        'eval "code=\\$$#"\n'
        "exec python3 -I -c \"import sys; sys.version_info = (3, 10); sys.version = '3.10.1 x'; "
        '$code"\n'
    )
    old.chmod(0o755)
    change_definitions(pull_request)

    ran = pull_request.check(python=str(old))

    assert ran.code == 1
    assert ran.commands == [
        "::error title=rmqsync::rmqsync needs Python 3.11 or newer, this is 3.10.1; set one up "
        "before, or name another with the input python"
    ]


def test_the_checked_files_are_the_ones_that_action_and_image_use() -> None:
    text = (PROJECT / "action.yml").read_text() + (PROJECT / "Dockerfile").read_text()

    for name in re.findall(r"ci/\w+\.py", text):
        assert (PROJECT / name).is_file()
