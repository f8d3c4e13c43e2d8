"""The first use of a history by several clusters at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rmqsync.history.database import Database


def test_nobody_finds_a_new_file_locked(tmp_path: Path) -> None:
    """Several turn its log on then, for which SQLite itself does not wait."""
    for number in range(60):
        ready = threading.Barrier(4)
        url = f"sqlite:///{tmp_path / str(number)}"

        def write(url: str = url, ready: threading.Barrier = ready) -> None:
            ready.wait()
            with Database(url).writing():
                pass

        with ThreadPoolExecutor(4) as pool:
            for one in [pool.submit(write) for _ in range(4)]:
                one.result()
