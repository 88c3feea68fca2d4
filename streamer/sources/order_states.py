"""Find columns whose cells mark unpaid or refunded orders, by name and content.

Payment states count; delivery states do not, because a *pending* parcel is paid for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from streamer.sources.columns import ABSENT
from streamer.sources.dialect import folded
from streamer.sources.words_of_states import DELIVERY_NAMES, NO, STATE_NAMES, YES, more_states

MOST_STATES: Final = 40
"""A column with more distinct texts is not a state."""

_Words = Mapping[str, tuple[str, ...]]


def _plain(text: str) -> str:
    """Return a state without case, dashes and WooCommerce's prefix."""
    return (
        re.sub(r"[\s_-]+", " ", unicodedata.normalize("NFC", text).casefold().replace("i̇", "i"))
        .strip(" .!")
        .removeprefix("wc ")
    )


def _words(text: str, head: str | None = None) -> frozenset[str]:
    """Return the words of a text, plus those of other languages for the same kind of state."""
    more = () if head is None else more_states(head)
    return frozenset(map(_plain, (*text.split("; "), *more)))


_VOID: Final = _words(
    "canceled; cancelled; cancel; failed; failure; void; voided; declined; denied; rejected; expired; unpaid; not paid; "
    "draft; checkout draft; trash; deleted; abandoned; pending; pending payment; payment pending; awaiting payment; "
    "payment failed; payment error; on hold; quote; quotation; offer; proforma; pro forma; estimate; test; "
    "storniert; storno; abgebrochen; fehlgeschlagen; offen; unbezahlt; nicht bezahlt; abgelehnt; angebot; "
    "annulé; annulée; annule; annulee; échoué; échouée; impayé; impayée; en attente; en attente de paiement; devis; "
    "refusé; refusée; cancelado; cancelada; anulado; anulada; pendiente; pendiente de pago; fallido; rechazado; "
    "no pagado; presupuesto; annullato; annullata; in attesa; in attesa di pagamento; non pagato; fallito; "
    "pendente; aguardando pagamento; não pago; recusado; geannuleerd; in afwachting; mislukt; onbetaald; "
    "anulowane; anulowany; anulowana; nieopłacone; oczekuje na płatność; zrušeno; zrušená; nezaplaceno; "
    "avbruten; makulerad; obetald; annulleret; annullert; kansellert; peruutettu; törölve; fizetetlen; anulată; anulat; "
    "iptal; iptal edildi; ödenmedi; отменен; отменён; отменено; отменена; не оплачен; ожидает оплаты; скасовано; "
    "ακυρώθηκε; ملغي; בוטל; dibatalkan; đã hủy; ยกเลิก; ยกเลิกแล้ว; "
    "已取消; 取消; 交易关闭; 已关闭; 待付款; 等待买家付款; 未付款; 未支付; 支付失败; 交易取消; 已作废; 订单取消; "
    "待支付; 訂單取消; "
    "キャンセル; キャンセル済み; 未払い; 入金待ち; 취소; 취소완료; 결제대기; 입금대기; 주문취소",
    "void",
)
"""States in which nothing was paid, or not yet."""

_RETURNED: Final = _words(
    "refunded; fully refunded; returned; charged back; chargeback; reversed; erstattet; rückerstattet; zurückgezahlt; "
    "zurückgegeben; retourniert; remboursé; remboursée; retourné; retournée; reembolsado; reembolsada; devuelto; devuelta; "
    "devolvido; rimborsato; rimborsata; reso; terugbetaald; geretourneerd; zwrócone; zwrócony; vráceno; återbetald; "
    "refunderet; refundert; iade edildi; возвращен; возвращён; возвращено; возврат; "
    "已退款; 退款成功; 全额退款; 已退货; 退款完成; 返金済み; 返品済み; 환불; 환불완료; 반품완료",
    "returned",
)
"""States of fully refunded orders."""

