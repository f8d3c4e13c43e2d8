"""Processes that outlive the call that started them, and are found again by a file."""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


def spawn(command: Sequence[str], env: Mapping[str, str], console: Path, pid_file: Path) -> None:
    """Start `command` in the background, leader of its own process group.

    What it prints goes to `console`, which is begun anew.
    """
    with console.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # not ours to wait for: it is meant to go on when this process ends
    process.returncode = 0
    started = _started(process.pid)
    pid_file.write_text(json.dumps({"pid": process.pid, "started": started}), encoding="utf-8")


def is_alive(pid_file: Path) -> bool:
    """Whether the process that `pid_file` tells of still runs."""
    return _pid(pid_file) is not None


def terminate(pid_file: Path, *, timeout_s: float) -> None:
    """Ask the whole group to end, then make it; returns when it has."""
    pid = _pid(pid_file)
    if pid is None:
        return
    _signal_group(pid, signal.SIGTERM)
    if not _gone(pid, timeout_s):
        kill(pid_file)


def kill(pid_file: Path) -> None:
    """End the whole group without notice, as a crash would; returns when it is gone."""
    pid = _pid(pid_file)
    if pid is None:
        return
    _signal_group(pid, signal.SIGKILL)
    if not _gone(pid, 30):
        raise RuntimeError(f"process {pid} does not end")


def _pid(pid_file: Path) -> int | None:
    """The pid in `pid_file` if that process lives, and not a later one with its number."""
    try:
        told = json.loads(pid_file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    pid = int(told["pid"])
    started = _started(pid)
    return pid if started is not None and started == told["started"] else None


def _started(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot; None when it is gone."""
    fields = _stat(pid)
    return None if fields is None else fields[19]


def _stat(pid: int) -> list[str] | None:
    """The process's `stat` from its third field on; None when it is gone or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the second field is the command in brackets, and may hold spaces and brackets itself
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _gone(pid: int, timeout_s: float) -> bool:
    """Whether the whole group ends in time: its ports are free only when the last of it is gone."""
    deadline = time.monotonic() + timeout_s
    while _group_lives(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _group_lives(group: int) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        fields = _stat(int(entry.name))
        if fields is not None and int(fields[2]) == group:
            return True
    return False
