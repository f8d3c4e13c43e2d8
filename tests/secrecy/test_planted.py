"""The search finds what it is to find: without that its silence says nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.secrecy.planted import Planted


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda text: f"password={text};", id="as it is"),
        pytest.param(lambda text: f"amqp://u:{quote(text, safe='')}@h", id="in a URL"),
        pytest.param(lambda text: json.dumps({"a": [text]}), id="in JSON"),
        pytest.param(lambda text: repr({"a": text}), id="by repr"),
        pytest.param(lambda text: base64.b64encode(f"u:{text}".encode()).decode(), id="basic auth"),
        pytest.param(lambda text: base64.b64encode(f"{text}!".encode()).decode(), id="base64"),
    ],
)
def test_a_secret_is_found_however_it_is_written(written) -> None:
    planted = Planted()
    planted.password("the other")
    secret = planted.password("the one")

    assert planted.found_in(written(secret)) == {"the one"}
    assert planted.found_in(written(secret).encode()) == {"the one"}
    assert planted.found_in(written("some other text of the same kind")) == set()


def test_a_secret_is_found_in_files_and_names_of_files(tmp_path: Path) -> None:
    planted = Planted()
    secret = planted.add("the one", "kw9-in-a-name")
    (tmp_path / secret).mkdir()
    (tmp_path / "file").write_bytes(b"\xff\0" + secret.encode())
    (tmp_path / "other").write_bytes(b"nothing")

    assert planted.found_below(tmp_path) == {secret: {"the one"}, "file": {"the one"}}
