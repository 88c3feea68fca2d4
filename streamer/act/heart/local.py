"""Compute customers' local days and hours: the local day of an instant, and the end of quiet hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streamer.act.plays.spans import Window

_EPOCH = date(1970, 1, 1)
_MINUTE_MS = 60_000


@lru_cache(maxsize=1_024)
def zone(name: str | None, shop: str) -> tuple[ZoneInfo, str]:
    """Return the customer's time zone and its source: ``customer``, or ``shop`` if the customer's is missing or unknown."""
    if name:
        try:
            return ZoneInfo(name), "customer"
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return ZoneInfo(shop), "shop"


def day_of(at: int, where: ZoneInfo) -> int:
    """Return the local day of an instant (ms), counted from 1970-01-01."""
    return (datetime.fromtimestamp(at / 1000, where).date() - _EPOCH).days


def is_quiet(at: int, quiet: Window, where: ZoneInfo) -> bool:
    """Return whether the local time at an instant (ms) is in the window, whose end is exclusive."""
    local = datetime.fromtimestamp(at / 1000, where)
    minute = local.hour * 60 + local.minute
    if quiet.start < quiet.end:
        return quiet.start <= minute < quiet.end
    return minute >= quiet.start or minute < quiet.end


def quiet_until(at: int, quiet: Window | None, where: ZoneInfo) -> int:
    """Return the first instant (ms) from ``at`` on that is not quiet: ``at`` itself, or a full minute after it."""
    if quiet is None:
        return at
    return _quiet_until(at // _MINUTE_MS * _MINUTE_MS, quiet, where) or at


@lru_cache(maxsize=4_096)
def _quiet_until(at: int, quiet: Window, where: ZoneInfo) -> int:
    """Return the end of quiet hours for the minute that begins at ``at``; 0 if it is not quiet.

    Many messages are evaluated in one minute. Clock changes may repeat or skip an hour, so the end is searched on the
    real timeline; the local end of the window is only the first guess.
    """
    if not is_quiet(at, quiet, where):
        return 0
    local = datetime.fromtimestamp(at / 1000, where)
    end = local.replace(hour=quiet.end // 60, minute=quiet.end % 60, second=0, microsecond=0, fold=0)
    if end.replace(tzinfo=None) <= local.replace(tzinfo=None):
        end += timedelta(days=1)
    found = max(at, int(end.astimezone(UTC).timestamp() * 1000))
    # The guess may still be inside the window after clocks went back, and too late after they went forward.
    while is_quiet(found, quiet, where):
        found += _MINUTE_MS
    while found - _MINUTE_MS > at and not is_quiet(found - _MINUTE_MS, quiet, where):
        found -= _MINUTE_MS
    return found


def _minute_from(at: int) -> int:
    return -(-at // _MINUTE_MS) * _MINUTE_MS


def next_day(at: int, where: ZoneInfo) -> int:
    """Return the first full minute (ms) after ``at`` on a later local day."""
    today = day_of(at, where)
    found = _midnight_after(today, where)
    # Clocks set back across midnight repeat part of a day, and clocks set forward may skip midnight.
    found = max(found, _minute_from(at + 1))
    while day_of(found, where) <= today:
        found += _MINUTE_MS
    while found - _MINUTE_MS > at and day_of(found - _MINUTE_MS, where) > today:
        found -= _MINUTE_MS
    return found


@lru_cache(maxsize=4096)
def _midnight_after(day: int, where: ZoneInfo) -> int:
    """Return midnight (ms) at the end of a local day, as its local clock would show it."""
    end = datetime.combine(_EPOCH + timedelta(days=day + 1), time(), where)
    return int(end.astimezone(UTC).timestamp() * 1000)
