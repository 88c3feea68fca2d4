"""Shipped mappings on made-up files in the true shape, where no field case has one; and workbooks."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

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
    assert profile["traits"] == {"country": "Germany", "city": "Berlin"}


def test_a_workbook_is_read_like_the_table_it_holds(tmp_path: Path) -> None:
    """Numbers are numbers there, dates are dates, and a title stands above the table."""
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
    with pytest.raises(UserError, match="no workbook that can be read"):
        propose(path)
