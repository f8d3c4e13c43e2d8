"""Cron lines as crontab reads them, windows, and pauses after failures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmqsync.config.cluster import Window
from rmqsync.config.cron import problem
from rmqsync.daemon.timing import Windows, back_off_s, cron, in_zone, spread_s
from rmqsync.model.errors import SourceError

MONDAY = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)


def next_of(line: str, after: datetime = MONDAY) -> datetime:
    found: datetime | None = cron(line).get_next_fire_time(None, after)
    assert found is not None
    return found.astimezone(UTC)


@pytest.mark.parametrize(
    ("line", "due"),
    [
        ("30 2 * * *", datetime(2026, 11, 23, 2, 30)),
        ("0 3 * * 0", datetime(2026, 11, 29, 3, 0)),
        ("0 3 * * 7", datetime(2026, 11, 29, 3, 0)),
        ("0 3 * * 1", datetime(2026, 11, 23, 3, 0)),
        ("0 3 * * SAT", datetime(2026, 11, 28, 3, 0)),
        ("0 3 * * 5-7", datetime(2026, 11, 27, 3, 0)),
        ("0 3 * * */3", datetime(2026, 11, 25, 3, 0)),
        ("0 3 1 * *", datetime(2026, 12, 1, 3, 0)),
        ("*/15 * * * *", datetime(2026, 11, 23, 0, 0)),
    ],
)
def test_a_line_is_due_as_crontab_says(line: str, due: datetime) -> None:
    assert next_of(line) == due.replace(tzinfo=UTC)


def test_of_day_and_weekday_either_will_do_when_both_are_restricted() -> None:
    assert next_of("0 3 25 * 5") == datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    assert next_of("0 3 30 * 5") == datetime(2026, 11, 27, 3, 0, tzinfo=UTC)
    assert next_of("0 3 */2 * 5") == datetime(2026, 11, 27, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "due"),
    [
        ("50/20 * * * *", datetime(2026, 11, 23, 0, 50)),
        ("5-10/30 * * * *", datetime(2026, 11, 23, 0, 5)),
        ("0 3 */31 * *", datetime(2026, 12, 1, 3, 0)),
        ("0 3 1 dec/1 *", datetime(2026, 12, 1, 3, 0)),
        ("0 3 1 12-dec *", datetime(2026, 12, 1, 3, 0)),
    ],
)
def test_a_line_that_the_settings_take_is_due_though_the_scheduler_would_not_have_it(
    line: str, due: datetime
) -> None:
    assert problem(line) is None

    assert next_of(line) == due.replace(tzinfo=UTC)


@given(st.sets(st.integers(0, 7), min_size=1), st.integers(0, 13))
def test_weekdays_are_those_of_the_list(days: set[int], ahead: int) -> None:
    line = f"0 12 * * {','.join(map(str, sorted(days)))}"

    found = next_of(line, MONDAY + timedelta(days=ahead))

    assert (found.weekday() + 1) % 7 in {day % 7 for day in days}
    for between in range((found - (MONDAY + timedelta(days=ahead))).days):
        skipped = MONDAY + timedelta(days=ahead + between)
        assert (skipped.weekday() + 1) % 7 not in {day % 7 for day in days}


def test_an_unknown_time_zone_is_named() -> None:
    with pytest.raises(SourceError, match="no time zone 'Asia/Nowhere'"):
        night("Asia/Nowhere")


def night(timezone: str = "UTC") -> Windows:
    return Windows([Window(cron="0 2 * * 1-5", for_s=7200, timezone=timezone)])


@pytest.mark.parametrize(
    ("hour", "minute", "is_open"),
    [(1, 59, False), (2, 0, True), (3, 59, True), (4, 0, False), (12, 0, False)],
)
def test_a_window_is_open_from_its_line_for_its_length(
    hour: int, minute: int, is_open: bool
) -> None:
    assert night().is_open(MONDAY.replace(hour=hour, minute=minute)) is is_open


def test_a_window_says_when_it_opens_next() -> None:
    assert night().next(MONDAY.replace(hour=5)) == datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    saturday = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
    assert not night().is_open(saturday)
    assert night().next(saturday) == datetime(2026, 11, 30, 2, 0, tzinfo=UTC)


def test_when_a_window_opens_is_told_by_its_own_clocks_too() -> None:
    opens = night("Asia/Shanghai").next(MONDAY.replace(hour=5))

    assert opens is not None
    assert in_zone(opens) == "2026-11-23T18:00:00Z (2026-11-24 02:00 Asia/Shanghai)"
    assert in_zone(MONDAY.replace(hour=5)) == "2026-11-23T05:00:00Z"


def test_an_approval_counts_for_a_day_or_until_the_next_window_is_over() -> None:
    day = timedelta(days=1)
    friday, saturday = MONDAY + 4 * day, MONDAY + 5 * day

    assert Windows([]).approved_until(friday) == friday + day
    assert night().approved_until(MONDAY) == MONDAY + day
    assert night().approved_until(friday + day / 8) == MONDAY + 7 * day + timedelta(hours=4)
    assert night().approved_until(saturday) == MONDAY + 7 * day + timedelta(hours=4)


def test_without_windows_it_is_always_open() -> None:
    assert Windows([]).is_open(MONDAY)


def test_pauses_double_and_end_at_an_hour() -> None:
    assert [back_off_s(n) for n in range(4)] == [0, 30, 60, 120]
    assert back_off_s(1000) == 3600


def test_first_cycles_are_spread() -> None:
    names = [f"c{n}" for n in range(200)]

    found = spread_s(names, 300)

    assert max(found.values()) <= 30
    assert len(set(found.values())) == 200
    assert spread_s(["one"], 300) == {"one": 0.0}
