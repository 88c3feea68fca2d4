"""Test several files joined by a mapping, on made-up files shaped like the Olist data set."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from models.messages import messages
from models.messages.translatable import in_language
from schemas.errors import UserError
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import load_mapping, read_mapping, shipped
from streamer.sources.proposal import propose
from streamer.sources.rejects import RejectsPath

ORDERS = """\
"order_id","customer_id","order_status","order_purchase_timestamp","order_approved_at","order_delivered_carrier_date",\
"order_delivered_customer_date","order_estimated_delivery_date"
"e481","c9ef","delivered","2017-10-02 10:56:33","2017-10-02 11:07:15","2017-10-04 19:55:00","2017-10-10 21:25:13","2017-10-18"
"53cd","b083","delivered","2018-07-24 20:41:37","2018-07-26 03:24:27","2018-07-26 14:31:00","2018-08-07 15:27:45","2018-08-13"
"47f7","f88a","unavailable","2017-11-18 19:28:06","2017-11-18 19:45:59",,,"2017-12-15"
"949d","8ab9","delivered","2017-11-20 11:03:00","2017-11-20 11:20:00","2017-11-22 13:39:59","2017-12-02 00:28:42","2017-12-15"
"ad21","5e07","shipped","2018-02-13 21:18:39","2018-02-13 22:20:29",,,"2018-02-26"
"""
ITEMS = """\
"order_id","order_item_id","product_id","seller_id","shipping_limit_date","price","freight_value"
"e481",1,"87285","3504c","2017-10-06 11:07:15",29.99,8.72
"53cd",1,"595fa","289cd","2018-07-30 03:24:27",118.70,22.76
"949d",1,"d0b61","66922","2017-11-23 19:45:59",45.00,27.20
"949d",2,"d0b61","66922","2017-11-23 19:45:59",45.00,27.20
"949d",3,"65266","2c9e5","2017-11-23 19:45:59",19.90,8.72
"9999",1,"65266","2c9e5","2017-11-23 19:45:59",19.90,8.72
"""
PAYMENTS = """\
"order_id","payment_sequential","payment_type","payment_installments","payment_value"
"e481",1,"credit_card",1,18.12
"e481",2,"voucher",1,20.59
"53cd",1,"boleto",1,141.46
"949d",1,"credit_card",4,180.02
"""
CUSTOMERS = """\
"customer_id","customer_unique_id","customer_zip_code_prefix","customer_city","customer_state"
"c9ef","7c39","03149","sao paulo","SP"
"b083","af07","47813","barreiras","BA"
"f88a","af07","47813","barreiras","BA"
"8ab9","7c39","03149","sao paulo","SP"
"5e07","1f3a","78110","varzea grande","MT"
"""
PRODUCTS = """\
"product_id","product_category_name","product_name_lenght","product_weight_g"
"87285","utilidades_domesticas","40","500"
"595fa","perfumaria","29","400"
"d0b61","pet_shop","46","250"
"""
ALL = {"orders": ORDERS, "order_items": ITEMS, "order_payments": PAYMENTS, "customers": CUSTOMERS, "products": PRODUCTS}

Read = Callable[[str], MappedFile]

PAID = """
group = "order_id"
[[join]]
file = "olist_order_items_dataset.csv"
on = "order_id"
[[join]]
file = "olist_order_payments_dataset.csv"
on = "order_id"
[[join]]
file = "olist_customers_dataset.csv"
on = "customer_id"
[[event]]
unless = { order_status = "unavailable" }
[event.fields]
order_id = "order_id"
customer_id = "customer_unique_id"
occurred_at = "order_purchase_timestamp"
total = { sum = "payment_value" }
[event.lines]
product_id = "product_id"
price = "price"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in ALL.items():
        (tmp_path / f"olist_{name}_dataset.csv").write_text(text)
    return tmp_path


def read(folder: Path, text: str, name: str = "orders", **options: Any) -> MappedFile:
    return MappedFile(folder / f"olist_{name}_dataset.csv", read_mapping(text, "m.toml"), **options)


def orders(source: MappedFile) -> list[dict[str, Any]]:
    found = (json.loads(event.value) for event in source.events())
    return [one for one in found if one["type"] == "order.completed"]


