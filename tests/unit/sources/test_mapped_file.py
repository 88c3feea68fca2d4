"""Test a CSV file with a mapping: which events result, and what happens to unusable rows."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from schemas.codec import decode
from schemas.errors import UserError
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import load_mapping, shipped
from streamer.sources.rejects import RejectsPath
from streamer.sources.times import Times
from streamer.sources.values import Values

EUROPEAN = """
delimiter = ";"
decimal = ","
timezone = "Europe/Berlin"
dates = ["%d.%m.%Y %H:%M"]
group = "Bestellung"

[[event]]
unless = { "Status" = ["storniert"] }
[event.fields]
order_id = "Bestellung"
customer_id = "Kunde"
occurred_at = "Datum"
total = "Summe"
[event.lines]
product_id = "Artikel"
quantity = "Menge"
price = "Preis"
[event.constants]
currency = "EUR"
context = { channel = "shop" }
"""
HEADER = "Bestellung;Kunde;Datum;Status;Summe;Artikel;Menge;Preis"
ROWS = [
    "2;b@example.org;01.07.2024 12:00;bezahlt;20,00;A2;1;20,00",
    "1;a@example.org;31.03.2024 10:30;bezahlt;1.234,50 €;A1;2;600,00",
    "3;c@example.org;02.07.2024 08:00;storniert;5,00;A3;1;5,00",
    "1;;;;;A9;1;34,50",
]

Make = Callable[..., MappedFile]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def makes(rows: list[str], mapping: str = EUROPEAN, header: str = HEADER, **options: Any) -> MappedFile:
        path, described = tmp_path / "orders.csv", tmp_path / "mapping.toml"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        described.write_text(mapping)
        return MappedFile(
            path, load_mapping(str(described)), rejects=RejectsPath(path, tmp_path / "rejects.csv"), **options
        )

    return makes


def events(source: MappedFile) -> list[dict[str, Any]]:
    return [json.loads(event.value) for event in source.events()]


def rejects(tmp_path: Path) -> list[dict[str, str]]:
    with (tmp_path / "rejects.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_of_an_order_are_found_wherever_they_stand_and_events_come_by_time(make: Make, tmp_path: Path) -> None:
    source = make(ROWS)
    first, second = events(source)
    event_id = first.pop("event_id")
    assert len(event_id) == 32
    assert first == {
        "type": "order.completed",
        "order_id": "1",
        "customer_id": "a@example.org",
        # Clocks had been set forward five and a half hours before.
        "occurred_at": "2024-03-31T08:30:00Z",
        "total": 1234.5,
        "currency": "EUR",
        "context": {"channel": "shop"},
        "products": [
            {"product_id": "A1", "quantity": 2, "price": 600.0},
            {"product_id": "A9", "quantity": 1, "price": 34.5},
        ],
    }
    assert (second["order_id"], second["occurred_at"]) == ("2", "2024-07-01T10:00:00Z")
    assert (source.rows, dict(source.skipped), source.rejected) == (4, {"left_out": 1}, 0)
    assert not (tmp_path / "rejects.csv").exists()


def test_the_key_is_the_customer_and_every_event_passes_the_contract(make: Make) -> None:
    for event in make(ROWS).events():
        assert event.key is not None
        decoded = decode(event.key, event.value)
        assert decoded.occurred_at == event.occurred_at


def test_ids_are_functions_of_the_content(make: Make) -> None:
    before = {one["order_id"]: one["event_id"] for one in events(make(ROWS))}
    again = {one["order_id"]: one["event_id"] for one in events(make([*reversed(ROWS[:1]), ROWS[1], ROWS[3]]))}
    assert again == before
    changed = {one["order_id"]: one["event_id"] for one in events(make([ROWS[0].replace("20,00;A2", "21,00;A2")]))}
    assert changed["2"] != before["2"]


def test_the_content_is_another_if_the_mapping_or_what_it_falls_back_on_is(make: Make) -> None:
    hashes = {
        make(ROWS).content_hash,
        make(list(ROWS)).content_hash,
        make(ROWS, EUROPEAN.replace('channel = "shop"', 'channel = "till"')).content_hash,
        make(ROWS[:2]).content_hash,
        make(ROWS, currency="CHF").content_hash,
    }
    assert len(hashes) == 4


@pytest.mark.parametrize(
    ("row", "reason", "words"),
    [
        ("4;d;03.07.2024 09:00;bezahlt;1.5;A;1;1", "bad_value", "total (column Summe): not a number such as 1.234,50"),
        ("4;d;soon;bezahlt;1,50;A;1;1", "bad_value", "occurred_at (column Datum): not a time in a known format"),
        ("4;d;01.01.1970 00:00;bezahlt;1,50;A;1;1", "bad_date", "occurred_at (column Datum): is before 1990"),
        ("4;d;30.02.2024 10:00;bezahlt;1,50;A;1;1", "bad_date", "occurred_at (column Datum): no such date"),
        ("4;guest;03.07.2024 09:00;bezahlt;1,50;A;1;1", "nobody", "Kunde holds a placeholder"),
        ("4;d;03.07.2024 09:00;bezahlt;-1,50;A;1;1", "bad_value", "total: negative"),
        ("4;d;03.07.2024 09:00;bezahlt;;A;1;1", "invalid_field", "total"),
        ("4;;03.07.2024 09:00;bezahlt;1;A;1;1", "no_customer", "Kunde is empty"),
        ("4;d\u200ed;03.07.2024 09:00;bezahlt;1;A;1;1", "invalid_field", "customer_id"),
        ("4;d;03.07.2024 09:00;bezahlt;1;A;1;9999999999999", "invalid_field", "price"),
        (";d;03.07.2024 09:00;bezahlt;1;A;1;1", "no_group", "Bestellung is empty"),
        ("4;d;bezahlt", "column_count", "3 columns, the first line has 8"),
        ("4;d\x00;03.07.2024 09:00;bezahlt;1;A;1;1", "bad_encoding", "not utf-8"),
    ],
)
def test_a_row_that_cannot_be_used_is_refused_with_its_line_and_the_reason(
    make: Make, tmp_path: Path, row: str, reason: str, words: str
) -> None:
    source = make([ROWS[0], row, ROWS[1]])
    assert [one["order_id"] for one in events(source)] == ["1", "2"]
    (refused,) = rejects(tmp_path)
    assert (refused["line"], refused["reason"]) == ("3", reason)
    assert words in refused["message"]
    assert (source.rows, dict(source.skipped), source.rejected) == (3, {reason: 1}, 1)


def test_one_bad_line_refuses_the_whole_order_and_a_mended_rejects_file_can_be_imported(
    make: Make, tmp_path: Path
) -> None:
    whole = events(make(ROWS))
    broken = make([*ROWS[:3], ROWS[3].replace("34,50", "dear")])
    assert [one["order_id"] for one in events(broken)] == ["2"]
    rejected = rejects(tmp_path)
    assert [one["line"] for one in rejected] == ["3", "5"]
    assert rejected[0]["message"] == "line 5, of the same order, is refused"
    assert "price (column Preis)" in rejected[1]["message"]
    assert dict(broken.skipped) == {"bad_value": 2, "left_out": 1}

    fixed = tmp_path / "fixed.csv"
    fixed.write_text((tmp_path / "rejects.csv").read_text().replace("dear", '"34,50"'))
    mapping = tmp_path / "fixed.toml"
    mapping.write_text(EUROPEAN.replace('delimiter = ";"', ""))
    assert events(MappedFile(fixed, load_mapping(str(mapping)))) == whole[:1]


def test_lines_are_counted_as_an_editor_does(make: Make, tmp_path: Path) -> None:
    source = make(['1;"a";31.03.2024 10:30;"paid', 'twice";1,00;A;1;1', "", "2;b;never;paid;1,00;A;1;1"])
    assert len(events(source)) == 1
    assert [one["line"] for one in rejects(tmp_path)] == ["5"]


def test_an_amount_takes_the_shops_currency_by_default(make: Make) -> None:
    mapping = EUROPEAN.replace('currency = "EUR"', "")
    found = {one["order_id"]: one["currency"] for one in events(make(ROWS, mapping, currency="CHF"))}
    # A currency sign next to the amount contradicts it.
    assert found == {"1": "EUR", "2": "CHF"}


def test_a_packed_file_with_a_mark_at_its_start_reads_alike(make: Make, tmp_path: Path) -> None:
    plain = make(ROWS)
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + plain.path.read_bytes()))
    assert events(MappedFile(packed, load_mapping(str(tmp_path / "mapping.toml")))) == events(plain)


def test_rows_without_a_group_are_events_of_their_own_kind(make: Make) -> None:
    mapping = """
