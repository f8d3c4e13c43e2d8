"""Secrets never get through to the log, however they are written there."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from rmqsync.daemon.logs import set_up

PASSWORD = "kw9/+& secret"
URL = f"postgresql://u:{quote(PASSWORD, safe='')}@h/d"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    found = logging.getLogger()
    handlers, level = found.handlers[:], found.level
    yield found
    found.handlers[:] = handlers
    found.setLevel(level)


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("secret", [PASSWORD, URL], ids=["password", "in a URL"])
@pytest.mark.parametrize(
    "written",
    [PASSWORD, quote(PASSWORD), quote(PASSWORD, safe=""), URL, f"to {URL} it cannot be connected"],
)
def test_a_secret_is_hidden_in_messages_and_tracebacks(
    root: logging.Logger, form: str, secret: str, written: str
) -> None:
    stream = io.StringIO()
    set_up(form, [secret], stream=stream)

    try:
        raise RuntimeError(f"unexpected: {written}")
    except RuntimeError:
        root.exception("it said %s", written)

    said = stream.getvalue()
    assert "(sensitive)" in said
    assert "RuntimeError" in said
    for one in (PASSWORD, quote(PASSWORD), quote(PASSWORD, safe="")):
        assert one not in said