def agrees(source: MappedFile) -> tuple[int, int]:
    """Return orders and money that an import would apply, after checking that the independent count agrees."""
    found = check(source, Policy(), 1_800_000_000_000)
    assert found.agrees, found.differences
    return found.applied.orders, found.applied.order_money


def test_orders_items_and_customers_of_olist_are_one_shop(folder: Path) -> None:
    path = folder / "olist_orders_dataset.csv"
    assert propose(path).shipped == "olist"
    source = MappedFile(path, load_mapping("olist"), rejects=RejectsPath(path))
    found = orders(source)
    assert [(one["order_id"], one["customer_id"], one["total"], one["currency"]) for one in found] == [
        ("e481", "7c39", 38.71, "BRL"),
        ("949d", "7c39", 173.02, "BRL"),
        ("53cd", "af07", 141.46, "BRL"),
    ]
    assert found[1]["products"] == [
        {"product_id": "d0b61", "category": "pet_shop", "price": 45.0},
        {"product_id": "d0b61", "category": "pet_shop", "price": 45.0},
        {"product_id": "65266", "price": 19.9},
    ]
    assert found[0]["occurred_at"] == "2017-10-02T13:56:33Z"
    assert source.skipped == {"no_partner": 1, "left_out": 1} and source.rows == 5
    rejects = (folder / "olist_orders_dataset.csv.rejects.csv").read_text().splitlines()
    assert rejects[1].startswith(
        "6,no_partner,olist_order_items_dataset.csv has no row with order_id ad21,ad21,5e07,shipped"
    )
    unused = "1 row of olist_order_items_dataset.csv belongs to no row"
    assert any(note.startswith(unused) for note in source.notes)


def test_several_rows_of_two_files_do_not_multiply_each_other(folder: Path) -> None:
    """Three items and one payment, one item and two payments: neither sums nor lines count twice."""
    found = {one["order_id"]: one for one in orders(read(folder, PAID))}
    assert {name: (one["total"], len(one["products"])) for name, one in found.items()} == {
        "e481": (38.71, 1),
        "949d": (180.02, 3),
        "53cd": (141.46, 1),
    }
    assert agrees(read(folder, PAID)) == (3, 36_019)


@pytest.mark.parametrize("first", ["order_items", "order_payments"])
def test_any_of_the_files_can_be_the_one_that_is_read(folder: Path, first: str) -> None:
    joins = {"order_items": "order_id", "order_payments": "order_id", "orders": "order_id", "customers": "customer_id"}
    joins.pop(first)
    head, _, tail = PAID.partition("[[join]]")
    blocks = [f'[[join]]\nfile = "olist_{name}_dataset.csv"\non = "{key}"\n' for name, key in joins.items()]
    text = head + "".join(blocks) + tail[tail.index("[[event]]") :]
    source = read(folder, text, first)
    found = {one["order_id"]: (one["customer_id"], one["total"], len(one["products"])) for one in orders(source)}
    assert found == {"e481": ("7c39", 38.71, 1), "949d": ("7c39", 180.02, 3), "53cd": ("af07", 141.46, 1)}
    assert agrees(read(folder, text, first)) == (3, 36_019)


def test_the_check_of_the_shipped_mapping_agrees(folder: Path) -> None:
    assert agrees(read(folder, shipped()["olist"].replace("BRL", "EUR"))) == (3, 35_319)


def test_what_a_price_list_says_counts_for_each_row(tmp_path: Path) -> None:
    """Two rows of one article are two prices: the list is found by the row, not by the order."""
    (tmp_path / "olist_sold_dataset.csv").write_text("nr,who,day,art,pieces\n1,a,2024-01-02,x,2\n1,a,2024-01-02,x,1\n")
    (tmp_path / "prices.csv").write_text("Artikel;Preis\nx;1,50\ny;7,00\n")
    text = """
group = "nr"
[[join]]
file = "prices.csv"
on = { art = "Artikel" }
[[event]]
[event.fields]
order_id = "nr"
customer_id = "who"
occurred_at = "day"
total = { sum = "Preis", times = "pieces" }
"""
    assert [one["total"] for one in orders(read(tmp_path, text, "sold"))] == [4.5]
    assert agrees(read(tmp_path, text, "sold")) == (1, 450)


