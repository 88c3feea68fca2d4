"""Test quiet hours over all zones and clock changes, and rates against a slow count of all calls."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.act.heart import rates
from streamer.act.heart.local import day_of, is_quiet, next_day, quiet_until, zone
from streamer.act.heart.rates import Windows
from streamer.act.plays.spans import Rate, Window

EXAMPLES = int(os.environ.get("ACT_EXAMPLES", "400"))
ZONES = sorted(available_timezones())
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2024, 2029))
WINDOWS = st.builds(Window, st.integers(0, 1439), st.integers(0, 1439)).filter(lambda one: one.start != one.end)
SPRING = int(datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp()) * 1000
AUTUMN = int(datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()) * 1000


@settings(deadline=None, max_examples=EXAMPLES)
@given(st.integers(FIRST, LAST), WINDOWS, st.sampled_from(ZONES))
@example(SPRING // 1000, Window(130, 150), "Europe/Berlin")
@example(AUTUMN // 1000, Window(130, 150), "Europe/Berlin")
@example(AUTUMN // 1000, Window(100, 170), "Europe/Berlin")
def test_the_end_of_quiet_hours_is_the_first_instant_that_is_not_quiet(at: int, quiet: Window, name: str) -> None:
    where, now = ZoneInfo(name), at * 1000
    until = quiet_until(now, quiet, where)
    assert until >= now and not is_quiet(until, quiet, where)
    if until > now:
        assert is_quiet(now, quiet, where)
        # Every minute before it is quiet: nobody waits longer than necessary.
        for minute in range(now, until, 60_000):
            assert is_quiet(minute, quiet, where), minute
        assert until - now <= 26 * 3_600_000


HAVANA = int(datetime(2026, 3, 8, 4, 30, tzinfo=UTC).timestamp())
SAMOA = int(datetime(2011, 12, 30, 9, 30, tzinfo=UTC).timestamp())
ST_JOHNS = int(datetime(2010, 11, 7, 2, 29, 30, tzinfo=UTC).timestamp())


@settings(deadline=None, max_examples=400)
@given(st.integers(FIRST, LAST), st.sampled_from(ZONES))
@example(HAVANA, "America/Havana")  # midnight is skipped
@example(SAMOA, "Pacific/Apia")  # a whole day is skipped
@example(ST_JOHNS, "America/St_Johns")  # a minute after midnight the clocks show the day before again
@example(ST_JOHNS + 60, "America/St_Johns")
def test_the_next_local_day_is_the_first_minute_that_lies_in_a_later_one(at: int, name: str) -> None:
    where, now = ZoneInfo(name), at * 1000
    found, today = next_day(now, where), day_of(now, where)
    assert found > now and found % 60_000 == 0 and day_of(found, where) > today
    assert found - now <= 26 * 3_600_000
    first = now // 60_000 * 60_000 + 60_000
    for minute in range(first, found, 60_000):
        assert day_of(minute, where) <= today, minute


def test_an_unknown_zone_falls_back_to_the_shops_and_says_so() -> None:
    assert zone("Mars/Olympus", "Europe/Berlin") == (ZoneInfo("Europe/Berlin"), "shop")
    assert zone("../etc/passwd", "UTC")[1] == zone(None, "UTC")[1] == "shop"
    assert zone("Asia/Shanghai", "UTC") == (ZoneInfo("Asia/Shanghai"), "customer")
    assert day_of(0, ZoneInfo("America/New_York")) == -1


RATES = st.lists(st.builds(Rate, st.integers(1, 5), st.sampled_from([1_000, 60_000, 86_400_000])), max_size=2)


@settings(deadline=None, max_examples=200)
@given(RATES, st.lists(st.integers(0, 90_000), min_size=1, max_size=60))
def test_no_window_ever_holds_more_than_its_rate(found: list[Rate], gaps: list[int]) -> None:
    windows: Windows = {}
    now, calls = 1_700_000_000_000, list[int]()
    for gap in gaps:
        now += gap
        free = rates.free_at(windows, found, now)
        assert free >= now and rates.free_at(windows, found, free) == free
        assert (rates.room(windows, found, now) > 0) == (free == now) and rates.room(windows, found, free) > 0
        # Sent as soon as possible.
        now = free
        rates.count(windows, found, now)
        calls.append(now)
        for rate in found:
            assert sum(now - rate.per < call <= now for call in calls) <= rate.count
    for rate in found:
        assert len(windows[rate.per]) <= 62