_REFUNDS: Final = _words(
    "refund; refunds; return; credit; credit note; credit memo; creditnote; payment refund; gutschrift; retoure; "
    "erstattung; rückerstattung; remboursement; retour; avoir; reembolso; devolución; devolucion; abono; rimborso; "
    "nota di credito; terugbetaling; creditnota; zwrot; korekta; återbetalning; kreditnota; iade; "
    "退款; 退货; 返金; 返品; 환불처리",
    "refunds",
)
"""Types of rows that are refunds themselves."""

_PAID: Final = _words(
    "paid; completed; complete; succeeded; success; successful; settled; captured; processing; shipped; delivered; "
    "fulfilled; closed; sale; order; invoice; payment; charge; ok; approved; accepted; "
    "bezahlt; abgeschlossen; versendet; verschickt; geliefert; verkauf; payé; payée; terminé; terminée; expédiée; livrée; "
    "vente; pagado; pagada; completado; completada; enviado; entregado; pago; concluído; pagato; completato; spedito; "
    "betaald; voltooid; zrealizowane; opłacone; zaplaceno; betald; betalt; tamamlandı; ödendi; выполнен; оплачен; "
    "已完成; 交易成功; 已付款; 已支付; 已发货; 完成; 完了; 支払済み; 결제완료; 배송완료",
    "paid",
)

_STATE_NAMES: Final = re.compile(
    r"stat(us|e|ut|o|i)\b|status|condition|payment|financial|\bzahlung|\btype\b|\bkind\b|\btyp\b|\btipo\b|\bart\b|zustand|"
    r"estado|stan\b|stav\b|durum|situa|状态|狀態|类型|類型|収支|ステータス|状況|種別|상태|статус|состояние|"
    + STATE_NAMES
)
_OF_ORDERS: Final = re.compile(
    r"stat(us|ut|o|i)\b|status|condition|zustand|estado|stan\b|stav\b|durum|situa|状态|狀態|ステータス|状況|상태|статус|состояние"
)
_DELIVERY: Final = re.compile(
    r"fulfil|shipping|shipment|deliver|versand|liefer|livraison|expédition|env[ií]o|entrega|spedizione|consegna|dostaw|"
    r"transport|method|methode|zahlungsart|zahlungsweise|物流|发货|配送|出荷|배송|" + DELIVERY_NAMES
)
_VOID_FLAG: Final = re.compile(
    r"(is |was |order )?(cancell?ed|cancell?ation|void(ed)?|deleted|test( order)?|draft|spam|fraud)( order)?|"
    r"storniert|storno|annulliert|testbestellung|gelöscht|annulée?|cancelad[oa]|anulad[oa]|annullat[oa]|geannuleerd|"
    r"已取消|是否取消|取消|作废|zrušeno|avbruten|annulleret|annullert|kansellert|peruttu|peruutettu|törölve|ακυρώθηκε|скасовано|"
    r"отменен|iptal( edildi)?|ملغي|בוטל|ยกเลิก|đã h[ủu]y|dibatalkan"
)
_RETURNED_FLAG: Final = re.compile(
    r"(is |was )?(refunded|returned)|erstattet|retourniert|remboursée?|reembolsad[oa]|已退款|是否退款"
)
_PAID_FLAG: Final = re.compile(
    r"(is |was )?(paid|completed?)|bezahlt|payée?|pagad[oa]|pagat[oa]|betaald|opłacone|已付款|已支付|是否付款|是否支付|"
    r"pag[oa]|zaplaceno|betald|betalt|maksettu|(ki)?fizetve|πληρωμέν[ηο]|оплачено|ödendi|مدفوع|שולם|ชำระแล้ว|đã thanh toán|dibayar"
)
_WHEN_VOID: Final = re.compile(
    r"(cancell?(ed|ation)?|void(ed)?|storno|stornierungs?|annulation|cancelación|取消)[ -]?"
    r"(at|on|date|time|reason|datum|grund|zeit|时间|日期|原因)|date d.annulation|motif d.annulation|stornierungsgrund"
)
_YES: Final = _words(f"true; yes; y; 1; x; ja; oui; si; sí; sim; 是; да; evet; はい; {YES}")
_NO: Final = _words(f"false; no; n; 0; nein; non; não; 否; нет; hayır; いいえ; {NO}")
_NONE: Final = ABSENT | {"", "-", "–", "—"}


