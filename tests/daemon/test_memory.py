"""What the daemon keeps in memory, and what it puts aside."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from rmqsync.daemon.metrics import Metrics
from rmqsync.daemon.start import Running
from rmqsync.wiring import Session


def test_compiled_sets_go_to_the_data_folder_and_not_into_a_pile(tmp_path: Path):
    queues = [{"vhost": "shop", "name": f"qu.{'x' * 100}.{n}"} for n in range(2000)]
    work = tmp_path / "work"
    (work / "base").mkdir(parents=True)
    (work / "base" / "all.json").write_text(
        json.dumps({"vhosts": [{"name": "shop"}], "queues": queues})
    )
    (work / "one.json").write_text("{}")
    settings = work / "rmqsync.yaml"
    settings.write_text("clusters: {one: {endpoints: ['file:one.json'], layers: [base]}}\n")
    session = Session(str(settings), str(tmp_path / "data"), {})
    running = Running(session, Metrics, lambda _result: 0)

    running.start(threading.Event())
    running.stop(5)

    assert len(list((tmp_path / "data" / "compiled").glob("*.json"))) == 1
    assert not session.memory.has_unkept
    session.close()
