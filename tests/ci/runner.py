"""
Runs the steps of `action.yml`, and the script of the GitLab template, as their runners do.

Only as much of both as ours use; what is not known here fails a test rather than being left out.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail")
_STEP_KEYS = {"id", "shell", "env", "run", "name"}
_JOB_KEYS = {"image", "stage", "rules", "variables", "script", "artifacts"}


@dataclass
class Ran:
    code: int
    log: str
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""

    @property
    def commands(self) -> list[str]:
        """The workflow commands that the runner would carry out, as GitHub's runner finds them."""
        found, stopped = [], ""
        for line in self.log.splitlines():
            if stopped:
                stopped = "" if line.strip() == f"::{stopped}::" else stopped
            elif line.lstrip().startswith("::stop-commands::"):
                stopped = line.strip().removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::") or "##[" in line:
                found.append(line)
        assert not stopped, "commands are stopped for the rest of the job"
        return found


@dataclass
class GitHubRunner:
    """A job whose workspace is a clone that was checked out."""

    action: Path
    """Folder of the action."""
    workspace: Path
    temp: Path
    environ: Mapping[str, str]
    """What the event brings: GITHUB_EVENT_PATH and the like, and `env` of the job."""
    job_token: str = "t0ken"

    def uses(self, **inputs: str) -> Ran:
        """Run the action with inputs; a `-` in a name is written as `_`."""
        action = yaml.safe_load((self.action / "action.yml").read_text())
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        unknown = given.keys() - action["inputs"].keys()
        assert not unknown, f"the action has no inputs {unknown}"
        context = {"github.token": self.job_token}
        for name, about in action["inputs"].items():
            value = given.get(name, about.get("default", ""))
            context[f"inputs.{name}"] = _filled(value, context)
        ran = Ran(0, "")
        for step in action["runs"]["steps"]:
            if ran.code == 0:  # steps without `if:` are skipped after a failure
                self._step(step, context, ran)
        ran.outputs = {
            name: _filled(about["value"], context) for name, about in action["outputs"].items()
        }
        return ran

    def _step(self, step: dict[str, Any], context: dict[str, str], ran: Ran) -> None:
        assert step.keys() <= _STEP_KEYS
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input would be run"
        files = {
            name: self.temp / f"_runner_{step['id']}_{name}"
            for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "script")
        }
        for file in files.values():
            file.write_text("")
        files["script"].write_text(step["run"])
        environ = {
            **self.environ,
            **{name: _filled(value, context) for name, value in step.get("env", {}).items()},
            **{name: str(files[name]) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")},
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }
        done = _run([*_BASH, str(files["script"])], self.workspace, environ)
        ran.code = done.returncode
        ran.log += done.stdout
        ran.summary += files["GITHUB_STEP_SUMMARY"].read_text()
        for line in files["GITHUB_OUTPUT"].read_text().splitlines():
            name, _, value = line.partition("=")
            context[f"steps.{step['id']}.outputs.{name}"] = value


def _filled(value: str, context: Mapping[str, str]) -> str:
    """Put in values; as at GitHub, the output of a step that did not run is empty."""

    def one(found: re.Match[str]) -> str:
        name = found.group(1)
        assert name in context or name.startswith("steps."), f"what is {name}?"
        return context.get(name, "")

    return _EXPRESSION.sub(one, value)


@dataclass
class GitLabRunner:
    """A job that extends `.rmqsync`, in a clone that was checked out."""

    template: Path
    workspace: Path
    environ: Mapping[str, str]

    def runs(self, **variables: str) -> Ran:
        """Run the job with variables of its own."""
        job = yaml.safe_load(self.template.read_text())[".rmqsync"]
        assert job.keys() <= _JOB_KEYS
        environ = {**job["variables"], **self.environ, **variables}
        environ |= {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(self.workspace)}
        # the runner joins the lines to one script, which ends at the first that fails
        done = _run([*_BASH, "-c", "\n".join(job["script"])], self.workspace, environ)
        return Ran(done.returncode, done.stdout)

    @property
    def artifacts(self) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.template.read_text())[".rmqsync"]["artifacts"]
        return found


def _run(
    command: list[str], cwd: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def machine() -> dict[str, str]:
    """What a job has of the machine: its paths, and how it reaches its package index."""
    wanted = ("PATH", "HOME", "LANG")
    prefixes = ("PIP_", "SSL_CERT", "REQUESTS_CA")
    return {
        name: value
        for name, value in os.environ.items()
        if name in wanted or name.startswith(prefixes) or name.lower().endswith("_proxy")
    }
