"""The hook of `.pre-commit-hooks.yaml`, run by pre-commit itself in a repository of definitions."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.ci.checkout import PROJECT, copy_project
from tests.cli.workspace import GIT

SETTINGS = "clusters:\n  prod: {endpoints: ['file:x.json'], layers: [base]}\n"
VALID = "vhosts:\n- name: shop\n"
INVALID = "vhosts:\n- nmae: shop\n"


@pytest.fixture(scope="session")
def pre_commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """pre-commit in an environment of its own: it is no library of ours."""
    folder = tmp_path_factory.mktemp("pre-commit") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pre-commit>=3.5"]
    done = subprocess.run([str(folder / "bin/python"), *pip], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "bin/pre-commit"


@pytest.fixture(scope="session")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as a repository with one commit."""
    folder = copy_project(tmp_path_factory.mktemp("hooks") / "rmqsync")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, env={**os.environ, **GIT})
    return folder


def test_the_hook_checks_a_commit(pre_commit: Path, hooks: Path, tmp_path: Path) -> None:
    environ = {**os.environ, **GIT, "PRE_COMMIT_HOME": str(tmp_path / "home")}
    environ["XDG_STATE_HOME"] = str(tmp_path / "state")
    folder = tmp_path / "definitions"

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True)

    (folder / "base").mkdir(parents=True)
    (folder / "rmqsync.yaml").write_text(SETTINGS)
    (folder / "base/all.yaml").write_text(VALID)
    revision = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=hooks, capture_output=True, text=True, check=True
    ).stdout.strip()
    used = {"repo": str(hooks), "rev": revision, "hooks": [{"id": "rmqsync-validate"}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump({"repos": [used]}))
    run("git", "init", "-q", "-b", "main")
    installed = run(str(pre_commit), "install", "--install-hooks")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    run("git", "add", "-A")

    valid = run("git", "commit", "-m", "valid definitions")
    (folder / "base/all.yaml").write_text(INVALID)
    run("git", "add", "-A")
    invalid = run("git", "commit", "-m", "definitions with a mistake")
    run("git", "restore", "--staged", "--worktree", ".")
    (folder / "README").write_text("")
    run("git", "add", "-A")
    other = run("git", "commit", "-m", "nothing that the hook is about")

    assert valid.returncode == 0, valid.stdout + valid.stderr
    assert re.search(r"rmqsync validate\.+Passed", valid.stderr + valid.stdout)
    assert invalid.returncode == 1
    assert re.search(r"base/all\.yaml:2:\d+: .*did you mean 'name'", invalid.stderr)
    assert other.returncode == 0
    assert re.search(r"no files to check\)Skipped", other.stderr + other.stdout)


def test_the_file_describes_hooks_that_there_are() -> None:
    (hook,) = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text())

    assert hook["entry"] == "rmqsync validate"
    assert not hook["pass_filenames"]
    for name in ("rmqsync.yaml", "base/a.yml", "export.json"):
        assert re.search(hook["files"], name)
    assert not re.search(hook["files"], "README.md")
