"""
A cluster planned again and again in one process, as a service does: `python -m bench.cycles`.

In the folder of `rmqsync.yaml`. First cycles in which nothing changes, then each after a change on
the broker that no file knows of. Prints the CPU seconds of the process in each as JSON, with what
came out of them.
"""

from __future__ import annotations

import json
import os
import time

from bench.bare import api_of
from rmqsync.app.memory import Memory
from rmqsync.app.plan import plan_clusters
from rmqsync.run_options import RunOptions
from rmqsync.wiring import Session

CYCLES = 9
_QUEUE = "queues/common/bench-nobody-declared"


def main() -> None:
    session = Session(None, None, os.environ)
    targets = session.targets(RunOptions())
    memory = Memory()
    api = api_of(os.environ)

    def cycle() -> dict[str, object]:
        started = time.process_time()
        (planned,) = plan_clusters(targets, memory)
        seconds = time.process_time() - started
        assert planned.live is not None
        changes, unmanaged = len(planned.plan.changes), len(planned.plan.unmanaged)
        return {
            "seconds": seconds,
            "changes": changes,
            "unmanaged": unmanaged,
            "requests": planned.live.requests,
        }

    first = cycle()
    cycle()  # an export that was being written when the first began is new once more
    unchanged = [cycle() for _ in range(CYCLES)]
    changed = []
    for number in range(CYCLES):
        if number % 2:
            api.call("DELETE", _QUEUE)
        else:
            api.call("PUT", _QUEUE, b'{"durable": true}')
        changed.append(cycle())
    if CYCLES % 2:
        api.call("DELETE", _QUEUE)
    session.close()
    print(json.dumps({"first": first, "unchanged": unchanged, "changed": changed}))


if __name__ == "__main__":
    main()
