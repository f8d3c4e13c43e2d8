"""Records of runs, as short as a test can say them."""

import uuid
from dataclasses import replace

from rmqsync.model.runs import RunRecord, RunStatus

RUN = RunRecord(
    run="38047006-ee3b-48ec-b232-948f34261c33",
    cluster="one",
    started_at="2026-11-24T08:00:00.000Z",
    trigger="cli",
    who="t@here",
    host="here",
    process="-/-/1/-",
    action="apply",
    status=RunStatus.RUNNING,
    rmqsync_version="0.1.0",
    document='{"clusters": []}',
)


def run(second: int = 0, **fields) -> RunRecord:
    """Another run, so many seconds after the first; of all fields, those that count."""
    at = f"2026-11-24T08:{second // 60:02}:{second % 60:02}.000Z"
    return replace(RUN, **{"run": str(uuid.uuid4()), "started_at": at, **fields})


def ended(record: RunRecord, **fields) -> RunRecord:
    status = {"status": RunStatus.APPLIED, "ended_at": "2026-11-24T09:00:00.000Z", "exit_code": 0}
    return replace(record, **{**status, **fields})
