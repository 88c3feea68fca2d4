"""Test Online Retail rows to order events: the rules on small files, the facts on the real one."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from schemas.codec import decode
from schemas.errors import UserError
from schemas.events import OrderCompleted, OrderReversed
from streamer.sources.online_retail import MAX_PRODUCTS, OPEN_ROWS, OnlineRetail

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
WHEN = "2010-12-01 08:26:00"


def row(invoice: str = "1", code: str = "A", quantity: object = 2, price: object = "2.55", **more: str) -> str:
    at, customer = more.get("at", WHEN), more.get("customer", "17850.0")
    return f"{invoice},{code},A THING ,{quantity},{at},{price},{customer},United Kingdom"


def source(tmp_path: Path, *rows: str, header: str = HEADER) -> OnlineRetail:
    path = tmp_path / "retail.csv"
    path.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
    return OnlineRetail(path)


def bodies(retail: OnlineRetail) -> list[dict[str, Any]]:
    return [json.loads(event.value, parse_float=Decimal) for event in retail.events()]


def test_the_lines_of_an_invoice_are_one_order_and_repeated_lines_stay(tmp_path: Path) -> None:
    retail = source(tmp_path, row(), row(), row(code="B", quantity=1, price="0.1"))
    (event,) = retail.events()
    assert event.key == b"17850"
    assert event.occurred_at == 1_291_191_960_000
    order = json.loads(event.value)
    assert (order["type"], order["customer_id"], order["order_id"]) == ("order.completed", "17850", "1")
    assert (order["total"], order["currency"]) == (10.3, "GBP")
    assert order["occurred_at"] == "2010-12-01T08:26:00Z"
    line = {"product_id": "A", "name": "A THING", "price": 2.55, "quantity": 2}
    assert order["products"] == [line, line, {**line, "product_id": "B", "price": 0.1, "quantity": 1}]
    assert retail.rows == 3 and not retail.skipped


def test_a_cancellation_names_no_order_and_takes_back_positive_money(tmp_path: Path) -> None:
    (body,) = bodies(source(tmp_path, row("C7", quantity=-3, price="1.50")))
    assert body["type"] == "order.cancelled"
    assert "order_id" not in body
    assert (body["refund_id"], body["total"], body["products"][0]["quantity"]) == ("C7", Decimal("4.50"), 3)


def test_summer_time_is_london_wall_clock(tmp_path: Path) -> None:
    (body,) = bodies(source(tmp_path, row(at="2011-07-01 12:00:00")))
    assert body["occurred_at"] == "2011-07-01T11:00:00Z"


def test_an_invoice_of_two_minutes_takes_the_first_even_when_another_stands_between(tmp_path: Path) -> None:
    later = "2010-12-01 08:27:00"
    found = bodies(source(tmp_path, row("1"), row("C2", quantity=-1), row("1", at=later)))
    assert [body["occurred_at"] for body in found] == ["2010-12-01T08:26:00Z"] * 2
    assert [len(body["products"]) for body in found] == [2, 1]


def test_an_invoice_of_two_customers_is_two_orders(tmp_path: Path) -> None:
    found = bodies(source(tmp_path, row(), row(customer="2"), row()))
    assert [(body["customer_id"], len(body["products"])) for body in found] == [("17850", 2), ("2", 1)]
    assert len({body["event_id"] for body in found}) == 2


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (row(customer=""), "no_customer"),
        (row("A9", customer="", quantity="x"), "no_customer"),
        (row("A9"), "adjustment"),
        (row(customer="a\u200eb"), "bad_customer"),
        (row("?!"), "bad_invoice"),
        (row(code=""), "bad_product"),
        (row(quantity="two"), "bad_quantity"),
        (row(quantity=0), "bad_quantity"),
        (row(quantity=-1), "wrong_sign"),
        (row("C1", quantity=1), "wrong_sign"),
        (row(price="NaN"), "bad_price"),
        (row(price="-1"), "bad_price"),
        (row(price="cheap"), "bad_price"),
        (row(at="yesterday"), "bad_date"),
        (row(at="0001-01-01 00:00:00"), "bad_date"),
        ("1,2,3", "column_count"),
        (row(code="x" * 70_000), "too_long"),
    ],
)
def test_a_bad_row_is_counted_by_reason_and_the_others_stand(tmp_path: Path, bad: str, reason: str) -> None:
    retail = source(tmp_path, row(), bad, row(code="B"))
    (body,) = bodies(retail)
    assert [line["product_id"] for line in body["products"]] == ["A", "B"]
    assert retail.rows == 3
    assert retail.skipped == Counter({reason: 1})


def test_an_order_above_the_contracts_limit_is_skipped_and_reported(tmp_path: Path) -> None:
    retail = source(tmp_path, *[row()] * (MAX_PRODUCTS + 1), row("2"))
    assert [body["order_id"] for body in bodies(retail)] == ["2"]
    assert retail.skipped == Counter({"too_many_lines": MAX_PRODUCTS + 1})


def test_complete_invoices_are_given_out_before_the_file_ends(tmp_path: Path) -> None:
    rows = [row(str(1 + number // 2)) for number in range(2 * OPEN_ROWS)]
    retail = source(tmp_path, *rows)
    events = retail.events()
    next(events)
    assert retail.rows is not None and retail.rows <= OPEN_ROWS + 2
    assert len(list(events)) == OPEN_ROWS - 1


def test_event_ids_are_functions_of_the_content(tmp_path: Path) -> None:
    first = bodies(source(tmp_path, row("1"), row("2")))
    assert first == bodies(source(tmp_path, row("1"), row("2")))
    changed = bodies(source(tmp_path, row("1"), row("2", quantity=9)))
    assert first[0]["event_id"] == changed[0]["event_id"]
    assert first[1]["event_id"] != changed[1]["event_id"]


def test_packed_and_plain_are_the_same_content(tmp_path: Path) -> None:
    plain = source(tmp_path, row())
    packed = tmp_path / "other.bin"
    packed.write_bytes(gzip.compress(plain.path.read_bytes()))
    assert OnlineRetail(packed).content_hash == plain.content_hash
    assert list(OnlineRetail(packed).events()) == list(plain.events())


def test_columns_may_be_spelt_as_in_the_second_edition_and_stand_anywhere(tmp_path: Path) -> None:
    header = "\ufeffCountry,Customer ID,Price,InvoiceDate,Quantity,Description,StockCode,Invoice"
    (body,) = bodies(source(tmp_path, "France,5,2.5,12/13/2010 8:26,2,CUP,C,99", header=header))
    assert (body["order_id"], body["customer_id"], body["total"]) == ("99", "5", Decimal("5.00"))
    assert body["occurred_at"] == "2010-12-13T08:26:00Z"


def test_a_wrong_file_is_an_error_that_names_the_columns(tmp_path: Path) -> None:
    retail = source(tmp_path, "1,2", header="InvoiceNo,Preis")
    with pytest.raises(UserError, match="StockCode, Description, Quantity, InvoiceDate, UnitPrice"):
        list(retail.events())


def test_an_empty_file_is_a_wrong_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    with pytest.raises(UserError, match="no column InvoiceNo"):
        list(OnlineRetail(path).events())


def test_a_damaged_archive_is_reported_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "cut.csv.gz"
    lines = "\n".join((HEADER, *(row(str(number)) for number in range(5_000))))
    path.write_bytes(gzip.compress(lines.encode())[:-20])
    with pytest.raises(UserError, match="damaged"):
        list(OnlineRetail(path).events())


def test_a_second_reading_counts_afresh(tmp_path: Path) -> None:
    retail = source(tmp_path, row(), row(customer=""))
    assert retail.rows is None
    for _ in range(2):
        assert len(list(retail.events())) == 1
        assert retail.rows == 2 and retail.skipped == Counter(no_customer=1)


def real(name: str) -> Path:
    for parent in Path(__file__).resolve().parents:
        path = parent / "shared" / "data" / "online_retail" / name
        if path.is_file():
            return path
    pytest.skip("the real data are not on this machine")


@pytest.mark.parametrize(
    ("name", "rows", "without", "customers", "orders", "cancellations", "net"),
    [
        ("online_retail_2010-12.csv.gz", 42_481, 15_631, 948, 1_400, 308, "554604.02"),
        ("online_retail.csv.gz", 541_909, 135_080, 4_372, 18_536, 3_654, "8300065.81"),
    ],
)
def test_the_facts_of_the_real_file(
    name: str, rows: int, without: int, customers: int, orders: int, cancellations: int, net: str
) -> None:
    retail = OnlineRetail(real(name))
    count: Counter[str] = Counter()
    keys, ids, money, last = set(), set(), Decimal(0), 0
    for record in retail.events():
        event = decode(record.key, record.value)
        assert isinstance(event, OrderCompleted | OrderReversed)
        assert event.occurred_at == record.occurred_at >= last
        last = event.occurred_at
        count[event.type] += 1
        keys.add(record.key)
        ids.add(event.event_id)
        assert event.total is not None and event.total >= 0
        total = Decimal(str(event.total))
        money += total if event.type == "order.completed" else -total
    assert retail.rows == rows
    assert retail.skipped == Counter(no_customer=without)
    assert count == Counter({"order.completed": orders, "order.cancelled": cancellations})
    assert (len(keys), len(ids), money) == (customers, orders + cancellations, Decimal(net))
