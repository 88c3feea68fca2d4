"""Names that columns have in the exports of shops, and which field each stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from streamer.sources.dialect import folded

_NAMES: Final = {
    "order_id": (
        "order id; order number; order no; order #; order; orderid; invoice; invoice no; invoiceno; transaction id; "
        "receipt; receipt no; bestellnummer; bestellnr; bestell-nr; auftragsnummer; rechnungsnummer; rechnung; "
        "belegnummer; beleg; commande; numero de commande; n° commande; pedido; numero de pedido; ordine; 订单编号; 订单号; "
        "单号; 交易号; 注文番号; 주문번호; bestelnummer; ordernummer; numer zamówienia; номер заказа; заказ; "
        "ordrenummer; sipariş no"
    ),
    "customer_id": (
        "customer id; customer; customerid; customer email; email; e-mail; email address; buyer; user id; userid; "
        "user; client id; client; member; account; kundennummer; kundennr; kunden-nr; kunde; kunden-id; "
        "e-mail-adresse; courriel; cliente; email cliente; correo; "
        "客户编号; 客户; 会员; 会员号; 用户id; 用户; 买家; 买家会员名; 买家昵称; 买家会员; 会员昵称; 昵称; "
        "手机号; 邮箱; phone; "
        "phone number; mobile; telefon; handy; telefono; 手机; 联系手机; 顧客id; 고객; 고객id; 고객번호; 顧客番号; "
        "会員番号; klant; klantnummer; klient; клиент; покупатель; kund; kunde nr; müşteri"
    ),
    "occurred_at": (
        "order date; date; datetime; timestamp; time; created at; created; paid at; purchase date; invoice date; "
        "invoicedate; transaction date; sale date; datum; bestelldatum; rechnungsdatum; kaufdatum; zeit; zeitstempel; "
        "date de commande; fecha; fecha pedido; data; data ordine; "
        "下单时间; 订单时间; 付款时间; 支付时间; 创建时间; 日期; 时间; 交易时间; 注文日; "
        "注文日時; 購入日; 주문일; 주문일시; 결제일; when; besteldatum; data zamówienia; дата; дата заказа; dato; "
        "tarih; sipariş tarihi; ts; event timestamp; event time; order time; created on"
    ),
    "total": (
        "total; order total; grand total; amount; total amount; total price; sum; revenue; value; sales; net sales; "
        "paid; summe; gesamt; gesamtsumme; gesamtbetrag; betrag; umsatz; endbetrag; montant; montant total; importe; "
        "importe total; totale; importo; 金额; 总金额; 订单金额; 实付金额; 实付; 支付金额; 合计; 合計; 금액; 实付款; 付款金额; "
        "总价; 合計金額; 注文合計; 결제금액; 주문금액; totaal; bedrag; kwota; suma; сумма; итого; "
        "beløb; belopp; summa; tutar; toplam"
    ),
    "currency": "currency; currency code; währung; waehrung; devise; moneda; valuta; 币种; 货币",
    "discount": "discount; discount amount; rabatt; remise; descuento; 优惠金额; 折扣",
    "coupon": "coupon; coupon code; discount code; voucher; gutschein; gutscheincode; 优惠券; 优惠码",
    "refunded": (
        "refunded amount; refunded; refund; refund amount; amount refunded; total refunded; refunded total; "
        "erstattet; erstattung; rückerstattung; gutschrift; remboursé; reembolso; 退款金额; 退款"
    ),
    "product_id": (
        "sku; product id; productid; item sku; item id; article; article no; product; item; artikelnummer; "
        "artikel-nr; artikel; artikelnr; stock code; stockcode; référence; producto; 商品编号; 商品编码; 货号; 商品id; 商品"
    ),
    "name": "product name; item name; description; artikelname; bezeichnung; 商品名称; 商品标题",
    "category": "category; product category; kategorie; warengruppe; catégorie; categoría; 类目; 品类; 分类",
    "quantity": "quantity; qty; pieces; units; menge; anzahl; stück; quantité; cantidad; 数量; 件数",
    "price": "unit price; price; item price; einzelpreis; preis; stückpreis; prix; precio; 单价; 价格",
    "line_total": "line total; item total; positionssumme; zeilensumme; 小计",
}
NAMES: Final[Mapping[str, tuple[str, ...]]] = {field: tuple(names.split("; ")) for field, names in _NAMES.items()}
"""Names by field, in small letters, the most telling first."""

EVENT: Final = ("order_id", "customer_id", "occurred_at", "total", "currency", "discount", "coupon")
LINES: Final = ("product_id", "name", "category", "quantity", "price", "line_total")


def columns_of(header: Sequence[str]) -> dict[str, str]:
    """The column of each field: the first of its names that the header has, whole or as a part, each column once."""
    left = {_bare(name): name for name in reversed(header)}
    found: dict[str, str] = {}
    for whole in (True, False):
        for field, names in NAMES.items():
            if field in found:
                continue
            for name in map(_bare, names):
                hit = name if name in left else None
                if hit is None and not whole and len(name) >= 5:
                    hit = next((one for one in left if one.startswith(name) or one.endswith(name)), None)
                if hit is not None:
                    found[field] = left.pop(hit)
                    break
    return found


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", folded(name)) or folded(name)