@dataclass(frozen=True, slots=True)
class States:
    """A file's order states as conditions of a mapping: texts by column.

    Attributes
    ----------
    void
        Rows that are not paid orders.
    only
        Columns that must hold one of these texts; cancellation columns must be empty.
    returned
        Fully refunded orders; at most one column.
    refunds
        Rows that are refunds themselves; at most one column.
    """

    void: _Words = field(default_factory=dict)
    only: _Words = field(default_factory=dict)
    returned: _Words = field(default_factory=dict)
    refunds: _Words = field(default_factory=dict)


def states_of(seen: Mapping[str, Collection[str]]) -> States:
    """Return the states of a file.

    Parameters
    ----------
    seen
        The distinct texts of each column in the whole file. A column with more than `MOST_STATES` is not a state, unless
        its name says when or why an order was cancelled.

    >>> states_of({"Status": ["Paid", "Cancelled"], "Shipping status": ["pending"]}).void
    {'Status': ('Cancelled',)}
    """
    void: dict[str, tuple[str, ...]] = {}
    only: dict[str, tuple[str, ...]] = {}
    returned: dict[str, tuple[str, ...]] = {}
    refunds: dict[str, tuple[str, ...]] = {}
    for column, texts in seen.items():
        name = folded(re.sub(r"[_?]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)))
        if _WHEN_VOID.fullmatch(name):
            none = tuple(text for text in texts if text.casefold() in _NONE)
            if len(none) < len(texts):
                only[column] = tuple(dict.fromkeys(("", *none)))
        elif len(texts) <= MOST_STATES:
            _add(void, column, [*_flagged(name, texts, _VOID_FLAG, _YES), *_flagged(name, texts, _PAID_FLAG, _NO)])
            _add(returned, column, _flagged(name, texts, _RETURNED_FLAG, _YES))
            if _is_state(name, texts):
                _add(void, column, _among(texts, _VOID))
                _add(returned, column, _among(texts, _RETURNED))
                _add(refunds, column, _among(texts, _REFUNDS))
    return States(void, only, _first(returned), _first(refunds))


def _add(found: dict[str, tuple[str, ...]], column: str, texts: list[str]) -> None:
    if texts:
        found[column] = (*found.get(column, ()), *texts)


def _first(found: _Words) -> _Words:
    return dict(list(found.items())[:1])


def is_flag(texts: Collection[str]) -> bool:
    """Return whether a column holds only yes and no."""
    there = [text.casefold() for text in texts if text.casefold() not in _NONE]
    return bool(there) and all(text in _YES | _NO for text in there)


def _flagged(name: str, texts: Collection[str], names: re.Pattern[str], wanted: frozenset[str]) -> list[str]:
    """Return the texts of a yes/no column that are in ``wanted``, if its name matches ``names``."""
    if not names.fullmatch(name) or not is_flag(texts):
        return []
    return [text for text in texts if text.casefold() in wanted]


def is_of_orders(column: str) -> bool:
    """Return whether a column, by its name, holds order states rather than types of rows.

    >>> is_of_orders("Order status"), is_of_orders("Type")
    (True, False)
    """
    return _OF_ORDERS.search(folded(column)) is not None


def _is_state(name: str, texts: Collection[str]) -> bool:
    """Return whether a column holds order states, by its name or by most of its texts."""
    if _DELIVERY.search(name):
        return False
    if _STATE_NAMES.search(name):
        return True
    there = [text for text in texts if text.casefold() not in _NONE]
    known = _VOID | _RETURNED | _REFUNDS
    return len(there) > 1 and all(_plain(text) in known or not _PAID.isdisjoint(_plain(text).split()) for text in there)


def _among(texts: Collection[str], words: frozenset[str]) -> list[str]:
    return [text for text in texts if _plain(text) in words]
