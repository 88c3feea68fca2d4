"""Test that yen, won and dong have no decimals: only there, a sign before three digits separates thousands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.money import Rates
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping

FIELDS = '[[event]]\n[event.fields]\ncustomer_id = "who"\noccurred_at = "when"\ntotal = "paid"\n'
PRESENT = 1_800_000_000_000


def read(folder: Path, amounts: list[str], *, currency: str = "EUR", mapping: str = FIELDS) -> MappedFile:
    path = folder / "sales.csv"
    rows = (f"c{at};2024-01-05;{amount};{currency}\n" for at, amount in enumerate(amounts))
    path.write_text("who;when;paid;money\n" + "".join(rows))
    return MappedFile(path, read_mapping('delimiter = ";"\n' + mapping, "a test"), now_ms=PRESENT)


def totals(source: MappedFile) -> list[float]:
    return [json.loads(event.value)["total"] for event in source.events()]


@pytest.mark.parametrize(
    ("amounts", "found"),
    [
        (["1,234円", "980円", "12,000円"], [1234, 980, 12000]),
        (["₩1,234", "₩50,000"], [1234, 50000]),
        (["JPY 1,234", "JPY 980"], [1234, 980]),
        (["1.234 ₫", "50.000 ₫"], [1234, 50000]),
        (["￥1,234円", "１，２３４円"], [1234, 1234]),
    ],
)
def test_a_sign_beside_the_amount_says_that_it_has_no_decimals(
    amounts: list[str], found: list[float], tmp_path: Path
) -> None:
    assert totals(read(tmp_path, amounts)) == found


@pytest.mark.parametrize(
    "mapping",
    [
        'currency = "JPY"\n' + FIELDS,
        FIELDS + 'currency = "money"\n',
        FIELDS + '[event.constants]\ncurrency = "JPY"\n',
    ],
)
@pytest.mark.parametrize("amounts", [["1,234", "980"], ["¥1,234", "¥980"], ["1.234", "980"]])
def test_a_column_or_the_mapping_says_it(mapping: str, amounts: list[str], tmp_path: Path) -> None:
    assert totals(read(tmp_path, amounts, currency="JPY", mapping=mapping)) == [1234, 980]


def test_the_shop_itself_says_it_and_both_counts_agree(tmp_path: Path) -> None:
    path = read(tmp_path, ["1.234", "50.000", "980"]).path
    mapping = read_mapping('delimiter = ";"\n' + FIELDS, "a test")
    assert totals(MappedFile(path, mapping, currency="VND", now_ms=PRESENT)) == [1234, 50000, 980]
    found = check(MappedFile(path, mapping, currency="VND", now_ms=PRESENT), Policy(rates=Rates("VND")), PRESENT)
    assert found.agrees and found.applied.net == 52_214


@pytest.mark.parametrize(
    "amounts",
    [
        ["1,234", "2,345"],
        ["¥1,234", "¥2,345"],
        ["1,234円", "2.345円"],
        ["1,234円", "2,345 €"],
    ],
)
def test_what_may_have_decimals_is_refused(amounts: list[str], tmp_path: Path) -> None:
    source = read(tmp_path, amounts)
    assert not totals(source) and source.skipped == {"bad_value": 2}
