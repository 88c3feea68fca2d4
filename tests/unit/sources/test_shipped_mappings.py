"""Test shipped mappings on made-up files in the true format, where no field case has one; and workbooks."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import load_mapping
from streamer.sources.proposal import propose

ETSY = (
    "Sale Date,Order ID,Buyer User ID,Full Name,First Name,Last Name,Number of Items,Payment Method,Date Shipped,Street 1,"
    "Street 2,Ship City,Ship State,Ship Zipcode,Ship Country,Currency,Order Value,Coupon Code,Coupon Details,Discount Amount,"
    "Shipping Discount,Shipping,Sales Tax,Order Total,Status,Card Processing Fees,Order Net,Adjusted Order Total,"
    "Adjusted Card Processing Fees,Adjusted Net Order Amount,Buyer,Order Type,Payment Type,InPerson Discount,"
    "InPerson Location,SKU\n"
    "01/15/24,3100000001,AdaLoves,Ada Example,Ada,Example,2,CC,01/16/24,1 High St,,Berlin,,10115,Germany,EUR,40.00,TEN,"
    '"10% off",4.00,0.00,5.90,0.00,41.90,Completed,1.20,40.70,0.00,0.00,0.00,Ada Example (AdaLoves),online,online_cc,,,\n'
    "02/03/24,3100000002,,Bo Sample,Bo,Sample,1,CC,,2 Low St,,Leeds,,LS1,United Kingdom,EUR,12.00,,,0.00,0.00,3.00,0.00,"
    '15.00,Completed,0.60,14.40,0.00,0.00,0.00,Bo Sample (bosample),online,online_cc,,,"B-1"\n'
    "02/04/24,3100000003,cyclone,Cy Third,Cy,Third,1,CC,,3 Mid St,,Leeds,,LS1,United Kingdom,EUR,12.00,,,0.00,0.00,3.00,"
    "0.00,15.00,Canceled,0.60,14.40,0.00,0.00,0.00,Cy Third (cyclone),online,online_cc,,,\n"
)


def events(path: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(event.value) for event in MappedFile(path, load_mapping(name)).events()]


def test_etsys_sold_orders_give_orders_and_where_buyers_live(tmp_path: Path) -> None:
    path = tmp_path / "EtsySoldOrders2024.csv"
    path.write_text(ETSY)
    assert propose(path).shipped == "etsy"
    found = events(path, "etsy")
    orders = [one for one in found if one["type"] == "order.completed"]
    assert [(one["order_id"], one["customer_id"], one["total"], one["occurred_at"]) for one in orders] == [
        ("3100000001", "adaloves", 41.9, "2024-01-15T00:00:00Z"),
        ("3100000002", "bo sample (bosample)", 15.0, "2024-02-03T00:00:00Z"),
    ]
    assert (orders[0]["coupon"], orders[0]["discount"], orders[0]["context"]) == ("TEN", 4.0, {"channel": "etsy"})
    profile = next(one for one in found if one["type"] == "profile.updated")
    assert profile["traits"] == {"name": "Ada Example", "country": "Germany", "city": "Berlin"}


SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Currency,Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,"
    "Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount,Billing Name,Billing City,Billing Country,"
    "Phone,Billing Phone,Shipping Name\n"
    "#1,Ada@Example.org,paid,2024-03-02 10:00:05 +0100,EUR,0,0,45.00,,0,2024-03-02 10:00:00 +0100,1,Lamp,45.00,L1,0.00,"
    "Ada Example,Berlin,DE,,'+49 30 1234567,\n"
    "#2,Ada@Example.org,paid,2024-04-02 10:00:05 +0200,EUR,0,0,5.00,,0,2024-04-02 10:00:00 +0200,1,Mug,5.00,M1,0.00,"
    "Ada Example,Berlin,DE,,'+49 30 1234567,\n"
    "#3,bo@example.org,pending,,EUR,0,0,5.00,,0,2024-04-03 10:00:00 +0200,1,Mug,5.00,M1,0.00,Bo,Bonn,DE,,,\n"
    "#4,Ada@Example.org,paid,2024-05-02 10:00:05 +0200,EUR,0,0,7.00,,0,2024-05-02 10:00:00 +0200,1,Mug,7.00,M1,0.00,"
    "Ada Example,Hamburg,DE,ask,,Ada E.\n"
)
CONTACTS: dict[str, tuple[str, dict[str, str]]] = {
    "woocommerce": (
        "order_id,order_date,status,shipping_total,tax_total,discount_total,order_total,refunded_total,order_currency,"
        "billing_email,billing_first_name,billing_last_name,billing_phone,billing_country,billing_city,item_name,item_sku,"
        "item_quantity,item_total\n"
        "77,2024-07-01 12:00:00,completed,0,0,0,34.90,0.00,EUR,Bob@Example.org,Bob,Sample,030 123456,DE,Bonn,Lamp,L1,2,34.90\n",
        {"email": "Bob@Example.org", "name": "Bob Sample", "phone": "030 123456", "country": "DE", "city": "Bonn"},
    ),
    "woocommerce-analytics": (
        "Date,Order #,Status,Customer,Customer type,Product(s),Items sold,Coupon(s),Net sales\n"
        "2024-07-01 12:00:00,77,completed,Ada Example,new,Lamp,1,,34.90\n",
        {"name": "Ada Example"},
    ),
    "woocommerce-json": (
        '{"id": 7, "status": "completed", "currency": "EUR", "date_created_gmt": "2024-03-01T15:00:00", "total": "29.35",'
        ' "billing": {"email": "bob@example.org", "first_name": "Bob", "last_name": "Sample", "phone": "+49 30 123", '
        '"country": "DE", "city": "Bonn"}, "line_items": [], "refunds": []}\n',
        {"email": "bob@example.org", "name": "Bob Sample", "phone": "+49 30 123", "country": "DE", "city": "Bonn"},
    ),
    "shopify-json": (
        '{"id": 7, "email": "bob@example.org", "processed_at": "2024-03-01T15:00:00Z", "total_price": "29.35", "currency": '
        '"EUR", "customer_locale": "de-DE", "customer": {"id": 9, "phone": "+4930123"}, "billing_address": {"name": '
        '"Bob Sample", "country_code": "DE", "city": "Bonn"}, "line_items": []}\n',
        {
            "email": "bob@example.org",
            "name": "Bob Sample",
            "phone": "+4930123",
            "language": "de-DE",
            "country": "DE",
            "city": "Bonn",
        },
    ),
    "magento": (
        '"ID","Purchase Point","Purchase Date","Bill-to Name","Ship-to Name","Grand Total (Base)","Grand Total (Purchased)",'
        '"Status","Customer Email","Customer Name","Total Refunded"\n'
        '"1","Main","Jan 5, 2024, 3:04:05 PM","Ada B.","Ada B.","10.00","10.00","complete","ada@example.org","Ada Example","0"\n',
        {"email": "ada@example.org", "name": "Ada Example"},
    ),
    "square": (
        "Date,Time,Time Zone,Gross Sales,Discounts,Net Sales,Event Type,Transaction ID,Customer ID,Customer Name,"
        "Customer Reference ID\n"
        "01/05/24,10:33:21,Eastern Time (US & Canada),$10.00,$0.00,$10.00,Payment,t1,C1,Ada Example,\n",
        {"name": "Ada Example"},
    ),
    "stripe": (
        "id,Created date (UTC),Amount,Amount Refunded,Currency,Customer ID,Customer Email,Card Name,Status\n"
        "ch_1,2024-01-05 10:33:21,10.00,0.00,eur,cus_1,ada@example.org,Ada Example,Paid\n",
        {"email": "ada@example.org", "name": "Ada Example"},
    ),
    "stripe-json": (
        '{"id": "evt_1", "type": "charge.succeeded", "created": 1704450801, "data": {"object": {"id": "ch_1", "customer": '
        '"cus_1", "created": 1704450801, "amount": 1000, "currency": "eur", "billing_details": {"email": "ada@example.org", '
        '"name": "Ada Example", "phone": null, "address": {"country": "DE"}}}}}\n',
        {"email": "ada@example.org", "name": "Ada Example", "country": "DE"},
    ),
    "taobao": (
        "订单编号,买家会员名,买家实际支付金额,订单状态,订单创建时间,订单付款时间,收货人姓名,联系手机,退款金额\n"
        "1,tb001,59.90,交易成功,2024-01-05 10:33:21,2024-01-05 10:33:30,张三,'13800138000,0\n",
        {"name": "张三", "phone": "13800138000"},
    ),
}


def test_shopifys_contact_columns_become_traits_once_and_cost_no_order(tmp_path: Path) -> None:
    path = tmp_path / "orders_export.csv"
    path.write_text(SHOPIFY)
    source = MappedFile(path, load_mapping("shopify"))
    found = [json.loads(event.value) for event in source.events()]
    assert sum(one["total"] for one in found if one["type"] == "order.completed") == 57.0
    profiles = [(one["occurred_at"], one["traits"]) for one in found if one["type"] == "profile.updated"]
    traits = {"email": "Ada@Example.org", "name": "Ada Example", "country": "DE"}
    assert profiles == [
        ("2024-03-02T09:00:05Z", {**traits, "city": "Berlin", "phone": "+49 30 1234567"}),
        # The second order adds nothing; "ask" is not a number.
        ("2024-05-02T08:00:05Z", {**traits, "city": "Hamburg"}),
    ]
    assert dict(source.skipped) == {"left_out": 1} and any("phone 1" in note for note in source.notes)


@pytest.mark.parametrize("name", CONTACTS)
def test_contact_columns_of_an_export_become_traits(name: str, tmp_path: Path) -> None:
    content, traits = CONTACTS[name]
    path = tmp_path / ("orders.jsonl" if content.startswith("{") else "orders.csv")
    path.write_text(content)
    assert propose(path).shipped == name
    found = events(path, name)
    assert [one["type"] for one in found] == ["order.completed", "profile.updated"]
    assert found[1]["traits"] == traits and found[1]["customer_id"] == found[0]["customer_id"]


def test_each_refund_of_a_woocommerce_order_is_one(tmp_path: Path) -> None:
    record = {
        "id": 7, "status": "completed", "currency": "EUR", "date_created_gmt": "2024-03-01T15:00:00",
        "date_modified_gmt": "2024-03-09T15:00:00", "total": "50.00", "billing": {"email": "bob@example.org"},
        "line_items": [], "refunds": [{"id": 8, "total": "-5.00"}, {"id": 9, "total": "-7.50"}],
    }  # fmt: skip
    path = tmp_path / "orders.jsonl"
    path.write_text(json.dumps(record) + "\n" + json.dumps({**record, "id": 10, "refunds": []}) + "\n")
    found = events(path, "woocommerce-json")
    back = [(one["refund_id"], one["total"]) for one in found if one["type"] == "order.refunded"]
    assert back == [("8", 5.0), ("9", 7.5)]
    checked = check(MappedFile(path, load_mapping("woocommerce-json")), Policy(), 1_800_000_000_000)
    assert checked.agrees and (checked.applied.refunds, checked.applied.net) == (2, 8_750)


def test_content_that_an_older_release_remembers_is_known_again(tmp_path: Path) -> None:
    path, mapping = tmp_path / "h.csv", tmp_path / "h.toml"
    path.write_text("id,who,when,price,pieces\n1,a,2024-01-05,2.50,2\n")
    mapping.write_text(
        'group = "id"\n[[event]]\n[event.fields]\norder_id = "id"\ncustomer_id = "who"\noccurred_at = "when"\n'
        'total = { sum = "price", times = "pieces" }\n'
    )
    source = MappedFile(path, load_mapping(str(mapping)), zone="Europe/Berlin")
    # As stored by releases without joins, and by those without lists of events.
    assert source.former_hashes == (
        "1e89398532e27f8b45a39c3bc892ccc71e44ff8603eef33f83160652115965ee",
        "498ddffdb91f72c315f89a96682f89579dffe0c9f421fdb3e46434d348ad0ee0",
    )
    assert source.content_hash not in source.former_hashes


def test_a_workbook_is_read_like_the_table_it_holds(tmp_path: Path) -> None:
    """Numbers are numbers there, dates are dates, and a title is above the table."""
    book, path = Workbook(), tmp_path / "orders.xlsx"
    sheet = book.active
    assert sheet is not None
    for row in (
        ["Orders of my shop"],
        [],
        ["Order", "Customer", "Date", "Total", "Note"],
        [1001, 4711.0, datetime(2024, 1, 5, 10, 30), 59.9, "gift"],
        [1002, "00815", datetime(2024, 1, 6), 1234, None],
        [None, None, None, None, None],
        ["1003", "4711", "2024-01-07 08:00", "12.50", None],
    ):
        sheet.append(row)
    book.create_sheet("Notes").append(["nothing of this is read"])
    book.save(path)
    found = propose(path)
    assert found.format == "xlsx" and dict(found.fields)["total"] == "Total"
    (tmp_path / "shop.toml").write_text(found.mapping or "")
    source = MappedFile(path, load_mapping(str(tmp_path / "shop.toml")))
    made = [json.loads(event.value) for event in source.events()]
    assert [(one["order_id"], one["customer_id"], one["total"], one["occurred_at"]) for one in made] == [
        ("1001", "4711", 59.9, "2024-01-05T10:30:00Z"),
        ("1002", "00815", 1234.0, "2024-01-06T00:00:00Z"),
        ("1003", "4711", 12.5, "2024-01-07T08:00:00Z"),
    ]
    assert source.rows == 3 and not source.skipped


def test_what_is_no_workbook_is_reported(tmp_path: Path) -> None:
    from schemas.errors import UserError

    path = tmp_path / "orders.xlsx"
    path.write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(UserError, match="not a readable workbook"):
        propose(path)
