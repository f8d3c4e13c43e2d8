"""
Runs one command and says what it took: `python -I launch.py OUT COMMAND…`, as JSON into OUT.

In a process of its own, and a small one: a child counts as its own peak what its parent had when it
was started (Linux, `setmax_mm_hiwater_rss` in exec).
"""

import json
import resource
import subprocess
import sys
import time

_KIB = 1 if sys.platform == "darwin" else 1024


def main() -> int:
    out, *command = sys.argv[1:]
    started = time.perf_counter()
    code = subprocess.run(command, check=False).returncode
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(
            {
                "seconds": seconds,
                "cpu_seconds": used.ru_utime + used.ru_stime,
                "peak_bytes": used.ru_maxrss * _KIB,
                "code": code,
            },
            file,
        )
    return code


if __name__ == "__main__":
    sys.exit(main())
