"""
When a cron line is due by the clocks of a time zone, on days too when these are changed. Pure.

As cron has it: a line for certain hours is due once a day for each, an hour that clocks skip at
the moment after and one that comes twice the first time; a line for every hour goes by the time
that passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rmqsync.config.cron import numbers
from rmqsync.model.errors import SourceError

_DAY = timedelta(days=1)
_FARTHEST = 366 * 41
"""Days within which a line is due that ever is: 29 February on a Sunday may be 40 years off."""


class Openings:
    """Times come in the zone of the line; those that are compared with may be of any."""

    def __init__(self, line: str, timezone: str) -> None:
        """Takes a line that was checked. Raises `SourceError` for an unknown time zone."""
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise SourceError(f"there is no time zone '{timezone}' in the tz database") from error
        _, hour, day, _, weekday = line.split()
        minutes, hours, self._days, self._months, self._weekdays = numbers(line)
        self._times = [time(one, minute) for one in hours for minute in minutes]
        self._is_hourly = hour.startswith("*") or len(hours) == 24
        self._either = not day.startswith("*") and not weekday.startswith("*")

    def next(self, now: datetime) -> datetime | None:
        """Return when it is due next, now or later; `None` where it never is."""
        first = self._on_its_clocks(now).date() - _DAY
        for number in range(_FARTHEST):
            found = [at for at in self._on(first + number * _DAY) if at >= now]
            if found:
                return min(found).astimezone(self._zone)
        return None

    def last(self, now: datetime, within: timedelta) -> datetime | None:
        """Return when it was due last, now or less than `within` ago; `None` where it was not."""
        after = now.astimezone(UTC) - within  # which is as long on days when clocks are changed
        day = self._on_its_clocks(now).date() + _DAY
        oldest = self._on_its_clocks(after).date() - _DAY
        while day >= oldest:
            found = [at for at in self._on(day) if after < at <= now]
            if found:
                return max(found).astimezone(self._zone)
            day -= _DAY
        return None

    def _on_its_clocks(self, at: datetime) -> datetime:
        return at.astimezone(self._zone)

    def _on(self, day: date) -> Iterator[datetime]:
        """Yield the times of a day in UTC: those of one zone would be compared by its clocks."""
        if not self._is_due(day):
            return
        for one in self._times:
            yield from self._moments(datetime.combine(day, one, self._zone))

    def _is_due(self, day: date) -> bool:
        if day.month not in self._months:
            return False
        fits = day.day in self._days, day.isoweekday() % 7 in self._weekdays
        return any(fits) if self._either else all(fits)

    def _moments(self, clocks: datetime) -> Iterator[datetime]:
        first, second = (clocks.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
        if first <= second:
            yield first
            if self._is_hourly and second != first:
                yield second
        elif not self._is_hourly:
            yield self._changed(second, first)

    def _changed(self, before: datetime, after: datetime) -> datetime:
        """Return when clocks are put forward between two moments."""
        offset = self._on_its_clocks(after).utcoffset()
        while after - before > timedelta(seconds=1):
            middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
            if self._on_its_clocks(middle).utcoffset() == offset:
                after = middle
            else:
                before = middle
        return after
