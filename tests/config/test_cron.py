"""Which cron lines are right."""

from __future__ import annotations

import pytest

from rmqsync.config.cron import numbers, problem


@pytest.mark.parametrize(
    "line",
    [
        "* * * * *",
        "*/10 * * * *",
        "0 2 * * *",
        "0,30 8-18/2 1-31 * mon-fri",
        "59 23 31 12 7",
        "0 0 1 JAN SUN",
        "  5   4 * *  0 ",
    ],
)
def test_right(line: str) -> None:
    assert problem(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", "it has 0 fields, not 5"),
        ("* * * *", "it has 4 fields, not 5"),
        ("* * * * * *", "it has 6 fields, not 5"),
        ("@daily", "it has 1 field, not 5"),
        ("60 * * * *", "'60' is no minute (0 to 59)"),
        ("* 24 * * *", "'24' is no hour (0 to 23)"),
        ("* * 0 * *", "'0' is no day of month (1 to 31)"),
        ("* * * 13 *", "'13' is no month (1 to 12)"),
        ("* * * * 8", "'8' is no day of week (0 to 7)"),
        ("* * * mon *", "'mon' is no month (1 to 12)"),
        ("*/0 * * * *", "'*/0' is no minute (0 to 59)"),
        ("30-10 * * * *", "'30-10' is no minute (0 to 59)"),
        ("1,,2 * * * *", "'' is no minute (0 to 59)"),
        ("*-5 * * * *", "'*-5' is no minute (0 to 59)"),
        ("-5 * * * *", "'-5' is no minute (0 to 59)"),
        ("٣ * * * *", "'٣' is no minute (0 to 59)"),
    ],
)
def test_wrong(line: str, expected: str) -> None:
    assert problem(line) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("*/20 8-18/5 5 jan-mar sun", ((0, 20, 40), (8, 13, 18), (5,), (1, 2, 3), (0,))),
        ("50/5,1 20-21/9 */31 DEC 5-7", ((1, 50, 55), (20,), (1,), (12,), (0, 5, 6))),
    ],
)
def test_what_a_line_means(line: str, expected: tuple[tuple[int, ...], ...]) -> None:
    assert problem(line) is None
    assert numbers(line) == expected
