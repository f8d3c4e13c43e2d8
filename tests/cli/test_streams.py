"""What cannot be written, and who cannot be asked: one clear line, and the designed exit code."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.cli.workspace import Workspace

BASE = {"vhosts": [{"name": "shop"}]}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rmqsync", *arguments]


@pytest.mark.parametrize("verb", [("plan",), ("validate",), ("compile", "one"), ("schema",)])
def test_a_full_disk_is_told_in_one_line(
    workspace: Workspace, r43: Broker, verb: tuple[str, ...]
) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command(*verb), cwd=workspace.folder, stdout=full, stderr=subprocess.PIPE, text=True
        )

    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: standard output cannot be written: no space left on device"
    )
    assert "Traceback" not in done.stderr


def test_an_apply_that_cannot_tell_what_it_did_is_not_verified(
    workspace: Workspace, r43: Broker
) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("apply", "--auto-approve", "--format", "json"),
            cwd=workspace.folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert done.returncode == 4
    assert "standard output cannot be written" in done.stderr
    with r43.management() as api:
        assert "shop" in [one["name"] for one in api.get("vhosts")]


@pytest.mark.parametrize(
    ("answer", "code"), [(b"\x04", 1), (b"no\n", 1), (b"\n", 1), (b"yes\n", 0)]
)
def test_only_yes_is_a_yes(workspace: Workspace, r43: Broker, answer: bytes, code: int) -> None:
    workspace.cluster("one", r43)
    workspace.define(BASE)
    ours, theirs = pty.openpty()

    with subprocess.Popen(
        command("apply"), cwd=workspace.folder, stdin=theirs, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        seen = b""
        until = time.monotonic() + 60
        while b"Enter a value" not in seen and time.monotonic() < until:
            seen += os.read(ours, 4096)
        os.write(ours, answer)
        while running.poll() is None and time.monotonic() < until:
            try:
                os.read(ours, 4096)
            except OSError:
                break
        found = running.wait(60)
    os.close(ours)

    assert found == code
    with r43.management() as api:
        assert ("shop" in [one["name"] for one in api.get("vhosts")]) is (code == 0)
