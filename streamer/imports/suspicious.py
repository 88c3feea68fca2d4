"""Find suspicious patterns in a file whose rows are all readable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.messages.translatable import Translatable, translatable
from streamer.imports.checked import Checked

Ints = NDArray[np.int64]

_PLACEHOLDER: Final = re.compile(
    r"(test|demo|dummy|sample)[-_ .]*\d?(@.*)?|"
    r"(admin|nobody|noreply|no-?reply|customer|kunde|client|walk-?in( customer)?|pos|匿名|匿名用户|游客|散客|测试)(@.*)?|"
    r"guest[-_ .]?(customer|user|order|checkout)?|gast(bestellung|kunde)?|invit[ée]|invitado|ospite|гость|ゲスト|비회원|"
    r"cash( sale)?|barverkauf|laufkunde|"
    r"x+|-+|\?+|1234(5(6(7(89?)?)?)?)?|(?P<sign>.)(?P=sign){3,}",
    re.IGNORECASE,
)
_ENOUGH: Final = 20
"""Minimum number of orders for shares to be meaningful."""
_MANY_TIMES: Final = 50
_DAY_MS: Final = 86_400_000
_MONTHLY: Final = 5
"""Orders per month above which an empty month is unlikely to be chance (e^-5)."""
_REFUSED: Final = 0.05
_HARMLESS: Final = frozenset(("left_out", "repeated"))


def looks(
    found: Checked, lines: Ints, amounts: Ints, times: Ints, unit: int, at_midnight: bool
) -> Iterator[Translatable]:
    """Yield warnings to check before the import.

    Parameters
    ----------
    lines, amounts
        Line and money in minor units of each order.
    times
        Event times in line order, epoch ms.
    unit
        Minor units per major unit of the shop's currency.
    at_midnight
        Whether all events are at midnight in the shop's time zone.
    """
    if not found.events:
        yield translatable("check look nothing")
        return
    for currency, count in found.unrated.most_common() if found.fates["unknown_currency"] else ():
        yield translatable("check look rate", count=count, currency=currency)
    yield from _refused(found)
    yield from _people(found)
    yield from _amounts(lines, amounts, unit)
    yield from _times(found, times)
    if at_midnight and len(times) >= _ENOUGH:
        yield translatable("check look midnight")


def _refused(found: Checked) -> Iterator[Translatable]:
    refused = {reason: count for reason, count in found.refused.items() if reason not in _HARMLESS}
    if found.rows and sum(refused.values()) > _REFUSED * found.rows:
        most = max(refused, key=lambda reason: refused[reason])
        yield translatable("check look refused", share=sum(refused.values()) / found.rows, reason=reason_text(most))


def _people(found: Checked) -> Iterator[Translatable]:
    orders = found.applied.orders
    if found.largest and orders >= _ENOUGH:
        id, most, _ = found.largest[0]
        if most > 0.25 * orders:
            yield translatable("check look one customer", id=id, orders=most, all=orders)
    strange = [id for id, _, _ in found.largest if _PLACEHOLDER.fullmatch(id)]
    if strange:
        yield translatable("check look placeholder", ids=", ".join(strange))
    if found.orders_by_customer[1] >= 2 * _ENOUGH and max(found.orders_by_customer) == 1:
        yield translatable("check look all once")


def _amounts(lines: Ints, amounts: Ints, unit: int) -> Iterator[Translatable]:
    paid = amounts[amounts > 0]
    if len(paid) < _ENOUGH:
        return
    usual = float(np.median(paid))
    if unit > 1 and usual >= 1_000 * unit and not (paid % unit).any():
        yield translatable("check look cents")
        return
    far = lines[(amounts > _MANY_TIMES * usual) & (amounts % unit == 0)]
    if len(far):
        yield translatable("check look factor", count=len(far), lines=", ".join(map(str, np.sort(far)[:10])))


def _times(found: Checked, times: Ints) -> Iterator[Translatable]:
    steps = np.diff(times)
    steps = steps[np.abs(steps) > _DAY_MS]
    if len(steps) >= _ENOUGH and 0.2 < (steps < 0).mean() < 0.8:
        yield translatable("check look unordered")
    months = list(found.months)
    # With few orders per month, an empty month may be chance.
    if not months or found.applied.orders < _MONTHLY * (_month(months[-1]) - _month(months[0]) + 1):
        return
    for one, other in pairwise(months):
        first, last = _month(one) + 1, _month(other) - 1
        if last >= first:
            span = dict.fromkeys((_named(first), _named(last)))
            yield translatable("check look gap", months=" – ".join(span))


def _month(name: str) -> int:
    day = date.fromisoformat(f"{name}-01")
    return day.year * 12 + day.month - 1


def _named(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


def reason_text(reason: str) -> str:
    """Return why rows or events are left out, in words, or the reason's name if it has no text."""
    try:
        return translatable(f"reason {reason}")
    except KeyError:
        return reason
