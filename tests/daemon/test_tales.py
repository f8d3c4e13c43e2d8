"""The log tells each problem of a source once, and that it is over."""

from __future__ import annotations

import logging
from typing import Any, cast

import pytest

from rmqsync.config.settings import Event
from rmqsync.daemon.documents import SourceStatusDocument
from rmqsync.daemon.happenings import Happening
from rmqsync.daemon.tales import SourceTales


def source(name: str, **keys: Any) -> SourceStatusDocument:
    known = {"commit": None, "fetched_at": None, "error": None, "broken_commit": None}
    return cast(SourceStatusDocument, {"name": name, "findings": [], **known, **keys})


def test_two_sources_that_are_broken_are_told_once_each(caplog: pytest.LogCaptureFixture) -> None:
    tales = SourceTales()
    place = {"file": "a.yaml", "line": 3, "column": 1}
    findings = [{"source": place, "message": "no such key", "hint": "did you mean 'name'?"}]
    for _ in range(3):
        for name in ("a", "b"):
            tales.told(source(name, broken_commit="c0ffee", findings=findings))

    assert caplog.messages == [
        "source a: commit c0ffee cannot be used",
        "a.yaml:3:1: no such key; did you mean 'name'?",
        "source b: commit c0ffee cannot be used",
        "a.yaml:3:1: no such key; did you mean 'name'?",
    ]


def test_a_source_that_cannot_be_fetched_is_told_until_it_can(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="rmqsync.daemon")
    tales = SourceTales()
    for error in (None, "refused", "refused", "gone", None, None, "gone"):
        tales.told(source("a", error=error))

    assert caplog.messages == [
        "source a: refused",
        "source a: gone",
        "source a: it is fetched again",
        "source a: gone",
    ]


def test_whoever_follows_a_cluster_of_a_source_is_told_once_of_a_broken_commit() -> None:
    found: list[Happening] = []
    tales = SourceTales(lambda _source: ["one", "two"], found.append)
    place = {"file": "a.yaml", "line": 3, "column": 1}
    findings = [{"source": place, "message": "no such key", "hint": "leave it out"}] * 22
    for broken in (None, "c0ffee", "c0ffee", None, None):
        tales.told(source("a", broken_commit=broken, findings=findings if broken else []))

    lines = (*["a.yaml:3:1: no such key; leave it out"] * 20, "and 2 more")
    assert found == [
        Happening(Event.FAILED, "one", "source a: commit c0ffee cannot be used", lines, ("two",)),
        Happening(
            Event.FAILED, "one", "source a: its newest commit can be used again", (), ("two",)
        ),
    ]


def test_what_is_wrong_other_than_in_a_file_is_told_along_with_the_commit() -> None:
    found: list[Happening] = []
    tales = SourceTales(lambda _source: ["one"], found.append)

    tales.told(source("a", broken_commit="c0ffee", error="layer folder 'base' does not exist"))

    assert [one.lines for one in found] == [("layer folder 'base' does not exist",)]
