"""
Which process a run was made by, so that a later run can tell whether it is gone.

A number alone is soon another process's, and one in a container is not to be seen from the next.
So an identity is `boot/namespace/pid/start`: where the first two differ, nothing can be said.
"""

from __future__ import annotations

import os

_UNKNOWN = "-"


def current() -> str:
    """Return the identity of this process."""
    pid = os.getpid()
    return "/".join((*_place(), str(pid), _started(pid) or _UNKNOWN))


def is_gone(process: str) -> bool | None:
    """Tell whether a process of this host has ended; `None` where that cannot be seen from here."""
    *place, pid, started = process.split("/")
    if tuple(place) != _place() or _UNKNOWN in (*place, started) or not pid.isdecimal():
        return None
    return _started(int(pid)) != started


def _place() -> tuple[str, str]:
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        return boot, os.readlink("/proc/self/ns/pid").strip("pid:[]")
    except OSError:
        return _UNKNOWN, _UNKNOWN


def _started(pid: int) -> str | None:
    """Return when a process was started, in clock ticks since boot; `None` when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except OSError:
        return _UNKNOWN
    # The second field is the command in brackets, and may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
