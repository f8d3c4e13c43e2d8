"""Pause and resume: whatever people say, the marker can be read again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.app.lock import Waiting
from rmqsync.app.standstill import pause, resume, stop_of
from rmqsync.model.errors import UsageError
from tests.app.test_marker_kept import Story
from tests.planning.builders import rows, vhost

texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).map(str.strip)


@given(reason=texts.filter(bool) | st.just("x" * 500), by=st.none() | texts.filter(bool))
def test_a_pause_is_read_as_it_was_said(reason: str, by: str | None) -> None:
    story = Story(rows(vhost()))
    target = story.plan(rows(vhost())).target
    stop = stop_of(reason, by, None)

    pause(target, stop, Waiting())
    paused = story.marker.paused
    resume(target, Waiting())

    assert paused == stop
    assert story.marker.paused is None


@pytest.mark.parametrize(
    ("reason", "by", "said"),
    [
        ("", "ann", "the reason is empty"),
        (" \n", "ann", "the reason is empty"),
        ("x" * 501, "ann", "the reason has 501 characters, at most 500"),
        ("incident", " ", "the name of who does it is empty"),
        ("incident", "a" * 5_000, "the name of who does it has 5000 characters"),
    ],
)
def test_what_no_marker_can_say_is_refused(reason: str, by: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        stop_of(reason, by, None)