def test_keys_are_found_however_a_spreadsheet_wrote_them(folder: Path) -> None:
    text = PAID.replace("customer_id = ", "customer_id=")
    for name in ("orders", "customers"):
        path = folder / f"olist_{name}_dataset.csv"
        path.write_text(path.read_text().replace('"c9ef"', "17850" if name == "orders" else "17850.0"))
    assert "7c39" in [one["customer_id"] for one in orders(read(folder, text))]


def test_joined_files_may_be_packed_or_workbooks(folder: Path) -> None:
    path = folder / "olist_order_items_dataset.csv"
    (folder / "olist_order_items_dataset.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in CUSTOMERS.splitlines():
        sheet.append([cell.strip('"') for cell in line.split(",")])
    book.save(folder / "customers.xlsx")
    found = orders(read(folder, PAID.replace("olist_customers_dataset.csv", "customers.xlsx")))
    assert [one["customer_id"] for one in found] == ["7c39", "7c39", "af07"]


def test_the_same_files_are_the_same_content_and_others_are_not(folder: Path) -> None:
    before = read(folder, PAID).content_hash
    assert read(folder, PAID).content_hash == before
    path = folder / "olist_order_payments_dataset.csv"
    path.write_text(path.read_text().replace("141.46", "141.47"))
    assert read(folder, PAID).content_hash != before


def _without(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / f"olist_{name}_dataset.csv").unlink()


def _changed(name: str, old: str, new: str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        path = folder / f"olist_{name}_dataset.csv"
        path.write_text(path.read_text().replace(old, new))

    return change


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (_without("customers"), ["joins olist_customers_dataset.csv, but", "[[join]]"]),
        (_changed("customers", '"customer_id"', '"client"'), ["customers_dataset.csv has no column customer_id"]),
        (
            _changed("order_items", '"price"', '"Preis"'),
            ["has no column price", "(nor has olist_order_items_dataset.csv"],
        ),
        (_changed("orders", '"order_approved_at"', '"price"'), ["column price is in both olist_orders", "prefix = "]),
        (
            _changed("order_payments", "18.12", "18,12"),
            ["order_payments_dataset.csv, line 2: 6 columns", "correct or remove that line"],
        ),
    ],
    ids=["no-file", "no-key", "no-column", "two-columns", "a-row-that-cannot-be-read"],
)
def test_files_that_do_not_fit_are_refused_with_the_way_out(
    folder: Path, break_it: Callable[[Path], object], words: Sequence[str]
) -> None:
    break_it(folder)
    with pytest.raises(UserError) as refused:
        orders(read(folder, PAID))
    text = f"{refused.value} {refused.value.hint}"
    for word in words:
        assert word in text


def test_a_prefix_keeps_columns_of_one_name_apart(folder: Path) -> None:
    _changed("orders", '"order_approved_at"', '"price"')(folder)
    first = '[[join]]\nfile = "olist_order_items_dataset.csv"\non = "order_id"\n'
    text = PAID.replace(first, first + 'prefix = "items."\n')
    text = text.replace('"product_id"', '"items.product_id"').replace('price = "price"', 'price = "items.price"')
    found = orders(read(folder, text))
    assert [line["price"] for line in found[1]["products"]] == [45.0, 45.0, 19.9]


def test_a_sum_of_several_columns_has_no_factor() -> None:
    text = shipped()["olist"].replace(
        '["price", "freight_value"] }', '["price", "freight_value"], times = "order_item_id" }'
    )
    with pytest.raises(UserError, match="times needs the sum of one column"):
        read_mapping(text, "m.toml")


def test_why_a_row_has_no_partner_is_printed_in_chinese(folder: Path) -> None:
    path = folder / "olist_orders_dataset.csv"
    source = MappedFile(path, load_mapping("olist"), rejects=RejectsPath(path), language="zh")
    list(source.events())
    assert (
        "olist_order_items_dataset.csv 中没有 order_id 为 ad21 的行"
        in (folder / f"{path.name}.rejects.csv").read_text()
    )
    notes = [str(in_language(note, messages("zh"))) for note in source.notes]
    assert any("有 1 行在本文件中没有对应的行" in note for note in notes)
