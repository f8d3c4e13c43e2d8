"""When things are due: cron lines as crontab(5) reads them, windows, and pauses after failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from rmqsync.config.cluster import Window
from rmqsync.config.cron import numbers
from rmqsync.daemon.openings import Openings
from rmqsync.model.times import stamp

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_APPROVED_FOR = timedelta(days=1)
_FIRST_BACK_OFF_S = 30.0
_LONGEST_BACK_OFF_S = 3600.0


def cron(line: str) -> BaseTrigger:
    """
    Return what tells when a cron line is due, in UTC.

    The scheduler counts weekdays from Monday and wants day and weekday both to fit; crontab counts
    from Sunday, and where both are restricted either will do.
    """
    _, _, day, _, weekday = line.split()
    minutes, hours, days, months, weekdays = numbers(line)
    common = {"minute": _text(minutes), "hour": _text(hours), "month": _text(months)}
    on_day = {"day": _text(days)}
    on_weekday = {"day_of_week": ",".join(_DAYS[one] for one in weekdays)}
    if day.startswith("*") or weekday.startswith("*"):
        return CronTrigger(**on_day, **on_weekday, **common, timezone=UTC)
    either = [CronTrigger(**one, **common, timezone=UTC) for one in (on_day, on_weekday)]
    return OrTrigger(either)


def _text(found: Iterable[int]) -> str:
    return ",".join(map(str, found))


class Windows:
    """The times in which a cluster may be written. None at all: always."""

    def __init__(self, windows: Iterable[Window]) -> None:
        """Raises `SourceError` for an unknown time zone."""
        self._windows = [
            (Openings(one.cron, one.timezone), timedelta(seconds=one.for_s)) for one in windows
        ]

    def is_open(self, now: datetime) -> bool:
        """Tell whether now is inside of one; `now` knows its time zone."""
        return not self._windows or any(
            openings.last(now, length) is not None for openings, length in self._windows
        )

    def next(self, now: datetime) -> datetime | None:
        """Return when the next one opens; `None` where none ever does."""
        found = [openings.next(now) for openings, _ in self._windows]
        return min((one for one in found if one is not None), key=_utc, default=None)

    def approved_until(self, now: datetime) -> datetime:
        """Return when an approval ends: in a day, or when the next window is over if later."""
        day = now + _APPROVED_FOR
        found = [
            (_utc(opens), length)
            for openings, length in self._windows
            if (opens := openings.next(now)) is not None
        ]
        if not found:
            return day
        opens, length = min(found)
        return max(day, opens + length)

    def waits_for(self, now: datetime) -> str:
        """Say what has to be waited for while none is open."""
        opens = self.next(now)
        return "for ever" if opens is None else f"for the window that opens {in_zone(opens)}"


def _utc(at: datetime) -> datetime:
    """Return a time in UTC: two of one zone are compared by its clocks, which may go back."""
    return at.astimezone(UTC)


def in_zone(at: datetime) -> str:
    """Return a time in UTC, and as the clocks of its own zone have it where that is another."""
    zone = getattr(at.tzinfo, "key", "UTC")
    local = "" if zone == "UTC" else f" ({at:%Y-%m-%d %H:%M} {zone})"
    return f"{stamp(at)}{local}"


def back_off_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row: doubling, an hour at most."""
    if failures <= 0:
        return 0.0
    return min(_FIRST_BACK_OFF_S * 2.0 ** min(failures - 1, 20), _LONGEST_BACK_OFF_S)


def spread_s(names: Sequence[str], every_s: float) -> dict[str, float]:
    """Return after how long each of several is run first, so that not all run at once."""
    span = min(every_s / 2, 0.05 * len(names), 30.0)
    return {name: span * number / max(1, len(names)) for number, name in enumerate(names)}
