"""The daily grid of event time, on which clusters step and dwell is counted."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from schemas.errors import UserError

DAY_MS = 86_400_000
_EPOCH = date(1970, 1, 1)


class DayGrid:
    """Local days of one time zone: day ``d`` begins at its grid point, local 00:00.

    Days are counted from 1970-01-01 (day 0), so consecutive grid points are 23, 24 or 25 hours apart.

    >>> grid = DayGrid("Europe/London")
    >>> grid.day_of(grid.instant(15_000)), grid.day_of(grid.instant(15_000) - 1)
    (15000, 14999)
    """

    def __init__(self, zone: str = "UTC") -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise UserError(
                f"unknown time zone {zone!r}", "set STREAMER_TIMEZONE to an IANA name, for example Europe/Berlin"
            ) from None
        self.zone = zone
        self._utc = zone == "UTC"
        self._quarters = lru_cache(maxsize=4096)(self._day_of_quarter)
        self.instant = lru_cache(maxsize=8192)(self._instant)

    def day_of(self, at: int) -> int:
        """Return the local day number that contains the instant ``at`` (ms)."""
        # Zone offsets change at quarter hours at the finest, so one look-up serves a quarter of an hour.
        return at // DAY_MS if self._utc else self._quarters(at // 900_000)

    def _day_of_quarter(self, quarter: int) -> int:
        local = datetime.fromtimestamp(quarter * 900, UTC).astimezone(self._zone)
        return (local.date() - _EPOCH).days

    def _instant(self, day: int) -> int:
        """Return the grid point of a local day, in ms."""
        if self._utc:
            return day * DAY_MS
        midnight = datetime.combine(_EPOCH + timedelta(days=day), datetime.min.time(), self._zone)
        return round(midnight.timestamp() * 1000)
