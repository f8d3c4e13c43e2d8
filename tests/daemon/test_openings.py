"""When windows are open, also on days when clocks are changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.config.cluster import Window
from rmqsync.daemon.openings import Openings
from rmqsync.daemon.timing import Windows, cron

MINUTE = timedelta(minutes=1)
SPRING = datetime(2026, 3, 28, 12, tzinfo=UTC)
"""In Berlin 02:00 is 03:00 on the 29th, which is 01:00 in UTC."""
AUTUMN = datetime(2026, 10, 24, 12, tzinfo=UTC)
"""In Berlin 03:00 is 02:00 again on the 25th, which is 01:00 in UTC."""


def spans(windows: Windows, begins: datetime, hours: int) -> Iterator[str]:
    """Yield each time a window is open, minute by minute, in UTC; what still is has no end."""
    was_open, text = False, ""
    for number in range(hours * 60):
        at = begins + number * MINUTE
        is_open = windows.is_open(at)
        if is_open and not was_open:
            text = f"{at:%d %H:%M}"
        elif was_open and not is_open:
            yield f"{text}-{at:%H:%M}"
        was_open = is_open
    if was_open:
        yield f"{text}-"


@pytest.mark.parametrize(
    ("line", "for_h", "begins", "hours", "expected"),
    [
        ("0 22 * * *", 8, SPRING, 24, ["28 21:00-05:00"]),
        ("0 22 * * *", 8, AUTUMN, 24, ["24 20:00-04:00"]),
        ("30 2 * * *", 1, SPRING, 48, ["29 01:00-02:00", "30 00:30-01:30"]),
        ("30 2 * * *", 1, AUTUMN, 48, ["25 00:30-01:30", "26 01:30-02:30"]),
        ("0 2 * * *", 2, SPRING, 48, ["29 01:00-03:00", "30 00:00-02:00"]),
        ("0 2 * * *", 2, AUTUMN, 48, ["25 00:00-02:00", "26 01:00-03:00"]),
        ("0 1 * * *", 2, SPRING, 24, ["29 00:00-02:00"]),
        ("0 1 * * *", 2, AUTUMN, 24, ["24 23:00-01:00"]),
        ("0 0 * * *", 24, SPRING, 72, ["28 12:00-"]),
        ("0 * * * *", 1, SPRING, 48, ["28 12:00-"]),
        ("0 * * * *", 1, AUTUMN, 48, ["24 12:00-"]),
        ("0 0-23 * * *", 1, AUTUMN, 48, ["24 12:00-"]),
    ],
)
def test_a_window_is_as_long_as_it_says_and_comes_once_when_clocks_are_changed(
    line: str, for_h: int, begins: datetime, hours: int, expected: list[str]
) -> None:
    windows = Windows([Window(cron=line, for_s=for_h * 3600, timezone="Europe/Berlin")])

    assert list(spans(windows, begins, hours)) == expected


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("30 2 * * *", datetime(2026, 3, 29, 0, tzinfo=UTC), "2026-03-29T03:00:00+02:00"),
        ("30 2 * * *", datetime(2026, 10, 25, 0, tzinfo=UTC), "2026-10-25T02:30:00+02:00"),
        ("30 2 * * *", datetime(2026, 10, 25, 1, tzinfo=UTC), "2026-10-26T02:30:00+01:00"),
        ("30 * * * *", datetime(2026, 10, 25, 1, tzinfo=UTC), "2026-10-25T02:30:00+01:00"),
        ("30 * * * *", datetime(2026, 3, 29, 1, tzinfo=UTC), "2026-03-29T03:30:00+02:00"),
    ],
)
def test_it_is_told_when_a_window_opens_when_clocks_are_changed(
    line: str, after: datetime, expected: str
) -> None:
    opens = Windows([Window(cron=line, for_s=3600, timezone="Europe/Berlin")]).next(after)

    assert opens is not None
    assert opens.isoformat() == expected


def test_the_first_of_two_windows_is_next_though_clocks_say_another() -> None:
    after = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)  # 02:40, the first time
    lines = ("10 * * * *", "50 * * * *")
    both = Windows([Window(cron=one, for_s=60, timezone="Europe/Berlin") for one in lines])

    opens = both.next(after)

    assert opens is not None
    assert opens.astimezone(UTC) == datetime(2026, 10, 25, 0, 50, tzinfo=UTC)


def test_what_never_comes_is_never_open() -> None:
    windows = Windows([Window(cron="0 0 31 2 *", for_s=3600, timezone="UTC")])

    assert not windows.is_open(SPRING)
    assert windows.waits_for(SPRING) == "for ever"


LINES = st.builds(
    lambda *fields: " ".join(fields),
    st.sampled_from(["*", "0", "*/7", "5-20/3", "59"]),
    st.sampled_from(["*", "0", "*/5", "8-18", "23"]),
    st.sampled_from(["*", "1", "31", "*/2", "10-20"]),
    st.sampled_from(["*", "1", "2,6", "*/3"]),
    st.sampled_from(["*", "0", "7", "1-5", "*/2"]),
)


@given(LINES, st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))
def test_in_utc_it_is_due_when_the_scheduler_has_it(line: str, at: datetime) -> None:
    now = at.replace(tzinfo=UTC)

    assert Openings(line, "UTC").next(now) == cron(line).get_next_fire_time(None, now)


@given(LINES, st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)))
def test_what_was_due_last_is_what_was_due_next_before(line: str, at: datetime) -> None:
    openings, now = Openings(line, "Europe/Berlin"), at.replace(tzinfo=UTC)
    due = openings.next(now)
    if due is not None:
        assert openings.last(due.astimezone(UTC), due - now + MINUTE) == due
        assert openings.last(due.astimezone(UTC) + MINUTE / 2, MINUTE) == due
