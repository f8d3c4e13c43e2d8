"""What another process takes up, as the kernel tells it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple


class Figures(NamedTuple):
    """Bytes, and numbers."""

    rss: int
    peak: int
    threads: int
    descriptors: int
    cpu_s: float


def figures_of(pid: int) -> Figures:
    """Return what a process takes up now. Raises `OSError` for one that is gone."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Figures(
        rss=int(status["VmRSS"].split()[0]) * 1024,
        peak=int(status["VmHWM"].split()[0]) * 1024,
        threads=int(status["Threads"]),
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),
        cpu_s=(int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK"),
    )
