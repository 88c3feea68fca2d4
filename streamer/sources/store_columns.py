"""Find the store column of files in which each store numbers its orders from one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from streamer.sources.columns import ABSENT
from streamer.sources.contact_columns import bare
from streamer.sources.proposed_refunds import is_negative

_WORDS: Final = (
    "store; store name; store id; store code; store view; store number; store no; shop; shop name; shop id; shop code; "
    "branch; branch name; outlet; location; location name; location id; channel; sales channel; site; website; "
    "marketplace; till; pos location; filiale; laden; standort; geschäft; verkaufskanal; kanal; magasin; boutique; "
    "point de vente; canal; canal de vente; tienda; sucursal; canal de venta; negozio; punto vendita; canale; winkel; "
    "vestiging; filiaal; verkoopkanaal; sklep; kanał; loja; canal de vendas; obchod; pobočka; butik; butikk; kanava; "
    "myymälä; kauppa; üzlet; bolt; κατάστημα; магазин; філія; филиал; mağaza; şube; المتجر; الفرع; חנות; סניף; ร้านค้า; สาขา; "
    "cửa hàng; chi nhánh; toko; cabang; 店铺; 店铺名称; 门店; 门店名称; 渠道; 店鋪; 門市; 通路; 店舗; 店舗名; 매장; 지점"
)
_NAMES: Final = frozenset(map(bare, _WORDS.split("; ")))
_MOST_STORES: Final = 40

Cells = Mapping[str, str]


def store_of(header: Iterable[str], seen: Mapping[str, Collection[str]], found: Mapping[str, str]) -> str | None:
    """Return the column that may name a row's store: it has a matching name, several texts and no empty cell.

    Parameters
    ----------
    seen
        The distinct texts of each column.
    found
        The column of each field of an order; they are never store columns.
    """
    if "order_id" not in found:
        return None
    for name in header:
        texts = seen.get(name, ())
        is_free = bare(name) in _NAMES and name not in found.values() and 1 < len(texts) <= _MOST_STORES
        if is_free and all(text and text.casefold() not in ABSENT for text in texts):
            return name
    return None


def ids_clash(rows: Iterable[Cells], store: str, found: Mapping[str, str]) -> bool:
    """Return whether two stores have an order with the same id but different days, times or totals.

    An order with lines in two stores has one time and, where each row is an order, one total. Negative rows refund an
    order, perhaps in another store, and do not count.
    """
    order, time = found["order_id"], found["occurred_at"]
    total = found.get("total") if not {"product_id", "quantity", "price"} & found.keys() else None
    amounts = [found[name] for name in ("total", "line_total", "quantity", "price") if name in found]
    known: dict[str, tuple[str, str, str]] = {}
    for row in rows:
        id = row.get(order, "").strip()
        if not id or any(is_negative(row, name) for name in amounts):
            continue
        one = (row.get(store, "").strip(), row.get(time, "").strip(), row.get(total, "").strip() if total else "")
        other = known.setdefault(id, one)
        if other[0] != one[0] and other[1:] != one[1:]:
            return True
    return False
