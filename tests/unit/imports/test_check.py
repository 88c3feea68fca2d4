"""Test that a check compares what would be applied with an independent count, and names differing lines."""

from __future__ import annotations

import json
import re
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from field_cases import CASES, TABLE, Case, arguments_of
from retail import retail
from typer.testing import CliRunner

from models.messages import messages
from schemas.money import Rates
from streamer import cli
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.imports.check_page import page
from streamer.imports.checked import NAMED, Checked
from streamer.imports.compare import Applied, Reasons, compare
from streamer.sources import recount, text_rows
from streamer.sources.bodies import Bodies
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.online_retail import OnlineRetail
from streamer.sources.recount import Counted, plain_amount

NOW = 1_735_689_600_000
POLICY = replace(Policy(), label_backfill=False, wall=False)
MAPPING = """
group = "order"
[[event]]
[event.fields]
order_id = "order"
customer_id = "who"
occurred_at = "when"
total = { sum = "sum" }
[[event]]
type = "order.refunded"
unless = { back = ["", "=0"] }
[event.fields]
refund_id = "order"
order_id = "order"
customer_id = "who"
occurred_at = "when"
total = "back"
"""
HEADER = "order;who;when;sum;back"
ROWS = [
    "1;ada;2024-01-05;10,50;",
    "1;ada;2024-01-05;4,50;",
    "2;bo;2024-02-30;20,00;",
    '3;"cy ""x""";2024-03-01;1.000,00;100,00',
    "4;guest;2024-03-02;7,00;",
    "5;di;2024-05-02;(3,00);",
]

# Lines of two event files that a lane reads in a way that only their neighbours explain: an order that is corrected
# later counts at the later line, and a refund of an order that was already refunded.
BY_NEIGHBOURS = {"segment-order-shapes": {12, 27}, "segment-other-calls": {7}}


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Checked]:
    def checks(rows: list[str], mapping: str = MAPPING, header: str = HEADER) -> Checked:
        file = tmp_path / "orders.csv"
        file.write_text("\n".join([header, *rows]) + "\n")
        return check(MappedFile(file, read_mapping(mapping, "a test"), now_ms=NOW), POLICY, NOW)

    return checks


def test_a_check_accounts_for_every_amount(checked: Callable[..., Checked]) -> None:
    found = checked(ROWS)
    assert (found.counted.orders, found.counted.order_money, found.counted.refund_money) == (5, 103_900, 10_000)
    assert {reason: side.order_money for reason, side in found.reasons.items()} == {
        "bad_date": 2_000,
        "nobody": 700,
        "bad_value": -300,
    }
    assert (found.applied.orders, found.applied.order_money, found.applied.net) == (2, 101_500, 91_500)
    assert found.agrees and found.counted.net - found.left_out.net == found.applied.net
    assert found.months == {"2024-01": [1_500, 0], "2024-03": [100_000, 10_000]}
    assert [(one.line, one.reason) for one in found.differences] == [(4, "bad_date"), (6, "nobody"), (7, "bad_value")]
    assert found.customers == 2 and found.fates == {"applied": 3}


