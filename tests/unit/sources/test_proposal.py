"""Test that a mapping is proposed from a file's contents, and yields the file's totals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from field_cases import CASES, TABLE

from schemas.errors import UserError
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import propose

NOW = 1_735_689_600_000
POLICY = replace(Policy(), label_backfill=False, wall=False)

SHIPPED = {
    "cdnow-fixed-width": "cdnow",
    "foreign-json": "posthog",
    "magento-grid": "magento",
    "rees46": "rees46",
    "retailrocket-group": "retailrocket",
    "shopify-cr-only": "shopify",
    "shopify-mixed": "shopify",
    "shopify-open-quote": "shopify",
    "shopify-utf16": "shopify",
    "square-date-time-apart": "square",
    "stripe-charges": "stripe",
    "taobao-orders-gbk": "taobao",
    "wechat-pay-bill": "wechat-pay",
    "woo-analytics-native": "woocommerce-analytics",
    "woo-guest-cancel-refund": "woocommerce",
}
# The cases' mappings contain no more than the column names reveal, so a proposal must yield the same.
FROM_NAMES = (
    *("enc-utf-16", "enc-utf-8-sig", "header-case", "no-order-id", "phone-ids"),
    *("poison-date", "preamble-lines", "quantity-kg", "signed-rows-refund", "unix-ms-row", "woo-user-zero-fallback"),
)


def source(name: str) -> Path:
    return next(path for path in sorted((CASES / name).iterdir()) if path.name.startswith("input"))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_known_export_is_recognised(name: str) -> None:
    found = propose(source(name))
    assert found.shipped == SHIPPED[name] and found.mapping is not None
    assert dict(found.fields)["customer_id"]


@pytest.mark.parametrize(
    ("name", "format"),
    [("retail2-uk-dates", "online-retail"), ("subscription-stillness", "jsonl"), ("segment-other-calls", "jsonl")],
)
def test_a_format_that_needs_no_mapping_is_recognised(name: str, format: str) -> None:
    found = propose(source(name))
    assert (found.format, found.mapping) == (format, None)


@pytest.mark.parametrize("name", FROM_NAMES)
def test_the_names_of_columns_give_the_totals_of_the_case(name: str) -> None:
    path = source(name)
    found = propose(path)
    assert found.shipped is None and found.mapping is not None
    checked = check(MappedFile(path, read_mapping(found.mapping, "a test"), now_ms=NOW), POLICY, NOW)
    case = next(one for one in TABLE if one.name == name)
    assert checked.agrees, checked.differences
    assert checked.applied.net == case.revenue_minor
    assert checked.customers == case.customers


@pytest.mark.parametrize(
    ("header", "rows", "lines"),
    [
        (
            "Bestellnr;Kundennr;Bestelldatum;Menge;Einzelpreis;Artikel",
            ["1;k1;05.01.2024;2;10,00;A", "1;k1;05.01.2024;1;5,50;B", "2;k2;06.01.2024;1;5,50;B"],
            ['total = { sum = "Einzelpreis", times = "Menge" }', 'group = "Bestellnr"', 'product_id = "Artikel"'],
        ),
        (
            "order_id,Email,created_at,Total,Refunded Amount",
            ["1,A@x.example,2024-01-05,20.00,0", "2,b@x.example,2024-01-06,6.00,5.00"],
            ['customer_id = { column = "Email", lower = true }', 'unless = { "Refunded Amount" = ["", "=0"] }'],
        ),
        ("customer,time,paid", ["a,1704450801,5", "b,1704537201,6"], ['dates = ["unix"]']),
        ("customer,date,total", ["a,45296.5,5", "b,45297,6"], ['dates = ["excel"]']),
        ('"cust""omer id",date,total', ["a,2024-01-05,5"], [r'customer_id = "cust\"omer id"']),
    ],
)
def test_what_is_written_is_a_mapping_of_the_file(
    tmp_path: Path, header: str, rows: list[str], lines: list[str]
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    found = propose(path)
    assert found.mapping is not None
    for line in lines:
        assert line in found.mapping
    events = list(MappedFile(path, read_mapping(found.mapping, "a test"), now_ms=NOW).events())
    assert len(events) >= len({row.split(",")[0].split(";")[0] for row in rows})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a,b,c\n1,2,3\n", "which column holds customer_id and occurred_at and total: a, b, c"),
        ("customer,date\na,2024-01-05\n", "which column holds total: customer, date"),
        ('{"x": 1}\n', "no built-in mapping reads the JSON"),
    ],
)
def test_what_cannot_be_proposed_is_reported(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=problem) as refused:
        propose(path)
    assert "--mapping FILE.toml" in (refused.value.hint or "")


@pytest.mark.parametrize(
    "header",
    [
        "Customer,Orders,Total spent,Last order date",
        "Email,Orders,LTV,Latest purchase",
        "Kunde,Gesamtumsatz,Letzte Bestellung",
    ],
)
def test_a_list_of_customers_with_their_sums_is_no_list_of_orders(tmp_path: Path, header: str) -> None:
    path = tmp_path / "customers.csv"
    row = {4: "a@x.de,3,100.00,2024-01-05", 3: "a@x.de,100.00,2024-01-05"}[header.count(",") + 1]
    path.write_text(f"{header.replace('Letzte Bestellung', 'Datum letzte Bestellung')}\n{row}\n")
    with pytest.raises(UserError) as refused:
        propose(path)
    assert "lists customers" in refused.value.message or "which column holds" in refused.value.message


@pytest.mark.parametrize(
    "header",
    [
        "订单号,用户编号,付款时间,金额（元）",
        "Order,Customer ID,Date,Total (EUR)",
        "Order No. (old),Customer,Date (UTC),Grand Total (inc tax)",
    ],
)
def test_a_unit_behind_a_name_is_passed_over(tmp_path: Path, header: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(f"{header}\n1,a,2024-01-05,5.00\n")
    fields = dict(propose(path).fields)
    assert list(fields)[:4] == ["order_id", "customer_id", "occurred_at", "total"]
