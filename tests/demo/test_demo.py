"""The demo as `make demo` runs it, to its end and not to its end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.brokers import status, unavailable
from tests.brokers.pool import are_required
from tests.demo.workplace import EXAMPLE

pytestmark = pytest.mark.skipif(
    not are_required() and unavailable() is not None, reason=str(unavailable())
)


@contextmanager
def _demo(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """The demo at work, in a process group of its own as in a terminal."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.demo"],
        cwd=EXAMPLE.parent,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        process_group=0,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)


def _brokers_of(process: subprocess.Popen[str]) -> list[str]:
    return [broker.name for broker, _ in status() if broker.name.endswith(f"-demo-{process.pid}")]


def test_it_runs_to_its_end_and_leaves_nothing(tmp_path: Path) -> None:
    with _demo(tmp_path) as process:
        told, _ = process.communicate(timeout=600)

        assert process.returncode == 0, told
        assert "\x1b" not in told
        assert told.rstrip().endswith("Taking the clusters down.")
        assert _brokers_of(process) == []
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=lambda value: str(value)
)
def test_interrupted_it_leaves_nothing(number: signal.Signals, code: int, tmp_path: Path) -> None:
    with _demo(tmp_path) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("$ rmqsync plan"):
                break
        running = _brokers_of(process)
        if number is signal.SIGINT:  # Ctrl-C reaches all that the terminal runs
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        rest = process.stdout.read()

        assert process.wait(timeout=120) == code, rest
        assert len(running) == 2
        assert "interrupted" in rest
        assert _brokers_of(process) == []
        assert list(tmp_path.iterdir()) == []