def test_an_amount_that_is_read_wrong_is_named(
    checked: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The purpose of a recount: a faulty importer, here one that loses the last row of each group."""
    whole = Bodies._sum
    monkeypatch.setattr(
        Bodies, "_sum", lambda self, column, field, rows, **more: whole(self, column, field, rows[:1], **more)
    )
    found = checked(ROWS)
    assert not found.agrees
    assert [(one.line, one.counted, one.applied) for one in found.differences if one.reason is None] == [
        (2, 1_500, 1_050)
    ]


def test_a_row_that_a_reader_loses_is_named(checked: Callable[..., Checked], monkeypatch: pytest.MonkeyPatch) -> None:
    rows = text_rows.TextRows.rows
    monkeypatch.setattr(
        text_rows.TextRows, "rows", lambda self: (row for row in rows(self) if row.line != 5), raising=True
    )
    found = checked(ROWS)
    assert [(one.line, one.kind) for one in found.differences if one.reason is None] == [(5, "order"), (5, "refund")]


def test_repeats_and_currencies_without_a_rate_have_a_reason(tmp_path: Path) -> None:
    mapping = '[[event]]\n[event.fields]\ncustomer_id = "who"\noccurred_at = "when"\ntotal = "sum"\n'
    file = tmp_path / "orders.csv"
    file.write_text("who,when,sum\nada,2024-01-05,5\nada,2024-01-05,5\nbo,2024-01-06,$7 USD\ncy,2024-01-06,9 GBP\n")
    policy = replace(POLICY, rates=Rates("EUR", {"GBP": 1.2}))
    found = check(MappedFile(file, read_mapping(mapping, "a test"), now_ms=NOW), policy, NOW)
    assert found.agrees, found.differences
    assert {reason: side.orders for reason, side in found.reasons.items()} == {"repeated": 1, "unknown_currency": 1}
    assert found.applied.net == 500 + 1_080


@pytest.mark.parametrize("case", [one for one in TABLE if one.refused is None], ids=lambda case: case.label)
def test_the_totals_of_every_field_case_agree(case: Case, tmp_path: Path) -> None:
    arguments, env = arguments_of(case, tmp_path)
    done = CliRunner().invoke(cli.build(), ["import", *arguments, "--check", "--json"], env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    found = json.loads(done.stdout.splitlines()[-1])
    named = {one["line"] for one in found["differences"] if one["reason"] is None}
    assert named == BY_NEIGHBOURS.get(case.name, set()), (found, done.stderr)
    if case.orders is not None and not named and case.name != "segment-order-shapes":
        assert found["applied"]["orders"] == case.orders


def test_a_month_of_online_retail_agrees_to_the_penny() -> None:
    policy = replace(POLICY, rates=Rates("GBP"))
    found = check(OnlineRetail(retail("online_retail_2010-12.csv.gz")), policy, NOW)
    assert found.agrees, found.differences[:5]
    assert found.applied.net == 55_460_402 and found.customers == 948


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_holds_all_and_loads_nothing(checked: Callable[..., Checked], language: str) -> None:
    found = checked([*ROWS, "6;<script>alert(1)</script>;2024-05-03;5,00;"])
    text = page(found, "<b>.csv", "EUR", messages("zh" if language == "zh" else "en"), "streamer import b.csv")
    assert "<script" not in text and "&lt;script&gt;" in text and "&lt;b&gt;.csv" in text
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|src=|href=|@import|url\(", text)
    assert text.count("<figure") == 4 and "default-src 'none'" in text
    assert "1,020.00" in text and ('lang="zh"' in text) == (language == "zh")


def test_what_looks_wrong_is_reported(checked: Callable[..., Checked]) -> None:
    mapping = (
        '[[event]]\n[event.fields]\norder_id = "order"\ncustomer_id = "who"\noccurred_at = "when"\ntotal = "sum"\n'
    )
    header = "order,who,when,sum"

    def keys(rows: list[str]) -> set[str]:
        return {look.key.removeprefix("check look ") for look in checked(rows, mapping, header).looks}

    def usual(at: int) -> str:
        return f"{at},c{at % 25},2024-0{1 + at % 4}-{1 + at % 28:02d}T10:{at % 60:02d}:00Z"

    plain = sorted((f"{usual(at)},{20 + at}.5" for at in range(60)), key=lambda row: row.split(",")[2])
    assert keys(plain) == set()
    assert keys([f"{usual(at)},{2_000 + at}" for at in range(60)]) >= {"cents"}
    assert keys([*plain, "99,c3,2024-04-30T10:00:00Z,4999"]) == {"factor"}
    assert keys([row.replace(f",c{at % 9},", ",walk-in,") for at, row in enumerate(plain)]) >= {"placeholder"}
    assert keys([f"{at},o{at},2024-03-01T10:00:{at:02d}Z,9.5" for at in range(60)]) == {"all once"}
    assert keys([*plain, *(f"x{at},c1,2024-99-01,5" for at in range(9))]) == {"refused"}
    assert "gap" in keys([row.replace("2024-02", "2024-01") for row in plain])
    assert keys(["1,,2024-03-01,5"]) == {"nothing"}


@pytest.mark.parametrize(
    ("text", "comma", "amount"),
    [
        ("1.234,50 €", True, "1234.50"),
        ("(12.00)", False, "-12.00"),
        ("12.00-", False, "-12.00"),
        ("１２.５", False, "12.5"),
        ("1'234.50", False, "1234.50"),
        ("-$3", False, "-3"),
        ("1.5E+03", False, "1500"),
        ("", False, None),
        ("five", False, None),
    ],
)
def test_the_recount_reads_amounts_by_rules_of_its_own(text: str, comma: bool, amount: str | None) -> None:
    assert plain_amount(text, comma) == (None if amount is None else Decimal(amount))


def test_the_recount_shares_no_reader_with_the_import() -> None:
    """It must stay independent: it imports no module that reads amounts, dates or bodies."""
    text = Path(recount.__file__).read_text()
    assert not re.search(r"sources\.(numbers|values|times|bodies|habits)", text)
    assert (CASES / "number-forms").is_dir()


def test_a_large_file_takes_few_bytes_an_event() -> None:
    """At its peak 200 MB for a million events, plus the customers."""
    events = 50_000
    applied, found = Applied(), Checked(rows=events, events=events)
    counted = (Counted(line, "order", Decimal(5), None) for line in range(2, events + 2))
    tracemalloc.start()
    try:
        for line in range(2, events + 2):
            applied.lines.append(line)
            applied.times.append(NOW)
            applied.add(1, 500, 1, "applied")
        compare(found, applied, counted, Reasons(), Rates("EUR"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.agrees and found.applied == found.counted and found.applied.orders == events
    assert peak < 200 * events


def test_of_many_lines_that_differ_some_are_named_and_all_are_counted() -> None:
    applied, found, refused = Applied(), Checked(), Reasons()
    for line in range(2, 5_002):
        applied.lines.append(line)
        applied.times.append(NOW)
        applied.add(1, 500, 1, "applied")
        if line > 4_000:
            refused.add(line, "bad_date")
    compare(
        found, applied, (Counted(line, "order", Decimal(6), None) for line in range(2, 5_002)), refused, Rates("EUR")
    )
    assert found.unexplained == 3_999 and len(found.differences) == NAMED
    assert [one.line for one in found.differences[:3]] == [2, 3, 4] and found.reasons["bad_date"].orders == 1_001


def test_an_amount_that_no_shop_has_is_none() -> None:
    applied, found = Applied(), Checked()
    compare(found, applied, [Counted(2, "order", Decimal("9" * 400), None)], Reasons(), Rates("EUR"))
    assert found.counted.orders == 1 and found.counted.order_money == 0
