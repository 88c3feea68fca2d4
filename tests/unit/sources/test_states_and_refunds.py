"""Test unpaid orders and refunds, as exports of many programs and languages record them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import propose

PRESENT = 1_800_000_000_000
ONE_OF_THREE = (
    "Order,Customer,Date,Total,{}\n1,a,2024-01-05,10.00,{}\n2,b,2024-01-06,20.00,{}\n3,c,2024-01-07,40.00,{}\n"
)


def found(folder: Path, content: str) -> tuple[int, int, float]:
    """Return orders, refunds and net money of a file read by its own proposal; both ways to count agree."""
    path = folder / "export.csv"
    path.write_text(content)
    text = propose(path).mapping
    assert text is not None
    mapping = read_mapping(text, "proposed")
    checked = check(MappedFile(path, mapping, now_ms=PRESENT), Policy(), PRESENT)
    assert checked.agrees, checked.differences
    events = [json.loads(event.value) for event in MappedFile(path, mapping, now_ms=PRESENT).events()]
    orders = [one["total"] for one in events if one["type"] == "order.completed"]
    back = [one["total"] for one in events if one["type"] == "order.refunded"]
    return len(orders), len(back), round(sum(orders) - sum(back), 2)


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        ("Condition", ("paid", "cancelled", "paid")),
        ("Payment", ("paid", "Unpaid", "paid")),
        ("cleared_description", ("Komplett bezahlt", "Offen", "Komplett bezahlt")),
        ("Paid?", ("yes", "no", "yes")),
        ("is_paid", ("1", "0", "1")),
        ("Cancelled", ("false", "true", "false")),
        ("cancelled_at", ("NULL", "2024-01-06 10:00", "")),
        ("Cancel reason", ("", "customer", "")),
        ("Stornodatum", ("", "06.01.2024", "")),
        ("Test order", ("0", "1", "0")),
        ("Type", ("Order", "Quote", "Order")),
        ("Statut de la commande", ("Payée", "Annulée", "Payée")),
        ("Estado del pedido", ("Completado", "Cancelado", "Completado")),
        ("Stato ordine", ("Completato", "Annullato", "Completato")),
        ("Status zamówienia", ("Zrealizowane", "Anulowane", "Zrealizowane")),
        ("Sipariş Durumu", ("Tamamlandı", "İptal Edildi", "Tamamlandı")),
        ("Статус", ("Выполнен", "Отменён", "Выполнен")),
        ("注文ステータス", ("完了", "キャンセル", "完了")),
        ("주문상태", ("배송완료", "취소완료", "배송완료")),
    ],
)
def test_a_row_that_is_no_paid_order_is_left_out(column: str, texts: tuple[str, ...], tmp_path: Path) -> None:
    assert found(tmp_path, ONE_OF_THREE.format(column, *texts)) == (2, 0, 50.0)


@pytest.mark.parametrize(
    ("column", "text"),
    [("Fulfillment Status", "pending"), ("Versandstatus", "offen"), ("Category", "draft"), ("Payment method", "test")],
)
def test_a_state_of_something_else_leaves_no_order_out(column: str, text: str, tmp_path: Path) -> None:
    assert found(tmp_path, ONE_OF_THREE.format(column, "beer", text, "beer")) == (3, 0, 70.0)


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("Status", "refunded"), ("Status", "wc-refunded"), ("Status", "Returned"), ("Bestellstatus", "Erstattet")),
        *(("Statut", "Remboursée"), ("Estado", "Reembolsado"), ("订单状态", "已退款"), ("is_refunded", "true")),
        *(("Status", "Refund"), ("订单状态", "退款")),
    ],
)
def test_an_order_whose_money_was_given_back_is_an_order_and_a_refund(column: str, text: str, tmp_path: Path) -> None:
    others = "false" if column == "is_refunded" else "completed"
    assert found(tmp_path, ONE_OF_THREE.format(column, others, text, others)) == (3, 1, 50.0)


@pytest.mark.parametrize(
    ("column", "text"), [("Type", "Refund"), ("Belegart", "Gutschrift"), ("type", "credit_note"), ("类型", "退款")]
)
def test_a_row_of_a_refund_is_no_order(column: str, text: str, tmp_path: Path) -> None:
    assert found(tmp_path, ONE_OF_THREE.format(column, "Sale", text, "Sale")) == (2, 1, 30.0)


def test_a_state_far_down_the_file_counts(tmp_path: Path) -> None:
    rows = "".join(f"{number},c{number % 90},2024-01-05,1.00,paid\n" for number in range(4, 2_500))
    content = ONE_OF_THREE.format("Status", "paid", "paid", "paid") + rows + "9999,z,2024-01-05,500.00,cancelled\n"
    assert found(tmp_path, content) == (2_499, 0, 70.0 + 2_496)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("Order,Customer,Date,Total\n1,a,2024-01-05,10.00\n1,a,2024-01-07,-10.00\n2,b,2024-01-05,5.00\n", (2, 1, 5.0)),
        (
            "Order,Customer,Date,Total\n1,a,2024-01-05,10.00\n1,a,2024-01-07,-4.00\n1,a,2024-01-08,-3.00\n"
            "2,b,2024-01-05,5.00\n",
            (2, 2, 8.0),
        ),
        (
            "Order,Customer,Date,Total,Status\n1,a,2024-01-05,10.00,paid\nR1,a,2024-01-07,-4.00,refund\n"
            "2,b,2024-01-05,5.00,paid\n",
            (2, 1, 11.0),
        ),
        (
            "Order,Status,Customer,Date,Total\n1,paid,a,2024-01-05,10.00\n1,refund,a,2024-01-07,4.00\n"
            "2,paid,b,2024-01-05,5.00\n",
            (2, 1, 11.0),
        ),
        ("Invoice,Customer,Date,Amount\n1,a,2024-01-05,10.00\nC1,a,2024-01-07,(4.00)\n", (1, 1, 6.0)),
        (
            "InvoiceNo,CustomerID,Date,SKU,Quantity,Price\n1,a,2024-01-05,X,2,10.00\n1,a,2024-01-05,Y,1,5.00\n"
            "C1,a,2024-01-07,X,-1,10.00\n",
            (1, 1, 15.0),
        ),
        (
            "Order,Customer,Date,SKU,Quantity,Price\n1,a,2024-01-05,X,2,10.00\n1,a,2024-01-05,DISC,1,-5.00\n",
            (1, 0, 15.0),
        ),
        ("Customer,Date,Total,Refunded\na,2024-01-05,10.00,4.00\nb,2024-01-06,10.00,0\n", (2, 1, 16.0)),
        ("Order,Customer,Date,Total,Refunded\n1,a,2024-01-05,10.00,-4.00\n2,b,2024-01-05,10.00,\n", (2, 1, 16.0)),
        (
            "Order,Type,Customer,Date,Total\n1,Sale,a,2024-01-05,10.00\n1,Refund,a,2024-01-07,4.00\n2,Sale,b,2024-01-05,5.00\n",
            (2, 1, 11.0),
        ),
    ],
)
def test_money_that_went_back_is_taken_off(content: str, seen: tuple[int, int, float], tmp_path: Path) -> None:
    assert found(tmp_path, content) == seen


@pytest.mark.parametrize("state", ["Returned", "Cancelled"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_line_that_was_cancelled_or_returned_is_left_out_alone(state: str, turned: bool, tmp_path: Path) -> None:
    lines = [f"1,a,2024-01-05,X,1,10.00,{state}\n", "1,a,2024-01-05,Y,1,5.00,Completed\n"]
    rows = "".join(reversed(lines) if turned else lines)
    head = "Order,Customer,Date,SKU,Quantity,Price,Status\n"
    assert found(tmp_path, head + rows + "2,b,2024-01-06,Y,1,5.00,Completed\n") == (2, 0, 10.0)
    # An order that was cancelled or returned as a whole counts for nothing either.
    whole = f"2,b,2024-01-06,X,1,7.00,{state}\n2,b,2024-01-06,Y,1,5.00,{state}\n"
    assert found(tmp_path, head + rows + whole)[2] == 5.0


@pytest.mark.parametrize(
    ("lines", "net"),
    [
        # A discount is a line like the others, and a negative line's refund is not subtracted again.
        ("1,a,2024-01-05,DISC,1,-5.00,Completed\n1,a,2024-01-05,Y,1,7.00,Returned\n", 15.0),
        ("1,a,2024-01-05,X,1,-10.00,Returned\n", 10.0),
    ],
)
def test_lines_below_zero_are_no_reason_to_count_a_line_twice(lines: str, net: float, tmp_path: Path) -> None:
    head = "Order,Customer,Date,SKU,Quantity,Price,Status\n1,a,2024-01-05,X,2,10.00,Completed\n"
    assert found(tmp_path, head + lines)[2] == net


def test_lines_in_several_states_stay_one_order(tmp_path: Path) -> None:
    content = (
        "Order,Customer,Date,SKU,Quantity,Price,Status\n1,a,2024-01-05,X,1,10.00,Completed\n"
        "1,a,2024-01-05,Y,1,5.00,Shipped\n2,b,2024-01-06,Y,1,5.00,Cancelled\n"
    )
    assert found(tmp_path, content) == (1, 0, 15.0)


def test_a_refund_is_in_the_currency_of_its_order(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "Order,Customer,Date,Total,Currency,Refunded\n1,a,2024-01-05,10.00,USD,4.00\n2,b,2024-01-05,9.00,EUR,0\n"
    )
    mapping = read_mapping(propose(path).mapping or "", "proposed")
    events = [json.loads(event.value) for event in MappedFile(path, mapping, now_ms=PRESENT).events()]
    assert [one["currency"] for one in events if one["type"] == "order.refunded"] == ["USD"]


def test_rows_of_a_refund_that_add_up_to_more_than_zero_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text("Order,Customer,Date,Sum\n1,a,2024-01-05,-5.00\n1,a,2024-01-05,20.00\n")
    fields = (
        '[event.fields]\norder_id = "Order"\ncustomer_id = "Customer"\noccurred_at = "Date"\ntotal = { sum = "Sum" }\n'
    )
    text = f'group = "Order"\n[[event]]\ntype = "order.refunded"\nwhere = {{ "Sum" = ["<0"] }}\n{fields}'
    source = MappedFile(path, read_mapping(text, "given"), now_ms=PRESENT)
    assert list(source.events()) == [] and source.skipped == {"bad_value": 2}


@pytest.mark.parametrize(
    ("content", "first"),
    [
        ('Order,Date created,Time,Email,Total\n1,"Jan 5, 2024",10:30 PM,a@x.de,10\n', "2024-01-05T22:30:00Z"),
        ("Order;Datum;Uhrzeit;Kunde;Betrag\n1;05.01.2024;09:05;k;10,00\n", "2024-01-05T09:05:00Z"),
        ("Order,Date,Time,Time Zone,Customer,Total\n1,2024-01-05,10:00,Asia/Tokyo,a,10\n", "2024-01-05T01:00:00Z"),
        ("Order,Date,Delivery time,Customer,Total\n1,2024-01-05,10:00,a,10\n", "2024-01-05T00:00:00Z"),
    ],
)
def test_a_time_of_day_in_a_column_of_its_own_is_read(content: str, first: str, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(content)
    source = MappedFile(path, read_mapping(propose(path).mapping or "", "proposed"), now_ms=PRESENT)
    assert next(json.loads(event.value)["occurred_at"] for event in source.events()) == first
