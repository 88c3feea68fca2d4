from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.time import DAY_MS, DayGrid
from schemas.errors import UserError
from schemas.wire_time import epoch_ms, iso

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Africa/Cairo",
)
FROM, UNTIL = epoch_ms("1990-01-01T00:00:00Z"), epoch_ms("2035-01-01T00:00:00Z")


@pytest.mark.parametrize("zone", ZONES)
@given(at=st.integers(FROM, UNTIL))
def test_a_day_holds_the_instants_of_its_local_date(zone: str, at: int) -> None:
    grid = DayGrid(zone)
    day = grid.day_of(at)
    local = datetime.fromtimestamp(at // 1000, UTC).astimezone(ZoneInfo(zone)).date()
    assert day == (local - datetime(1970, 1, 1).date()).days
    assert grid.instant(day) <= at < grid.instant(day + 1)
    assert grid.day_of(grid.instant(day)) == day
    assert grid.day_of(grid.instant(day) - 1) == day - 1


def test_days_are_23_24_or_25_hours_long() -> None:
    grid = DayGrid("Europe/Berlin")
    first = grid.day_of(epoch_ms("2025-01-01T12:00:00Z"))
    points = [grid.instant(day) for day in range(first, first + 366)]
    lengths = {b - a for a, b in pairwise(points)}
    assert lengths == {DAY_MS - 3_600_000, DAY_MS, DAY_MS + 3_600_000}
    assert iso(grid.instant(grid.day_of(epoch_ms("2025-03-30T12:00:00Z")))) == "2025-03-29T23:00:00Z"
    assert iso(grid.instant(grid.day_of(epoch_ms("2025-03-31T12:00:00Z")))) == "2025-03-30T22:00:00Z"


def test_where_midnight_does_not_exist_the_day_begins_after_the_gap() -> None:
    grid = DayGrid("America/Sao_Paulo")
    day = grid.day_of(epoch_ms("2018-11-04T12:00:00Z"))
    assert iso(grid.instant(day)) == "2018-11-04T03:00:00Z"
    assert grid.day_of(grid.instant(day)) == day and grid.day_of(grid.instant(day) - 1) == day - 1


def test_an_unknown_zone_is_reported_with_the_fix() -> None:
    for name in ("Mars/Olympus", "", "../etc/passwd"):
        with pytest.raises(UserError, match="time zone") as refused:
            DayGrid(name)
        assert "STREAMER_TIMEZONE" in refused.value.hint
