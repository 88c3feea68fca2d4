"""Map column names in shops' exports to the fields they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from streamer.sources.contact_columns import CONTACTS, PEOPLE, are_full_names, bare, names_of
from streamer.sources.dialect import folded
from streamer.sources.words_of_columns import more_names

_NAMES: Final = {
    "order_id": (
        "amazon order id; order id; order number; order no; order #; order; orderid; invoice; invoice no; invoiceno; "
        "transaction id; receipt; receipt no; bestellnummer; bestellnr; bestell-nr; auftragsnummer; rechnungsnummer; rechnung; "
        "belegnummer; beleg; commande; numero de commande; n° commande; pedido; numero de pedido; ordine; 订单编号; 订单号; "
        "单号; 交易号; 注文番号; 주문번호; bestelnummer; ordernummer; numer zamówienia; номер заказа; заказ; "
        "ordrenummer; sipariş no"
    ),
    "customer_id": (
        "customer id; customerid; customer no; customer number; customer code; customer key; user id; userid; user no; "
        "user number; client id; client no; client number; member id; member no; member number; account id; account no; "
        "account number; buyer id; shopper id; kundennummer; kundennr; kunden-nr; kunden-id; kunde nr; kundencode; "
        "numéro client; numéro de client; n° client; id client; code client; identifiant client; id cliente; "
        "id de cliente; código cliente; código de cliente; número de cliente; n° cliente; codice cliente; "
        "客户编号; 客户编码; 客户号; 客户id; 会员编号; 会员号; 会员id; 用户编号; 用户id; 买家id; "
        "顧客id; 고객id; 고객번호; 顧客番号; 会員番号; klantnummer; müşteri no"
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
_LOGINS: Final = ("user", "member", "account", "会员", "用户", "买家会员名", "买家昵称", "买家会员", "会员昵称", "昵称")
"""Words for people whose columns hold self-chosen names."""

_OTHER_THINGS: Final = ("channel", "tax", "rep", "person", "manager", "region", "agent", "status", "type", "method")
"""Endings that change what a name means: a "sales channel" column does not hold sales."""
_STATES: Final = tuple(
    map(bare, ("status", "state", "estado", "situação", "stav", "durum", "tila", "állapot", "статус"))
)
"""Prefixes of bare names of state columns, such as an order's state."""
_AMAZON: Final = frozenset(("amazonorderid", "orderitemid", "amazonorderitemid", "asin"))
"""Bare column names that occur only in Amazon's order reports."""

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    field: (*names.split("; "), *more_names(field)) for field, names in _NAMES.items()
}
"""Names by field, in lower case, most specific first."""

KNOWN: Final = (
    *(name for names in NAMES.values() for name in names),
    *PEOPLE,
    *_LOGINS,
    *(name for names in CONTACTS.values() for name in names),
)
"""All known names, used to find a file's header."""

EVENT: Final = ("order_id", "customer_id", "occurred_at", "total", "currency", "discount", "coupon")
LINES: Final = ("product_id", "name", "category", "quantity", "price", "line_total")


def columns_of(header: Sequence[str], rows: Sequence[Mapping[str, str]] = ()) -> dict[str, str]:
    """Map each field to a column: the first of its names found in the header, in full or in part.

    Each column is used once. The customer column is preferably an id, then a word for people, then an e-mail address,
    then a phone number. ``rows`` (cells by column) reveal columns with people's names, which are not ids if there is an
    address.
    """
    left = {bare(name): name for name in reversed(header)}
    found: dict[str, str] = {}
    for whole in (True, False):
        for field, names in NAMES.items():
            if field in found or field == "customer_id":
                continue
            hit = next((one for name in map(bare, names) if (one := _hit(left, name, whole=whole)) is not None), None)
            if hit is not None:
                found[field] = left.pop(hit)
        if whole and (customer := _customer(left, rows)) is not None:
            found["customer_id"] = left.pop(customer)
    if not _AMAZON.isdisjoint(map(bare, header)) and bare(found.get("price", "")) == "itemprice":
        # In these reports, price and discount are totals of the line, not per piece.
        found["line_total"] = found.pop("price")
        found.pop("discount", None)
    return found


def _hit(left: Mapping[str, str], name: str, *, whole: bool) -> str | None:
    """Return the column with this name; with ``whole=False``, also one that begins or ends with it."""
    if name in left or whole or len(name) < 5:
        return name if name in left else None
    longer = (one for one in left if not one.endswith(_OTHER_THINGS) and not one.startswith(_STATES))
    return next((one for one in longer if one.startswith(name) or one.endswith(name)), None)


def _customer(left: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> str | None:
    """Return the column that identifies customers."""
    return next(_customer_columns(left, rows), None)


def _customer_columns(left: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield the columns that may identify customers, best first."""
    yield from _present(left, NAMES["customer_id"])
    addresses = list(_present(left, (*names_of("email"), *names_of("phone"))))
    people = list(_present(left, (*PEOPLE, *_LOGINS)))
    # People's names do not serve as ids if there is an address.
    named = _named(left, rows) if addresses else set()
    yield from (name for name in people if name not in named)
    yield from (one for one in left if one not in addresses and _is_id(left[one]))
    yield from addresses
    yield from people
    for name in map(bare, (*PEOPLE, *_LOGINS)):
        if (one := _hit(left, name, whole=False)) is not None:
            yield one


def _present(left: Mapping[str, str], names: Iterable[str]) -> Iterator[str]:
    return (one for one in map(bare, names) if one in left)


def _named(left: Mapping[str, str], rows: Sequence[Mapping[str, str]]) -> set[str]:
    """Return the people columns whose cells are full names."""
    return {one for one in _present(left, PEOPLE) if are_full_names([row.get(left[one], "") for row in rows])}


def _is_id(name: str) -> bool:
    """Return whether a name contains an id name as whole words: ``customer note`` does not contain ``customer no``."""
    words = re.split(r"[\W_]+", folded(name).strip())
    ids = [re.split(r"[\W_]+", one) for one in NAMES["customer_id"]]
    return any(words[: len(one)] == one or words[-len(one) :] == one for one in ids)
