"""A shell script in the place of a program, to let git or ssh go wrong at a chosen moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def put_program(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, script: str) -> None:
    """Let a program of this name be what is run; it is kept in `folder`."""
    program = folder / "bin" / name
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