[[event]]
type = "product.viewed"
[event.fields]
event_id = "id"
customer_id = { column = ["user", "visitor"], lower = true, prefix = "web:" }
occurred_at = "ts"
product_id = "sku"
"context.device" = { column = "agent", map = { m = "mobile" } }
"""
    source = make(
        ["v1,,Bob,1719835200,A1,m", "v2,Ann,x,2024-07-01 12:00:00,A2,tv"],
        'dates = ["unix"]\n' + mapping,
        "id,user,visitor,ts,sku,agent",
        zone="Asia/Tokyo",
    )
    assert events(source) == [
        {
            "type": "product.viewed",
            "event_id": "v2",
            "customer_id": "web:ann",
            "occurred_at": "2024-07-01T03:00:00Z",
            "product_id": "A2",
            "context": {"device": "tv"},
        },
        {
            "type": "product.viewed",
            "event_id": "v1",
            "customer_id": "web:bob",
            "occurred_at": "2024-07-01T12:00:00Z",
            "product_id": "A1",
            "context": {"device": "mobile"},
        },
    ]


def test_a_file_without_the_columns_of_the_mapping_is_refused_before_it_is_read(make: Make) -> None:
    with pytest.raises(UserError, match="no column Kunde, Summe") as raised:
        make(ROWS, header=HEADER.replace("Kunde", "Client").replace("Summe", "Somme"))
    assert "Client" in raised.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = ", "is not TOML"),
        ("decimals = ','\n" + EUROPEAN, "decimals is unknown"),
        (EUROPEAN.replace("Europe/Berlin", "Berlin"), "timezone: must be an IANA name"),
        (EUROPEAN.replace('customer_id = "Kunde"', ""), "event.1: fields must say which column holds customer_id"),
        (EUROPEAN.replace('product_id = "Artikel"', ""), "lines must say which column holds product_id"),
        (EUROPEAN.replace('price = "Preis"', 'colour = "Preis"'), "lines cannot hold colour"),
        ('encoding = "klingon"' + EUROPEAN, "encoding: must be an encoding of text"),
        (EUROPEAN.replace('dates = ["%d.%m.%Y %H:%M"]', 'dates = ["%j %H:%M"]'), "has no year"),
        ('group = "a"', "event: Field required"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "mapping.toml"
    path.write_text(text)
    with pytest.raises(UserError) as raised:
        load_mapping(str(path))
    assert words in raised.value.message


def test_a_mapping_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        load_mapping(str(tmp_path / "nowhere.toml"))
    assert "shopify" in raised.value.hint and "woocommerce" in raised.value.hint


def test_shopifys_export_gives_orders_and_what_was_given_back(tmp_path: Path) -> None:
    path = tmp_path / "orders_export.csv"
    path.write_text(
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,"
        "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount\n"
        "#1002,Eva@Example.org,pending,,EUR,5.00,0.00,0.80,5.00,,0.00,2024-03-03 09:00:00 +0100,1,Mug,5.00,M1,0.00\n"
        "#1001,Ann@Example.org,partially_refunded,2024-03-02 10:00:05 +0100,EUR,40.00,5.00,7.18,45.00,SPRING,4.00,"
        "2024-03-02 10:00:00 +0100,2,Lamp,15.00,L1,10.00\n"
        "#1001,Ann@Example.org,,,,,,,,,,,1,Gift card,14.00,,\n"
    )
    source = MappedFile(path, load_mapping("shopify"))
    order, refund, _ = events(source)
    assert (order["customer_id"], order["total"], order["coupon"]) == ("ann@example.org", 45.0, "SPRING")
    assert order["occurred_at"] == "2024-03-02T09:00:05Z"
    assert order["products"] == [
        {"product_id": "L1", "name": "Lamp", "price": 15.0, "quantity": 2},
        {"product_id": "Gift card", "name": "Gift card", "price": 14.0, "quantity": 1},
    ]
    assert (refund["type"], refund["order_id"], refund["total"]) == ("order.refunded", "#1001", 10.0)
    assert (source.rows, dict(source.skipped)) == (3, {"left_out": 1})


def test_woocommerces_export_gives_orders_in_the_shops_time(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,order_date,status,shipping_total,tax_total,discount_total,order_total,refunded_total,"
        "order_currency,billing_email,item_name,item_sku,item_quantity,item_total\n"
        "77,2024-07-01 12:00:00,completed,4.90,5.00,0.00,34.90,0.00,EUR,bob@example.org,Lamp,L1,2,25.00\n"
        "77,2024-07-01 12:00:00,completed,4.90,5.00,0.00,34.90,0.00,EUR,bob@example.org,Mug,M1,1,5.00\n"
        "78,2024-07-02 12:00:00,failed,4.90,5.00,0.00,9.90,0.00,EUR,bob@example.org,Mug,M1,1,5.00\n"
        "79,2024-07-03 12:00:00,refunded,0,0,0,5.00,5.00,EUR,bob@example.org,Mug,M1,1,5.00\n"
    )
    source = MappedFile(path, load_mapping("woocommerce"), zone="Europe/Berlin")
    first, _, second, refund = events(source)
    assert (first["occurred_at"], first["total"]) == ("2024-07-01T10:00:00Z", 34.9)
    assert [(line["product_id"], line["price"]) for line in first["products"]] == [("L1", 12.5), ("M1", 5.0)]
    assert (second["order_id"], refund["order_id"], refund["total"]) == ("79", "79", 5.0)
    assert dict(source.skipped) == {"left_out": 1}


@pytest.mark.parametrize("name", sorted(shipped()))
def test_shipped_mappings_are_sound(name: str) -> None:
    assert load_mapping(name).named()


def test_yes_and_no_in_their_spellings() -> None:
    values = Values(Times((), ZoneInfo("UTC")))
    assert [values.read("marketing", text) for text in ("TRUE", "no", "1", "off")] == [True, False, True, False]
    with pytest.raises(ValueError, match="neither yes nor no"):
        values.read("marketing", "perhaps")
