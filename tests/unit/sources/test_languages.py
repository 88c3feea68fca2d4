"""Test orders as shop systems write them in fifteen more languages: columns and states, found by their names alone."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from streamer.core.policy import Policy
from streamer.imports.check import check
from streamer.sources import words_of_columns, words_of_states
from streamer.sources.mapped_file import MappedFile
from streamer.sources.mapping import read_mapping
from streamer.sources.proposal import propose

PRESENT = 1_800_000_000_000
# Order, customer, e-mail, date, product, quantity, price, currency, state; states: paid, cancelled, unpaid, refunded.
LINES = {
    "pt": (
        "Número do pedido;ID do cliente;E-mail;Data do pedido;Produto;Quantidade;Preço unitário;Moeda;Status do pedido",
        "Pago;Cancelado;Aguardando pagamento;Reembolsado",
    ),
    "cs": (
        "Číslo objednávky;Číslo zákazníka;E-mail;Datum objednávky;Kód produktu;Množství;Cena za kus;Měna;Stav",
        "Vyřízeno;Zrušeno;Čeká na platbu;Vráceno",
    ),
    "sv": (
        "Ordernummer;Kundnummer;E-post;Orderdatum;Artikelnummer;Antal;Styckpris;Valuta;Orderstatus",
        "Betald;Annullerad;Väntar på betalning;Återbetald",
    ),
    "da": (
        "Ordrenummer;Kundenummer;E-mail;Ordredato;Varenummer;Antal;Stykpris;Valuta;Status",
        "Betalt;Annulleret;Afventer betaling;Refunderet",
    ),
    "no": (
        "Ordrenummer;Kundenr;E-post;Ordredato;Varenummer;Antall;Stykkpris;Valuta;Status",
        "Fullført;Kansellert;Venter på betaling;Refundert",
    ),
    "fi": (
        "Tilausnumero;Asiakasnumero;Sähköposti;Tilauspäivä;Tuotekoodi;Määrä;Yksikköhinta;Valuutta;Tila",
        "Maksettu;Peruutettu;Odottaa maksua;Hyvitetty",
    ),
    "hu": (
        "Rendelésszám;Vevőkód;E-mail cím;Rendelés dátuma;Cikkszám;Mennyiség;Egységár;Pénznem;Állapot",
        "Fizetve;Törölve;Fizetésre vár;Visszatérítve",
    ),
    "el": (
        "Αριθμός παραγγελίας;Κωδικός πελάτη;Email;Ημερομηνία παραγγελίας;Κωδικός προϊόντος;"
        "Ποσότητα;Τιμή μονάδας;Νόμισμα;Κατάσταση",
        "Ολοκληρώθηκε;Ακυρώθηκε;Εκκρεμής πληρωμή;Επιστροφή χρημάτων",
    ),
    "uk": (
        "Номер замовлення;Код клієнта;Електронна пошта;Дата замовлення;Артикул;Кількість;Ціна;Валюта;Статус",
        "Оплачено;Скасовано;Очікує оплати;Кошти повернено",
    ),
    "tr": (
        "Sipariş Numarası;Müşteri No;E-Posta;Sipariş Tarihi;Ürün Kodu;Adet;Birim Fiyat;Para Birimi;Sipariş Durumu",
        "Teslim Edildi;İptal Edildi;Ödeme Bekleniyor;İade Edildi",
    ),
    "ar": (
        "رقم الطلب;رقم العميل;البريد الإلكتروني;تاريخ الطلب;رمز المنتج;الكمية;سعر الوحدة;العملة;حالة الطلب",
        "مدفوع;ملغي;بانتظار الدفع;تم الاسترجاع",
    ),
    "he": (
        'מספר הזמנה;מספר לקוח;דוא"ל;תאריך הזמנה;מק"ט;כמות;מחיר ליחידה;מטבע;סטטוס',
        "שולם;בוטל;ממתין לתשלום;הוחזר",
    ),
    "th": (
        "หมายเลขคำสั่งซื้อ;รหัสลูกค้า;อีเมล;วันที่สั่งซื้อ;รหัสสินค้า;จำนวน;ราคาต่อหน่วย;สกุลเงิน;สถานะ",
        "ชำระเงินแล้ว;ยกเลิกแล้ว;รอชำระเงิน;คืนเงินแล้ว",
    ),
    "vi": (
        "Mã đơn hàng;Mã khách hàng;Email;Ngày đặt hàng;Mã sản phẩm;Số lượng;Đơn giá;Tiền tệ;Trạng thái",
        "Đã thanh toán;Đã hủy;Chờ thanh toán;Đã hoàn tiền",
    ),
    "id": (
        "Nomor Pesanan;ID Pelanggan;Email;Tanggal Pesanan;Kode Produk;Kuantitas;Harga Satuan;Mata Uang;Status",
        "Selesai;Dibatalkan;Menunggu Pembayaran;Dana Dikembalikan",
    ),
    "zh-TW": (
        "訂單編號;會員編號;電子郵件;訂單日期;商品編號;數量;單價;幣別;訂單狀態",
        "已付款;已取消;待付款;已退款",
    ),
}
# Order, customer (identified only by an e-mail address), date, total.
ORDERS = {
    "pt": "Pedido;Cliente;E-mail;Data;Total",
    "cs": "Kód objednávky;Zákazník;E-mail;Datum vytvoření;Celkem s DPH",
    "sv": "Order-ID;Kund;E-postadress;Datum;Summa inkl. moms",
    "da": "Ordre;Kunde;E-mail;Dato;I alt",
    "no": "Ordrenr.;Kunde;E-post;Dato;Totalt",
    "fi": "Tilauksen numero;Asiakas;Sähköpostiosoite;Päivämäärä;Yhteensä",
    "hu": "Megrendelés száma;Vevő neve;E-mail;Dátum;Végösszeg",
    "el": "Παραγγελία;Πελάτης;Διεύθυνση email;Ημερομηνία;Σύνολο",
    "uk": "№ замовлення;Клієнт;E-mail;Дата;Сума",
    "tr": "Sipariş No;Müşteri;E-posta Adresi;Tarih;Toplam Tutar",
    "ar": "الطلب;العميل;البريد الالكتروني;التاريخ;الإجمالي",
    "he": 'הזמנה;שם לקוח;אימייל;תאריך;סה"כ',
    "th": "เลขที่คำสั่งซื้อ;ชื่อลูกค้า;อีเมล;วันที่;ยอดรวมทั้งหมด",
    "vi": "Số đơn hàng;Tên khách hàng;Email khách hàng;Ngày tạo;Tổng tiền",
    "id": "No. Pesanan;Nama Pembeli;Email;Tanggal;Total Pembayaran",
    "zh-TW": "訂單號碼;顧客姓名;電子信箱;日期;訂單總額",
}


def read(folder: Path, content: str) -> list[dict[str, Any]]:
    path = folder / "export.csv"
    path.write_text(content)
    text = propose(path).mapping
    assert text is not None
    mapping = read_mapping(text, "proposed")
    found = check(MappedFile(path, mapping, now_ms=PRESENT), Policy(), PRESENT)
    assert found.agrees, found.differences
    return [json.loads(event.value) for event in MappedFile(path, mapping, now_ms=PRESENT).events()]


def plain(text: str) -> str:
    """Return text without accents, as some programs write headers."""
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


@pytest.mark.parametrize("form", [str, str.upper, lambda text: unicodedata.normalize("NFD", text)])
@pytest.mark.parametrize("language", LINES)
def test_lines_and_states_are_found(language: str, form: Any, tmp_path: Path) -> None:
    header, states = LINES[language]
    paid, cancelled, unpaid, refunded = states.split(";")
    header = form(header).replace('"', '""')
    rows = [
        f"1;7;a@x.example;2024-01-05;P1;2;10,50;EUR;{paid}",
        f"1;7;a@x.example;2024-01-05;P2;1;4,00;EUR;{paid}",
        f"2;8;b@x.example;2024-01-06;P1;1;10,50;EUR;{cancelled}",
        f"3;8;b@x.example;2024-01-07;P1;1;10,50;EUR;{unpaid}",
        f"4;8;b@x.example;2024-01-08;P1;1;10,50;EUR;{refunded}",
    ]
    names = ";".join(f'"{name}"' for name in header.split(";"))
    events = read(tmp_path, "\n".join([names, *rows]) + "\n")
    orders = [one for one in events if one["type"] == "order.completed"]
    assert [(one["order_id"], one["customer_id"], one["total"]) for one in orders] == [
        ("1", "7", 25.0),
        ("4", "8", 10.5),
    ]
    assert [(one["product_id"], one["quantity"], one["price"]) for one in orders[0]["products"]] == [
        ("P1", 2, 10.5),
        ("P2", 1, 4.0),
    ]
    assert [(one["order_id"], one["total"]) for one in events if one["type"] == "order.refunded"] == [("4", 10.5)]
    addresses = [one["traits"]["email"] for one in events if one["type"] == "profile.updated"]
    assert addresses == ["a@x.example", "b@x.example"]


@pytest.mark.parametrize("form", [str, plain])
@pytest.mark.parametrize("language", ORDERS)
def test_orders_of_one_row_are_found(language: str, form: Any, tmp_path: Path) -> None:
    names = ";".join(f'"{name}"' for name in form(ORDERS[language]).replace('"', '""').split(";"))
    events = read(
        tmp_path,
        f"{names}\n1;Ada Star;a@x.example;2024-01-05;1.234,50\n2;Bo Leaf;b@x.example;2024-01-06;20,00\n",
    )
    orders = [one for one in events if one["type"] == "order.completed"]
    assert [(one["order_id"], one["customer_id"], one["total"]) for one in orders] == [
        ("1", "a@x.example", 1234.5),
        ("2", "b@x.example", 20.0),
    ]


def test_no_word_says_two_things() -> None:
    for heads in words_of_states._WORDS.values():
        words = [word for text in heads.values() for word in text.split("; ")]
        assert len(words) == len(set(words))
    everywhere = {head: set(words_of_states.more_states(head)) for head in ("void", "returned", "refunds", "paid")}
    assert not (everywhere["void"] | everywhere["returned"] | everywhere["refunds"]) & everywhere["paid"]
    assert not everywhere["void"] & (everywhere["returned"] | everywhere["refunds"])
    for fields in words_of_columns._WORDS.values():
        names = [name for field, text in fields.items() for name in text.split("; ")]
        assert len(names) == len(set(names)), {name for name in names if names.count(name) > 1}
