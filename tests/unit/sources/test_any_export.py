"""Test one small shop as other programs, countries and people write it: the same orders, found by detection alone."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from schemas.errors import UserError
from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import propose

HEAD = "Order,Customer,Date,Total"
PLAIN = f"{HEAD}\n1,a@x.de,2024-01-05,10.50\n2,b@x.de,2024-01-06,20.00\n3,a@x.de,2024-02-06,5.25\n"
DAYS = ("2024-01-05", "2024-01-06", "2024-02-06")
PRESENT = 1_800_000_000_000


def dated(*days: str) -> str:
    text = PLAIN
    for old, new in zip(DAYS, days, strict=True):
        text = text.replace(old, new)
    return text


def read(folder: Path, content: str | bytes) -> MappedFile:
    path = folder / "export.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = propose(path).mapping
    assert text is not None
    return MappedFile(path, read_mapping(text, "proposed"), now_ms=PRESENT)


def totals(source: MappedFile) -> tuple[int, float, int]:
    """Return orders, net money and customers."""
    found: list[Mapping[str, Any]] = [json.loads(event.value) for event in source.events()]
    orders = [one for one in found if one["type"] == "order.completed"]
    back = sum(one["total"] for one in found if one["type"] == "order.refunded")
    net = sum(one["total"] for one in orders) - back
    return len(orders), round(net, 2), len({one["customer_id"] for one in found})


SAME: Mapping[str, str | bytes] = {
    "pipe": PLAIN.replace(",", "|"),
    "caret": PLAIN.replace(",", "^"),
    "tilde": PLAIN.replace(",", "~"),
    "sep-line": "sep=;\n" + PLAIN.replace(",", ";"),
    "decimal-comma": PLAIN.replace(",", ";").replace(".", ",").replace("x,de", "x.de"),
    "utf-16-le": PLAIN.encode("utf-16-le"),
    "utf-32": PLAIN.encode("utf-32"),
    "packed": gzip.compress(PLAIN.encode()),
    "two-line-ends": PLAIN.replace("\n", "\r\r\n"),
    "preamble-as-wide": "My shop,,,\nFrom,2024-01-01,,\n,,,\n" + PLAIN,
    "footer": PLAIN + "Total,,,35.75\n",
    "footer-of-another-width": PLAIN + "\nSum;35,75\n",
    "header-again": PLAIN + HEAD + "\n",
    "euro": PLAIN.replace("10.50", "€10.50").replace("20.00", "€ 20.00"),
    "no-cents": PLAIN.replace(",", ";").replace("20.00", "20,-").replace("10.50", "10,50").replace("5.25", "5,25"),
    "float-ids": PLAIN.replace("\n1,", "\n1.0,").replace("\n2,", "\n2.0,"),
    "milliseconds": dated("1704450801000", "1704537201000", "1707215601000"),
    "spreadsheet-days": dated("45296", "45297.5", "45328"),
    "digits": dated("20240105103321", "20240106103321", "20240206103321"),
    "month-first": dated("01/25/2024", "01/06/2024", "02/06/2024"),
    "month-first-two-digits": dated("1/25/24", "1/6/24", "2/6/24"),
    "day-first-two-digits": dated("31.01.23 10:30", "06.01.24 11:00", "06.02.24 11:00"),
    "names-of-months": dated("Jan 25; 2024 10:00 PM".replace(";", ""), "Jan 6 2024 1:00 AM", "6 Feb 2024"),
    "spaces-before-quotes": f"{HEAD}\n"
    + "".join(f'{line[0]}, "{line[2:8]}, x", {line[9:]}\n' for line in PLAIN.split()[1:]),
    "single-quotes": "'" + PLAIN.strip().replace(",", "','").replace("\n", "'\n'") + "'\n",
    "marks-in-the-middle": PLAIN.replace("2,b@", "\ufeff2,b@"),
    "utf-16-without-mark": PLAIN.replace("Order,Customer,Date,Total", "订单编号,买家昵称,下单时间,实付款").encode(
        "utf-16-be"
    ),
    "swiss": PLAIN.replace("10.50", "10.50 CHF").replace("20.00", "20.\u2013"),
    "rupees": PLAIN.replace("20.00", "20/-"),
    "arabic-digits": PLAIN.replace("20.00", "٢٠٫٠٠").replace("2024-01-06", "٢٠٢٤-٠١-٠٦"),
    "sums": PLAIN + "4,Gesamt:,2024-02-06,35.75\n5,合计,2024-02-06,35.75\n",
    "raised-digits": PLAIN + "4,c,2024-02-06,10²\n5,c,2024-02-06,10½\n",
    "pounds": PLAIN.replace("10.50", "£10.50").encode("cp1252"),
    "pounds-of-dos": PLAIN.replace("10.50", "£10.50").encode("cp850"),
    "thousands-of-columns": PLAIN.replace("\n", "," * 3000 + "\n").replace("Total,", "Total," + "x" * 9, 1),
    "nobody": PLAIN + "4,guest,2024-03-01,9.00\n5,NULL,2024-03-01,9.00\n6,,2024-03-01,9.00\n",
    "not-paid": PLAIN.replace("Total\n", "Total,Status\n").replace("0\n", "0,paid\n").replace("5\n", "5,paid\n")
    + "7,c@x.de,2024-03-01,99.00,Cancelled\n8,c@x.de,2024-03-01,99.00,On Hold\n",
    **{
        name: PLAIN.replace(HEAD, head)
        for name, head in {
            "capitals": "ORDER ID,CUSTOMER EMAIL,ORDER DATE,GRAND TOTAL",
            "camel": "orderId,customerId,createdAt,totalAmount",
            "spanish": "Número de pedido,Cliente,Fecha,Importe total",
            "french": "N° de commande,Client,Date de commande,Montant TTC",
            "italian": "Numero ordine,Cliente,Data,Totale",
            "dutch": "Bestelnummer,Klant,Datum,Totaal",
            "polish": "Numer zamówienia,Klient,Data,Kwota",
            "russian": "Номер заказа,Клиент,Дата,Сумма",
            "chinese": "订单编号,买家昵称,下单时间,实付款",
            "japanese": "注文番号,顧客ID,注文日時,合計金額",
            "korean": "주문번호,고객,주문일시,결제금액",
        }.items()
    },
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_orders_are_found_and_counted_by_both_ways(name: str, tmp_path: Path) -> None:
    assert totals(read(tmp_path, SAME[name])) == (3, 35.75, 2)
    found = check(read(tmp_path, SAME[name]), Policy(), PRESENT)
    assert found.agrees, found.differences


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1252", ["Größe", "Müller", "ÄÖÜ", "Straße"]),
        ("cp1252", ["Søren Kjær", "Hélène", "Muñoz", "João"]),
        ("cp1250", ["Łukasz Żółć", "Grażyna", "Paweł", "Kraków"]),
        ("cp1250", ["Jiří Dvořák", "Lukáš Křížek", "Růžena Šťastná"]),
        ("cp1250", ["Kovács Győző", "Szűcs Ernő"]),
        ("iso8859_2", ["Grażyna Wiśniewska", "Paweł Śliwiński"]),
        ("cp1254", ["Şükrü Çağlar", "Ayşe Gül", "İbrahim"]),
        ("cp1257", ["Žydrūnas", "Rūta Jonaitė", "Jānis Bērziņš"]),
        ("cp850", ["Müller", "Größe"]),
        ("mac_roman", ["Müller", "Hélène"]),
        ("mac_roman", ["Smith", "Jones", "Müller", "Brown"]),
        ("mac_roman", ["Smith", "Jörg"]),
        ("mac_roman", ["Jürgen", "Günther", "Schröder"]),
        ("mac_roman", ["Smith", "Søren"]),
        ("mac_roman", ["José", "André", "Jones"]),
        ("cp1250", ["Tomáš", "Lepší", "Horší", "Smith"]),
        ("cp1250", ["Józef", "Kuźma", "Rzążew"]),
        ("cp1255", ["דוד כהן", "שרה לוי"]),
        ("cp1256", ["محمد علي", "فاطمة"]),
        ("cp874", ["สมชาย", "สมหญิง ใจดี"]),
        ("cp866", ["Иванов Иван", "Мария Петрова"]),
        ("iso8859_5", ["Иванов Иван", "Мария Петрова"]),
        ("cp1251", ["Иванов Иван", "Мария Петрова", "Ёлкин Пётр"]),
        ("koi8_r", ["Иванов Иван", "Мария Петрова", "Санкт-Петербург"]),
        ("cp1253", ["Γιώργος Παπαδόπουλος", "Μαρία"]),
        ("gb18030", ["李小龙", "张伟", "王芳"]),
        ("shift_jis", ["田中さくら", "山田太郎", "佐藤ハナコ"]),
        ("euc_kr", ["김철수", "이영희", "박민수"]),
        ("big5", ["王小明", "陳大文", "林美麗"]),
    ],
)
def test_names_are_read_in_an_encoding_that_is_not_named(encoding: str, names: list[str], tmp_path: Path) -> None:
    rows = (f"{number},{names[number % len(names)]},2024-01-0{number % 9 + 1},1.00\n" for number in range(60))
    source = read(tmp_path, (HEAD + "\n" + "".join(rows)).encode(encoding))
    assert {json.loads(event.value)["customer_id"] for event in source.events()} == set(names)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (dated("3/2/2024", "4/2/2024", "5/2/2024"), "bad_date"),
        (dated("3/2/24", "4/2/24", "5/2/24"), "bad_value"),
        (dated("24.01.05", "24.01.06", "24.02.06"), "bad_value"),
        (dated("5 Jan 2024 10:00 CEST", "6 Jan 2024 10:00 XYZ", "6 Feb 2024 10:00 MESZ"), "bad_value"),
        (PLAIN.replace("10.50", "1.050").replace("20.00", "2.000").replace("5.25", "5.250"), "bad_value"),
    ],
)
def test_what_fits_two_readings_is_refused(text: str, reason: str, tmp_path: Path) -> None:
    source = read(tmp_path, text)
    assert not list(source.events()) and source.skipped == {reason: 3}


def test_orders_without_a_customer_are_summed_up_once_each_and_no_line_of_sums_with_them(tmp_path: Path) -> None:
    guests = "4,guest,2024-03-01,9.00\n5,,2024-03-01,8.25\n6,null,2024-03-02,-3.00\n7,,never,5.00\n"
    source = read(tmp_path, PLAIN + guests + "Total,,2024-03-02,53.00\n8,Total,2024-03-02,53.00\n")
    assert totals(source) == (3, 35.75, 2)
    assert source.guests.to_dict() == {"orders": 2, "refunds": 1, "money": {"EUR": "14.25"}}
    list(source.events())
    assert source.guests.orders == 2


@pytest.mark.parametrize("name", ["Hélène".encode("cp1252"), "Ayşe".encode("cp1254"), "заказ".encode("koi8_r")])
def test_letters_that_several_encodings_make_words_of_are_refused_not_guessed(name: bytes, tmp_path: Path) -> None:
    source = read(tmp_path, PLAIN.encode().replace(b"b@x.de", name))
    assert totals(source) == (2, 15.75, 1)
    assert source.skipped == {"bad_encoding": 1}
    assert any(name.decode(encoding) in note for note in source.notes for encoding in ("cp1252", "cp1254", "koi8_r"))


def test_a_row_in_another_encoding_costs_itself_and_no_letter_of_others(tmp_path: Path) -> None:
    mixed = PLAIN.replace("b@x.de", "jörg").encode() + "4,jörg,2024-03-01,7.00\n".encode("cp1252")
    source = read(tmp_path, mixed)
    assert {json.loads(event.value)["customer_id"] for event in source.events()} == {"a@x.de", "jörg"}
    assert source.skipped == {"bad_encoding": 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel file"),
        (b"<html><table><tr><td>1</td></tr></table>", "a web page"),
        (gzip.compress(gzip.compress(PLAIN.encode())), "compressed twice"),
        (bytes(1000), "not a text file"),
        (b"Order," * 300_000 + b"\n", "which column holds"),
    ],
)
def test_files_that_are_no_tables_are_called_what_they_are(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, content)


def test_an_archive_of_a_table_is_to_be_unpacked(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("orders.csv", PLAIN)
    with pytest.raises(UserError, match="an archive"):
        read(tmp_path, packed.getvalue())


def test_the_sheet_with_the_orders_is_read_whatever_the_file_is_called(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append(["Read me"])
    sheet = book.create_sheet("Orders")
    for line in PLAIN.splitlines():
        sheet.append(line.split(","))
    content = io.BytesIO()
    book.save(content)
    source = read(tmp_path, content.getvalue())
    assert totals(source) == (3, 35.75, 2)
    assert any("Orders" in note for note in source.notes)
