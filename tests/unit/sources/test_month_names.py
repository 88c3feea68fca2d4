"""Test dates with months' names in shops' languages, and with two-digit years."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamer.sources import month_names
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping

FIELDS = '[[event]]\n[event.fields]\ncustomer_id = "who"\noccurred_at = "when"\ntotal = "paid"\n'
PRESENT = 1_735_689_600_000


def days(folder: Path, *times: str) -> tuple[list[str], MappedFile]:
    path = folder / "sales.csv"
    rows = (f'c{at},"{time}",5\n' for at, time in enumerate(times))
    path.write_text("who,when,paid\n" + "".join(rows))
    source = MappedFile(path, read_mapping(FIELDS, "a test"), now_ms=PRESENT)
    return [json.loads(event.value)["occurred_at"][:10] for event in source.events()], source


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("5 de fevereiro de 2024", "2024-02-05"),
        ("05/out/2023", "2023-10-05"),
        ("5. února 2024", "2024-02-05"),
        ("5. července 2024", "2024-07-05"),
        ("5. června 2024", "2024-06-05"),
        ("5. listopadu 2023", "2023-11-05"),
        ("5 februari 2024", "2024-02-05"),
        ("5. desember 2023 14:05", "2023-12-05"),
        ("5. marts 2024", "2024-03-05"),
        ("5. helmikuuta 2024", "2024-02-05"),
        ("2024. február 5.", "2024-02-05"),
        ("2024. szept. 5.", "2024-09-05"),
        ("5 Φεβρουαρίου 2024", "2024-02-05"),
        ("5 Μαΐου 2024", "2024-05-05"),
        ("5 лютого 2024 р.", "2024-02-05"),
        ("5 февраля 2024 г.", "2024-02-05"),
        ("5 листопада 2023", "2023-11-05"),
        ("5 Şubat 2024", "2024-02-05"),
        ("05 Kasım 2023", "2023-11-05"),
        ("05 AĞUSTOS 2024", "2024-08-05"),
        ("5 فبراير 2024", "2024-02-05"),
        ("٥ أغسطس ٢٠٢٤", "2024-08-05"),
        ("5 בפברואר 2024", "2024-02-05"),
        ("5 פברואר 2024", "2024-02-05"),
        ("5 กุมภาพันธ์ 2024", "2024-02-05"),
        ("5 ก.พ. 2567", "2024-02-05"),
        ("5 tháng 2, 2024", "2024-02-05"),
        ("Ngày 5 tháng 12 năm 2023", "2023-12-05"),
        ("05 thg 2 2024", "2024-02-05"),
        ("5 Februari 2024", "2024-02-05"),
        ("05 Agu 2024", "2024-08-05"),
        ("2024-Feb-05", "2024-02-05"),
        ("5 December 2023", "2023-12-05"),
    ],
)
def test_a_month_has_a_name_in_many_languages(text: str, day: str, tmp_path: Path) -> None:
    assert days(tmp_path, text)[0] == [day]


def test_no_name_means_two_months() -> None:
    months = [{month_names._plain(name) for name in text.split()} for text in month_names._MONTHS]
    assert len(months) == 12 and sum(map(len, months)) == len(set.union(*months))


def test_years_of_two_digits_are_read_where_all_have_them_and_reported(tmp_path: Path) -> None:
    found, source = days(tmp_path, "05-Jan-24", "31-Dec-23", "07-Feb-99 10:30", "8 Şub 24")
    assert sorted(found) == ["1999-02-07", "2023-12-31", "2024-01-05", "2024-02-08"]
    assert any("years of two digits" in note for note in source.notes)


@pytest.mark.parametrize(
    "times",
    [
        ("05-Jan-24", "06-Jan-2024"),
        ("2024-01-05", "06-Jan-24"),
        ("05-Jan-24", "45-Jan-24"),
        ("05-Jan-24", "06-Foo-24"),
    ],
)
def test_years_of_two_digits_beside_other_dates_are_refused(times: tuple[str, ...], tmp_path: Path) -> None:
    found, source = days(tmp_path, *times)
    assert len(found) <= 1 and source.skipped["bad_value"] >= 1
    assert not any("years of two digits" in note for note in source.notes)


@pytest.mark.parametrize(
    "text", ["5 listopad 2023", "5 Foo 2024", "5 tháng 13 2024", "2567-01-05", "Jan-24", "Jan 5 24"]
)
def test_what_is_no_date_of_one_month_is_refused(text: str, tmp_path: Path) -> None:
    assert days(tmp_path, text)[0] == []
