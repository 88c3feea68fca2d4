"""Test identical rows without an order id: reported with their money, and distinct if the mapping declares so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.messages import messages
from models.messages.translatable import in_language
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping

ROWS = (
    "who,when,paid\na,2024-01-05,7.50\na,2024-01-05,7.50\na,2024-01-05,7.50\nb,2024-01-05,1234.00\n,2024-01-06,3.00\n"
)
FIELDS = '[[event]]\n[event.fields]\ncustomer_id = "who"\noccurred_at = "when"\ntotal = "paid"\n'
PRESENT = 1_800_000_000_000


def read(folder: Path, content: str, mapping: str) -> MappedFile:
    path = folder / "sales.csv"
    path.write_text(content)
    return MappedFile(path, read_mapping(mapping, "a test"), now_ms=PRESENT)


def test_equal_rows_count_once_and_their_money_is_told(tmp_path: Path) -> None:
    source = read(tmp_path, ROWS, FIELDS)
    assert len(list(source.events())) == 2 and source.skipped["repeated"] == 2
    note = next(note for note in source.notes if "equal_rows" in note)
    assert "2 rows without an order id" in note and "15.00 EUR" in note
    assert "15.00 EUR" in str(in_language(note, messages("zh")))


def test_a_mapping_can_say_that_equal_rows_are_distinct(tmp_path: Path) -> None:
    source = read(tmp_path, ROWS + ",2024-01-06,3.00\n", 'equal_rows = "distinct"\n' + FIELDS)
    bodies = [json.loads(event.value) for event in source.events()]
    assert sorted(body["total"] for body in bodies) == [7.5, 7.5, 7.5, 1234.0]
    assert len({body["order_id"] for body in bodies}) == 4 and "repeated" not in source.skipped
    assert source.guests.orders == 2 and not any("equal_rows" in note for note in source.notes)
    # The same rows in a longer export are the same orders.
    again = [json.loads(event.value) for event in source.events()]
    plain = [json.loads(event.value) for event in read(tmp_path, ROWS, FIELDS).events()]
    assert again == bodies and {one["order_id"] for one in plain} < {one["order_id"] for one in bodies}
    found = check(read(tmp_path, ROWS, 'equal_rows = "distinct"\n' + FIELDS), Policy(), PRESENT)
    assert found.agrees and found.applied.orders == 4


@pytest.mark.parametrize("key", ['equal_rows = "distinct"\n', 'sheet = "May"\n'])
def test_a_new_way_of_reading_is_another_content_and_no_former_one(key: str, tmp_path: Path) -> None:
    plain, other = read(tmp_path, ROWS, FIELDS), read(tmp_path, ROWS, key + FIELDS)
    assert plain.content_hash != other.content_hash
    assert plain.former_hashes and not other.former_hashes


def test_rows_that_repeat_an_order_id_are_told_apart(tmp_path: Path) -> None:
    source = read(
        tmp_path, "id,who,when,paid\n1,a,2024-01-05,7.50\n1,a,2024-01-05,7.50\n", FIELDS + 'order_id = "id"\n'
    )
    assert len(list(source.events())) == 1
    assert any("of the same order id" in note and "7.50 EUR" in note for note in source.notes)
