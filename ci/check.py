"""
Checks a pull request, merge request or push: `rmqsync validate`, then `rmqsync plan`.

`check.py REPORTS` is run in a job of GitHub Actions or GitLab CI, or by hand, somewhere in a clone.
All reports go into the folder REPORTS, which is emptied of earlier ones: `comment.md` for
`comment.py`, `plan.json`, `plan.sarif`, JUnit files, and `codequality.json` for GitLab. What is to
be done comes from variables, so that nothing a pull request can change is ever read as a command:

    RMQSYNC_CI_FOLDER       folder of the settings, from the root of the repository
    RMQSYNC_CI_CONFIG       settings, from that folder; default rmqsync.yaml
    RMQSYNC_CI_CLUSTERS     names of clusters, by commas or lines; default all
    RMQSYNC_CI_BASE         `auto` (default): what the request is to be merged into, no broker
                            needed; `clusters`: the clusters themselves; else any revision
    RMQSYNC_CI_ARGS         further arguments of `plan`, quoted as in a shell
    RMQSYNC_CI_VALIDATE_ARGS    the same of `validate`
    RMQSYNC_CI_DETAILED     `true`: end with 2 where there are changes
    RMQSYNC_CI_KEY          tells apart the comments of several checks on one request

Runs in the root of the repository, so that forges find the files that are named in reports. The
exit code is that of `plan`, or of `validate` where the definitions are not valid. Where those of an
`auto` base are not, that is no fault of the request, which may well mend them: the code is 0 then.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VALIDATE_REPORTS = {
    "markdown": "validate.md",
    "sarif": "validate.sarif",
    "junit": "validate.junit.xml",
    "json": "validate.json",
    "text": "validate.txt",
}
_PLAN_REPORTS = {
    "markdown": "plan.md",
    "sarif": "plan.sarif",
    "junit": "plan.junit.xml",
    "json": "plan.json",
    "text": "plan.txt",
}
_BASE_REPORTS = {"json": "base.json"}
_COMMENT = "comment.md"
_CODE_QUALITY = "codequality.json"
_SEVERITIES = {"error": "critical", "warning": "minor", "note": "info"}
_LONGEST_ERROR = 10_000
_USAGE = 64


class Wrong(Exception):
    """The check cannot be run as asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the variables ask for."""

    root: str
    """Root of the repository; the folder itself where there is none."""
    config: str
    """From the root."""
    clusters: tuple[str, ...]
    base: str
    plan_arguments: tuple[str, ...]
    validate_arguments: tuple[str, ...]
    detailed: bool
    key: str


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


def read_request(environ: Mapping[str, str], folder: str) -> Request:
    """Return what is asked for in a clone that holds `folder`. Raises `Wrong`."""
    root = _root(folder)
    inside = os.path.join(root, environ.get("RMQSYNC_CI_FOLDER", ""))
    config = os.path.normpath(
        os.path.join(inside, environ.get("RMQSYNC_CI_CONFIG") or "rmqsync.yaml")
    )
    if config.startswith(root + os.sep):
        config = os.path.relpath(config, root)
    names = re.split(r"[,\n]", environ.get("RMQSYNC_CI_CLUSTERS", ""))
    clusters = tuple(name.strip() for name in names if name.strip())
    base = environ.get("RMQSYNC_CI_BASE") or "auto"
    against = ("live",) if base == "clusters" else ()
    return Request(
        root=root,
        config=config,
        clusters=clusters,
        base=base,
        plan_arguments=_words(environ, "RMQSYNC_CI_ARGS"),
        validate_arguments=_words(environ, "RMQSYNC_CI_VALIDATE_ARGS"),
        detailed=environ.get("RMQSYNC_CI_DETAILED", "").lower() == "true",
        key=environ.get("RMQSYNC_CI_KEY") or "-".join((config, *clusters, *against)),
    )


def _root(folder: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "rev-parse", "--show-toplevel"],
            cwd=folder,
            capture_output=True,
            text=True,
        )
    except OSError as problem:
        raise Wrong(f"git cannot be run in '{folder}': {problem}") from problem
    return os.path.realpath(done.stdout.removesuffix("\n") or folder)


def _words(environ: Mapping[str, str], variable: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(environ.get(variable, "")))
    except ValueError as problem:
        raise Wrong(f"{variable}: {problem}") from problem


class Check:
    """One run of the check; its reports go to `reports`."""

    def __init__(self, request: Request, reports: Path, environ: Mapping[str, str]) -> None:
        self._request = request
        self._reports = reports
        self._on_github = bool(environ.get("GITHUB_ACTIONS"))
        self._environ = _trusting(environ, request.root)
        self._found_base: str | None = None

    def run(self) -> int:
        """Run both commands, write and show all there is to say, and return the exit code."""
        reports = (_VALIDATE_REPORTS, _PLAN_REPORTS, _BASE_REPORTS)
        written = (name for group in reports for name in group.values())
        for name in (*written, _COMMENT, _CODE_QUALITY):
            (self._reports / name).unlink(missing_ok=True)
        validated = self._validate()
        self._show("rmqsync validate", validated, "validate.txt")
        planned = self._plan()
        self._show("rmqsync plan", planned, "plan.txt")
        invalid = validated.code != 0
        if self._on_github:
            # Each of them annotates all that is wrong with the definitions: once is enough.
            sys.stdout.write(validated.out if invalid else planned.out)
            for done in (validated, planned):
                if done.code and not done.out:
                    sys.stdout.write(f"::error title=rmqsync::{_as_message(done.err)}\n")
                    break
        self._write(_COMMENT, self._comment(validated, planned))
        self._write_code_quality("validate.sarif" if invalid else "plan.sarif")
        if planned.code and not invalid and self._is_base_invalid():
            sys.stdout.write("nothing to compare with: the base is not valid, this is\n")
            return 0
        return validated.code or planned.code

    def _validate(self) -> Done:
        request = self._request
        return self._rmqsync("validate", _VALIDATE_REPORTS, request.validate_arguments)

    def _plan(self) -> Done:
        request = self._request
        arguments = ["--comment-key", request.key]
        if request.base == "auto":
            base = self._command([sys.executable, str(Path(__file__).with_name("base.py"))])
            if base.code:
                return base
            self._found_base = base.out.strip()
            arguments.append(f"--base={self._found_base}")
        elif request.base != "clusters":
            arguments.append(f"--base={request.base}")
        if request.detailed:
            arguments.append("--detailed-exitcode")
        return self._rmqsync("plan", _PLAN_REPORTS, (*arguments, *request.plan_arguments))

    def _is_base_invalid(self) -> bool:
        """Tell whether the base that was found has definitions that are wrong in themselves."""
        if self._found_base is None:
            return False
        further = (f"--revision={self._found_base}", *self._request.validate_arguments)
        self._rmqsync("validate", _BASE_REPORTS, further)
        text = self._read(_BASE_REPORTS["json"])
        return bool(text) and json.loads(text)["summary"]["error"] > 0

    def _rmqsync(self, verb: str, reports: Mapping[str, str], further: Sequence[str]) -> Done:
        request = self._request
        form = "github" if self._on_github else "text"
        arguments = [f"--config={request.config}", f"--format={form}"]
        arguments += [f"--cluster={name}" for name in request.clusters]
        arguments += [f"--report={one}={self._reports / name}" for one, name in reports.items()]
        # -P: a folder named rmqsync in the repository is not what is meant
        program = [sys.executable, "-P", "-m", "rmqsync"]
        return self._command([*program, verb, *arguments, *further])

    def _command(self, command: Sequence[str]) -> Done:
        done = subprocess.run(
            command,
            cwd=self._request.root,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def _show(self, title: str, done: Done, report: str) -> None:
        """Print the report for people; GitHub must not take any of it for a command."""
        text = self._read(report) + done.err
        if not self._on_github:
            sys.stdout.write(f"$ {title}\n{text}\n")
            return
        token = secrets.token_hex(16)
        sys.stdout.write(f"::group::{title}\n::stop-commands::{token}\n")
        sys.stdout.write(text.rstrip("\n"))
        sys.stdout.write(f"\n::{token}::\n::endgroup::\n")

    def _comment(self, validated: Done, planned: Done) -> str:
        written = self._read("plan.md")
        if written:
            return written
        failed = validated if validated.code and not self._read("validate.md") else planned
        said = failed.err.strip()[:_LONGEST_ERROR]
        longest = max((len(run) for run in re.findall("`+", said)), default=0)
        fence = "`" * max(3, longest + 1)
        verb = "validate" if failed is validated else "plan"
        return (
            f"{_marker(self._request.key)}\n### ❌ rmqsync {verb} failed\n\n"
            f"{fence}text\n{said}\n{fence}\n"
        )

    def _write_code_quality(self, sarif: str) -> None:
        text = self._read(sarif)
        found = code_quality(json.loads(text)) if text else []
        self._write(_CODE_QUALITY, json.dumps(found, indent=2) + "\n")

    def _read(self, name: str) -> str:
        path = self._reports / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _write(self, name: str, text: str) -> None:
        (self._reports / name).write_text(text, encoding="utf-8")

    def summary(self) -> dict[str, str]:
        """Return what later steps of a job may want to know."""
        text = self._read("plan.json")
        plan = json.loads(text) if text else {}
        clusters = plan.get("clusters", ())  # not there: these are findings, and no plan was made
        if not clusters or any(cluster["status"] != "ok" for cluster in clusters):
            return {"changes": "unknown"}
        actions = ("create", "update", "replace", "delete", "held")
        changed = any(plan["summary"][name] for name in actions)
        return {"changes": "true" if changed else "false"}


def _trusting(environ: Mapping[str, str], root: str) -> dict[str, str]:
    """Return the variables with which git takes the clone of the job for ours: in a container it
    belongs to somebody else."""
    number = int(environ.get("GIT_CONFIG_COUNT") or 0)
    return {
        **environ,
        f"GIT_CONFIG_KEY_{number}": "safe.directory",
        f"GIT_CONFIG_VALUE_{number}": root,
        "GIT_CONFIG_COUNT": str(number + 1),
    }


def _marker(key: str) -> str:
    """Return the marker as `rmqsync plan --format markdown` writes it."""
    return f"<!-- rmqsync:plan:{''.join(c if c.isalnum() or c in '._' else '-' for c in key)} -->"


def _as_message(text: str) -> str:
    shown = text.strip().splitlines()[:20]
    return "%0A".join(line.replace("%", "%25").replace("\r", "%0D") for line in shown)


def code_quality(sarif: Mapping[str, Any]) -> list[dict[str, object]]:
    """Return what GitLab shows beside the lines of a merge request, of SARIF's results."""
    found: list[dict[str, object]] = []
    for run in sarif["runs"]:
        for result in run["results"]:
            place = result["locations"][0]["physicalLocation"]
            found.append(
                {
                    "description": result["message"]["text"],
                    "check_name": result["ruleId"],
                    "fingerprint": hashlib.sha256(
                        "".join(result["partialFingerprints"].values()).encode()
                    ).hexdigest(),
                    "severity": _SEVERITIES[result["level"]],
                    "location": {
                        "path": place["artifactLocation"]["uri"],
                        "lines": {"begin": place["region"]["startLine"]},
                    },
                }
            )
    return found


def _tell_github(reports: Path, summary: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Write the summary of the job, and the outputs of the step."""
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        with open(path, "a", encoding="utf-8") as file:
            file.write((reports / _COMMENT).read_text(encoding="utf-8") + "\n")
    if path := environ.get("GITHUB_OUTPUT"):
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in summary.items())


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    if len(arguments) != 1:
        sys.stderr.write("usage: check.py REPORTS\n")
        return _USAGE
    reports = Path(arguments[0]).resolve()
    reports.mkdir(parents=True, exist_ok=True)
    try:
        request = read_request(environ, os.getcwd())
    except Wrong as problem:
        sys.stderr.write(f"error: {problem}\n")
        return _USAGE
    check = Check(request, reports, environ)
    code = check.run()
    _tell_github(reports, check.summary(), environ)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
