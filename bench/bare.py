"""
The same work without rmqsync, as few calls as can be: what ratios are to.

    python -m bench.bare plan FOLDER      # one GET of all definitions, all YAML below FOLDER parsed
    python -m bench.bare apply FILE       # one POST of FILE, one GET
    python -m bench.bare load FILE        # the same, a few thousand objects at a time

Prints its times in seconds as JSON; starting Python and reading files are not in them. The broker
comes in `BENCH_URL`, `BENCH_USER`, `BENCH_PASSWORD`.
"""

from __future__ import annotations

import gc
import http.client
import json
import os
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FASTEST = "fastyaml-rs"

_AT_ONCE = 4000
"""A POST that takes minutes may be given up by the broker: it closes what seems idle."""


class Api:
    """The management API, a connection for each call: brokers soon close what is idle."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self._url = urlsplit(url)
        token = b64encode(f"{user}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: bytes | None = None) -> bytes:
        connection = http.client.HTTPConnection(
            self._url.hostname or "", self._url.port, timeout=1800
        )
        connection.request(method, f"/api/{path}", body, self._headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content


def api_of(environ: os._Environ[str]) -> Api:
    return Api(environ["BENCH_URL"], environ["BENCH_USER"], environ["BENCH_PASSWORD"])


def loader() -> tuple[str, Callable[[str], Any]]:
    """Return the name of the fastest YAML loader there is, and the loader."""
    try:
        import fast_yaml

        return FASTEST, fast_yaml.safe_load
    except ImportError:  # PyYAML's is many times as slow
        import yaml

        return "PyYAML (C)", lambda text: yaml.load(text, yaml.CSafeLoader)


def main() -> None:
    gc.disable()  # as rmqsync's commands do
    what, path = sys.argv[1:]
    api = api_of(os.environ)
    parts = _plan(api, Path(path)) if what == "plan" else _apply(api, Path(path), what == "load")
    print(json.dumps({"seconds": sum(parts.values()), "parts": parts}))


def _plan(api: Api, folder: Path) -> dict[str, float]:
    texts = [file.read_text(encoding="utf-8") for file in sorted(folder.rglob("*.yaml"))]
    name, load = loader()
    laps = [time.perf_counter()]
    api.call("GET", "definitions")
    laps.append(time.perf_counter())
    data = [load(text) for text in texts]
    laps.append(time.perf_counter())
    del data  # kept until here: who parses, wants to have it
    return _parts(laps, "get", f"parse with {name}")


def _apply(api: Api, file: Path, is_slow: bool) -> dict[str, float]:
    content = file.read_bytes()
    bodies = list(_pieces(json.loads(content))) if is_slow else [content]
    laps = [time.perf_counter()]
    for body in bodies:
        api.call("POST", "definitions", body)
    laps.append(time.perf_counter())
    api.call("GET", "definitions")
    laps.append(time.perf_counter())
    return _parts(laps, "post", "get")


def _pieces(document: dict[str, list[Any]]) -> Iterator[bytes]:
    for section, items in document.items():
        for start in range(0, len(items), _AT_ONCE):
            yield json.dumps({section: items[start : start + _AT_ONCE]}).encode()


def _parts(laps: list[float], *names: str) -> dict[str, float]:
    parts = [after - before for before, after in pairwise(laps)]
    return dict(zip(names, parts, strict=True))


if __name__ == "__main__":
    main()
