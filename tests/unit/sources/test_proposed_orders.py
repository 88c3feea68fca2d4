"""Test what a proposal makes of an order's lines and id: Amazon's reports, and stores that share ids."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import propose

PRESENT = 1_800_000_000_000


def read(folder: Path, content: str) -> tuple[list[dict[str, Any]], str]:
    path = folder / "orders.txt"
    path.write_text(content)
    text = propose(path).mapping
    assert text is not None
    mapping = read_mapping(text, "proposed")
    found = check(MappedFile(path, mapping, now_ms=PRESENT), Policy(), PRESENT)
    assert found.agrees, found.differences
    return [json.loads(event.value) for event in MappedFile(path, mapping, now_ms=PRESENT).events()], text


ORDER_REPORT = (
    "order-id\torder-item-id\tpurchase-date\tpayments-date\tbuyer-email\tbuyer-name\tbuyer-phone-number\tsku\t"
    "product-name\tquantity-purchased\tcurrency\titem-price\titem-tax\tshipping-price\tshipping-tax\t"
    "ship-service-level\trecipient-name\tship-city\tship-country\tsales-channel\titem-promotion-discount\n"
    "403-1\t11\t2024-01-05T10:00:00+00:00\t2024-01-05T10:30:00+00:00\tx@marketplace.amazon.de\tAda Star\t030 123456\tA1\t"
    "Tea\t3\tEUR\t30.00\t4.79\t0.00\t0.00\tStandard\tAda Star\tBerlin\tDE\tAmazon.de\t0.00\n"
    "403-1\t12\t2024-01-05T10:00:00+00:00\t2024-01-05T10:30:00+00:00\tx@marketplace.amazon.de\tAda Star\t030 123456\tB2\t"
    "Cup\t1\tEUR\t9.50\t1.52\t0.00\t0.00\tStandard\tAda Star\tBerlin\tDE\tAmazon.de\t1.00\n"
)
SHIPMENTS = (
    "amazon-order-id\tmerchant-order-id\tshipment-id\tshipment-item-id\tamazon-order-item-id\tpurchase-date\t"
    "payments-date\tshipment-date\treporting-date\tbuyer-email\tbuyer-name\tsku\tproduct-name\tquantity-shipped\t"
    "currency\titem-price\titem-tax\tshipping-price\tship-city\tfulfillment-channel\tsales-channel\n"
    "403-1\t\tD1\tD2\t37\t2024-01-05T10:00:00+00:00\t2024-01-05T10:30:00+00:00\t2024-01-06T10:00:00+00:00\t"
    "2024-01-06T12:00:00+00:00\tx@marketplace.amazon.de\tAda Star\tA1\tTea\t3\tEUR\t30.00\t4.79\t0\tBerlin\tAFN\tAmazon.de\n"
    "403-1\t\tD1\tD3\t38\t2024-01-05T10:00:00+00:00\t2024-01-05T10:30:00+00:00\t2024-01-06T10:00:00+00:00\t"
    "2024-01-06T12:00:00+00:00\tx@marketplace.amazon.de\tAda Star\tB2\tCup\t1\tEUR\t9.50\t1.52\t0\tBerlin\tAFN\tAmazon.de\n"
)


@pytest.mark.parametrize("report", [ORDER_REPORT, SHIPMENTS])
def test_the_price_of_an_item_in_a_report_of_amazon_is_that_of_all_its_pieces(report: str, tmp_path: Path) -> None:
    events, _ = read(tmp_path, report)
    orders = [one for one in events if one["type"] == "order.completed"]
    assert [(one["order_id"], one["total"], one["customer_id"]) for one in orders] == [
        ("403-1", 39.5, "x@marketplace.amazon.de")
    ]
    assert [(one["product_id"], one["quantity"], one["price"]) for one in orders[0]["products"]] == [
        ("A1", 3, 10.0),
        ("B2", 1, 9.5),
    ]
    assert orders[0]["occurred_at"].startswith("2024-01-05T10:00:00") and "discount" not in orders[0]


def test_the_price_of_an_item_elsewhere_is_that_of_one(tmp_path: Path) -> None:
    events, _ = read(
        tmp_path, "Order,Customer,Date,SKU,Qty,Item price\n1,a,2024-01-05,x,3,10.00\n1,a,2024-01-05,y,1,2.00\n"
    )
    assert events[0]["total"] == 32.0


STORES = (
    "Shop,Order,Customer,Date,Total\n"
    "North,1,a,2024-01-05,10.00\nNorth,2,b,2024-01-06,5.00\nSouth,1,a,2024-03-05,7.00\nSouth,3,a,2024-03-06,1.00\n"
)


def test_two_stores_with_the_same_ids_keep_their_orders(tmp_path: Path) -> None:
    events, text = read(tmp_path, STORES)
    assert [(one["order_id"], one["total"]) for one in events] == [
        *(("North-1", 10.0), ("North-2", 5.0), ("South-1", 7.0), ("South-3", 1.0)),
    ]
    assert '"Shop" tells them apart' in text


def test_lines_of_two_stores_with_the_same_ids_are_summed_apart(tmp_path: Path) -> None:
    lines = (
        "Sales channel,Order,Customer,Date,SKU,Qty,Unit price\n"
        "Web,1,a,2024-01-05,x,2,10.00\nWeb,1,a,2024-01-05,y,1,5.00\nTill,1,a,2024-03-05,x,1,7.00\n"
    )
    events, _ = read(tmp_path, lines)
    assert [(one["order_id"], one["total"]) for one in events] == [("Web-1", 25.0), ("Till-1", 7.0)]


def test_a_clash_far_down_is_found(tmp_path: Path) -> None:
    rows = [f"{store},{id},c{id},2024-01-05,{total}" for store, total in (("N", 1), ("S", 2)) for id in range(1500)]
    events, _ = read(tmp_path, "\n".join(["Store,Order,Customer,Date,Total", *rows]) + "\n")
    assert len({one["order_id"] for one in events}) == 3_000


@pytest.mark.parametrize(
    "content",
    [
        STORES.replace("South,1", "South,4"),
        # One order from two places, and one returned elsewhere.
        "Location,Order,Customer,Date,SKU,Qty,Unit price\nA,1,a,2024-01-05,x,1,10.00\nB,1,a,2024-01-05,y,1,5.00\n",
        "Store,Order,Customer,Date,Total\nA,1,a,2024-01-05,10.00\nB,1,a,2024-02-05,-10.00\nB,2,a,2024-02-05,4.00\n",
        # Without a store in every row, an id made of both would lose rows.
        "Store,Order,Customer,Date,Total\nA,1,a,2024-01-05,10.00\n,2,a,2024-02-05,4.00\nB,3,a,2024-02-05,4.00\n",
    ],
)
def test_ids_that_are_one_of_a_kind_stay(content: str, tmp_path: Path) -> None:
    events, text = read(tmp_path, content)
    assert "tells them apart" not in text and events[0]["order_id"] == "1"
