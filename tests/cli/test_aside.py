"""What is done aside: nobody waits for it, and it happens all the same."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

SCRIPT = """
import sys, time
from rmqsync.cli.aside import aside

def work():
    time.sleep(1.5)
    print("not to be seen")
    open(sys.argv[1], "w").write("done")

aside(work)
print("ended")
"""


def test_nobody_waits_for_what_is_done_aside(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(mark)], capture_output=True, text=True, check=True
    )

    assert done.stdout == "ended\n"
    assert not mark.exists()
    until = time.monotonic() + 20
    while not mark.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert mark.exists()


def test_what_fails_aside_is_not_told(tmp_path: Path) -> None:
    script = SCRIPT.replace("time.sleep(1.5)", "raise ValueError")

    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "mark")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("ended\n", "")
