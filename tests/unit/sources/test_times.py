"""Test times in the formats that files use: read correctly or rejected."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from schemas.wire_time import iso
from streamer.sources.times import BadDate, Times, day_order

BERLIN = ZoneInfo("Europe/Berlin")


def read(text: str, *forms: str, day_first: bool | None = None) -> str:
    times = Times(forms, BERLIN, now_ms=1_735_689_600_000)
    times.day_first = day_first
    return iso(times.instant(text))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2024-01-05T10:33:21", "2024-01-05T09:33:21Z"),
        ("2024-01-05T10:33:21+0800", "2024-01-05T02:33:21Z"),
        ("2024-01-05 10:33:21.123", "2024-01-05T09:33:21.123Z"),
        ("2024-01-05 10:33:21+08", "2024-01-05T02:33:21Z"),
        ("2024-01-05 10:33:21 UTC", "2024-01-05T10:33:21Z"),
        ("2024-01-05 10:33:21 +0100", "2024-01-05T09:33:21Z"),
        ("20240105", "2024-01-04T23:00:00Z"),
        ("2024/01/05", "2024-01-04T23:00:00Z"),
        ("2024-1-5", "2024-01-04T23:00:00Z"),
        ("2024年1月5日 10:33", "2024-01-05T09:33:00Z"),
        ("2024-01-05 上午 3:33:21", "2024-01-05T02:33:21Z"),
        ("2024-01-05 下午 3:33:21", "2024-01-05T14:33:21Z"),
        ("05.01.2024 10:33", "2024-01-05T09:33:00Z"),
        ("Fri, 05 Jan 2024 10:33:21 GMT", "2024-01-05T10:33:21Z"),
        ("March 2, 2024 10:00 PM", "2024-03-02T21:00:00Z"),
        ("Mar 2nd, 2024 at 10:00", "2024-03-02T09:00:00Z"),
        ("02-Mar-2024", "2024-03-01T23:00:00Z"),
        ("2. März 2024", "2024-03-01T23:00:00Z"),
        ("2 de marzo de 2024 10:00", "2024-03-02T09:00:00Z"),
        ("02/Mar/2024:10:00:00 +0000", "2024-03-02T10:00:00Z"),
        ("Sat Mar 02 2024 10:00:00 GMT-0500 (EST)", "2024-03-02T15:00:00Z"),
        ("Sat Mar  2 10:00:00 PST 2024", "2024-03-02T18:00:00Z"),
        ("Sat, 02 Mar 2024 10:00:00 -0000", "2024-03-02T10:00:00Z"),
        ("20240302100000", "2024-03-02T09:00:00Z"),
        ("20240302T100000Z", "2024-03-02T10:00:00Z"),
        ("2024年3月2日 10时05分", "2024-03-02T09:05:00Z"),
        ("13/12/2009 07:45", "2009-12-13T06:45:00Z"),
        ("12/13/2009 7:45 PM", "2009-12-13T18:45:00Z"),
        ("5/5/2024", "2024-05-04T22:00:00Z"),
    ],
)
def test_forms_that_need_not_be_named(text: str, at: str) -> None:
    assert read(text) == at


@pytest.mark.parametrize(
    "text",
    [
        "Sat, 02 Mar 2024 10:00:00 CEST",
        "Sat, 02 Mar 2024 10:00:00 XYZ",
        "2 Mar 24 10:00",
        "2 Foo 2024",
        "30 Feb 2024",
        "March 2, 2024 13:00 PM",
        "March 2024",
    ],
)
def test_no_part_of_a_date_with_a_name_is_passed_over(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


def test_fourteen_digits_are_a_date_also_where_numbers_are_seconds() -> None:
    assert read("20240302100000", "unix") == "2024-03-02T09:00:00Z"


@pytest.mark.parametrize(
    "text", ["1704450801", "1704450801000", "1704450801000000", "1704450801000000000", "1704450801.0"]
)
@pytest.mark.parametrize("form", ["unix", "unix_ms", "unix_us"])
def test_units_of_numbers_are_recognized_by_size(text: str, form: str) -> None:
    assert read(text, form) == "2024-01-05T10:33:21Z"


def test_day_numbers_of_a_spreadsheet_are_read_where_the_mapping_names_them() -> None:
    assert read("45296.5", "excel") == "2024-01-05T11:00:00Z"
    with pytest.raises(ValueError, match="day number of a spreadsheet"):
        read("45296.5")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1899-12-30 00:00:00", "before 1990"),
        ("1970-01-01", "before 1990"),
        ("0001-01-01", "before 1990|no such date"),
        ("0000-00-00 00:00:00", "no such date"),
        ("2024-02-30", "no such date"),
        ("2024-01-05 24:00:00", "no such date"),
        ("2024-01-05 10:33:60", "no such date"),
        ("2025-01-02", "in the future"),
        ("3/2/2024", "ambiguous, 2024-02-03 or 2024-03-02"),
        ("-2134949234", "before 1990"),
    ],
)
def test_dates_that_cannot_be(text: str, why: str) -> None:
    with pytest.raises(BadDate, match=why):
        read(text, *(["unix"] if text.startswith("-") else []))


@pytest.mark.parametrize("text", ["", "never", "1.7044508E+09", "10:33", "2024-13", "05/17"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="not a time in a known format"):
        read(text, "unix")


def test_the_order_of_day_and_month_is_that_of_the_file() -> None:
    assert read("3/2/2024", day_first=True) == "2024-02-02T23:00:00Z"
    assert read("3/2/2024", day_first=False) == "2024-03-01T23:00:00Z"
    assert [day_order(text) for text in ("13/2/2024", "2/13/2024", "2/3/2024", "13/13/2024")] == [
        "day",
        "month",
        None,
        None,
    ]
