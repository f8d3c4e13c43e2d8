"""No library that rmqsync needs has a hole that is known, as far as an index can be asked."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def needed() -> dict[str, str]:
    """Return all libraries that rmqsync needs at run time, of any depth, with their versions."""
    found: dict[str, str] = {}
    waiting = ["rmqsync"]
    while waiting:
        name = waiting.pop()
        try:
            about = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system, or another Python
        plain = re.sub(r"[-_.]+", "-", about.metadata["Name"]).lower()
        if plain in found:
            continue
        found[plain] = about.version
        for line in about.requires or ():
            match = _NAME.match(line)
            if match and ("extra ==" not in line or "postgresql" in line):
                waiting.append(match[0])
    del found["rmqsync"]
    return found


def test_no_library_has_a_known_vulnerability(tmp_path: Path):
    libraries = needed()
    assert {"requests", "fastapi", "gitpython", "psycopg"} <= set(libraries)
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("".join(f"{name}=={one}\n" for name, one in libraries.items()))
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(requirements), "--no-deps"),
        *("--disable-pip", "--format", "json", "--progress-spinner", "off", "--timeout", "15"),
    ]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)

    if not done.stdout.strip():
        pytest.skip(f"the index cannot be asked for advisories: {done.stderr.strip()[-200:]}")
    answers = json.loads(done.stdout)["dependencies"]
    asked = [one for one in answers if "vulns" in one]
    known = {
        f"{one['name']} {one['version']}": [vuln["id"] for vuln in one["vulns"]]
        for one in asked
        if one["vulns"]
    }
    assert known == {}
    if not asked:
        pytest.skip(f"the index knows no advisories: {len(answers)} libraries were not audited")
