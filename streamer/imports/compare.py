"""Compare what a lane applied of a file with an independent recount, line by line.

Each difference has a reason (the row was rejected, is a duplicate, became a dead letter) or is reported as unexplained.
Both sides are kept in arrays of about twenty bytes per event, whatever the size of the file.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from schemas.money import Rates
from streamer.imports.checked import NAMED, Checked, Difference, Side
from streamer.sources.recount import ORDER, REFUND, Counted

Ints = NDArray[np.int64]
_KINDS: Final = (ORDER, REFUND)
_MOST: Final = 1 << 62
"""Upper bound of any shop's amounts, in minor units. A lane rejects larger ones."""


class Reasons:
    """Reasons why lines are left out, one byte per line. The first of several reasons is kept."""

    def __init__(self) -> None:
        self.names: list[str | None] = [None]
        self._codes = bytearray()

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and line < len(self._codes) and self._codes[line] != 0

    def add(self, line: int, reason: str) -> None:
        """Record why a line is left out."""
        if line >= len(self._codes):
            self._codes.extend(bytes(line + 4_096 - len(self._codes)))
        if not self._codes[line]:
            self._codes[line] = self.code(reason)

    def code(self, reason: str | None) -> int:
        """Return a reason's number, at most 255."""
        if reason not in self.names:
            self.names.append(reason)
        return self.names.index(reason)

    def of(self, lines: Ints) -> Ints:
        """Return the reason numbers of lines, 0 for none."""
        codes = np.frombuffer(bytes(self._codes), np.uint8)
        inside = lines < len(codes)
        found = np.zeros(len(lines), np.int64)
        found[inside] = codes[lines[inside]]
        return found


@dataclass(slots=True)
class Applied:
    """A lane's results for the events of a file, in processing order.

    Attributes
    ----------
    lines, times
        Line on which each event begins, and its event time (epoch ms).
    kinds
        0 for neither, 1 for an order, 2 for a refund.
    money
        Change of the shop's revenue in minor units; refunds are negative.
    counts
        1 for an order or refund that counts, 0 for none, -1 for one that an event reversed.
    """

    lines: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    money: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("b"))
    kinds: bytearray = field(default_factory=bytearray)
    fates: bytearray = field(default_factory=bytearray)
    fate_names: list[str] = field(default_factory=lambda: ["applied"])

    def add(self, kind: int, money: int, count: int, fate: str) -> None:
        """Add the result of the next event, whose line and time were added before."""
        self.kinds.append(kind)
        self.money.append(money)
        self.counts.append(count)
        if fate not in self.fate_names:
            self.fate_names.append(fate)
        self.fates.append(self.fate_names.index(fate))

    def fate_counts(self) -> dict[str, int]:
        """Return the number of events by result."""
        counts = ((name, self.fates.count(code)) for code, name in enumerate(self.fate_names))
        return {name: count for name, count in counts if count}

    def orders(self) -> tuple[Ints, Ints]:
        """Return the lines and money of orders."""
        of = np.frombuffer(self.kinds, np.uint8) == 1
        return np.frombuffer(self.lines, np.int64)[of], np.frombuffer(self.money, np.int64)[of]


@dataclass(frozen=True)
class _ByLine:
    """Money and reason by key, ascending. A key is twice the line, plus one for a refund."""

    keys: Ints
    money: Ints
    reasons: Ints

    def at(self, keys: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
        """Return money and reason of keys (zero for missing ones), and a mask of the keys present."""
        if not len(self.keys):
            return np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64), np.zeros(len(keys), np.bool_)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        here = self.keys[places] == keys
        return np.where(here, self.money[places], 0), np.where(here, self.reasons[places], 0), here


def _by_line(keys: Ints, money: Ints, reasons: Ints) -> _ByLine:
    """Return money summed by key, with the first nonzero reason."""
    if not len(keys):
        return _ByLine(keys, money, reasons)
    # Sort lines with a reason before those without.
    order = np.lexsort((reasons == 0, keys))
    keys, starts = np.unique(keys[order], return_index=True)
    return _ByLine(keys, np.add.reduceat(money[order], starts), reasons[order][starts])


def compare(found: Checked, applied: Applied, counted: Iterable[Counted], refused: Reasons, rates: Rates) -> None:
    """Fill in what was counted, what was applied, and the differences."""
    taken = _taken(found, applied, refused)
    keys, money = _counted(found, counted, rates)
    _, fates, _ = taken.at(keys)
    lines = refused.of(keys >> 1)
    reasons = np.where(lines != 0, lines, fates)
    for code in np.unique(reasons).tolist():
        of = reasons == code
        for kind, name in enumerate(_KINDS):
            amounts = money[of & ((keys & 1) == kind)].tolist()
            if not amounts:
                continue
            found.counted.add(name, len(amounts), sum(amounts))
            if code:
                found.left_out.add(name, len(amounts), sum(amounts))
                found.reasons.setdefault(str(refused.names[code]), Side()).add(name, len(amounts), sum(amounts))
    named = list(_differences(found, taken, _by_line(keys, money, reasons), refused))
    # Unexplained differences come first; each group is in line order.
    found.differences = sorted(named, key=lambda one: one.reason is not None)[:NAMED]


def _taken(found: Checked, applied: Applied, refused: Reasons) -> _ByLine:
    kinds = np.frombuffer(applied.kinds, np.uint8).astype(np.int64)
    of = kinds > 0
    lines, money = np.frombuffer(applied.lines, np.int64)[of], np.frombuffer(applied.money, np.int64)[of]
    kinds, counts = kinds[of] - 1, np.frombuffer(applied.counts, np.int8)[of]
    money = np.where(kinds == 1, -money, money)
    for kind, name in enumerate(_KINDS):
        found.applied.add(name, int(counts[kinds == kind].sum()), sum(money[kinds == kind].tolist()))
    codes = [0, *(refused.code(name) for name in applied.fate_names[1:])]
    fates = np.asarray(codes, np.int64)[np.frombuffer(applied.fates, np.uint8)[of]]
    return _by_line(lines * 2 + kinds, money, fates)


def _counted(found: Checked, counted: Iterable[Counted], rates: Rates) -> tuple[Ints, Ints]:
    keys, money = array("q"), array("q")
    for one in counted:
        if one.currency is not None and one.currency not in rates.rates:
            found.unrated[one.currency] += 1
        keys.append(one.line * 2 + (one.kind == REFUND))
        money.append(_minor(one, rates))
    return np.frombuffer(keys, np.int64), np.frombuffer(money, np.int64)


def _minor(one: Counted, rates: Rates) -> int:
    """Return an amount in the shop's minor units; 0 if it is missing or impossibly large."""
    if one.amount is None:
        return 0
    rate = rates.rates.get(one.currency or rates.base)
    # A lane dead-letters an amount without a rate, so the recount keeps it in its own units.
    amount = one.amount if rate is None else one.amount * Decimal(repr(rate))
    minor = int(amount.scaleb(rates.places).to_integral_value())
    return minor if abs(minor) < _MOST else 0


def _differences(found: Checked, taken: _ByLine, counted: _ByLine, refused: Reasons) -> Iterator[Difference]:
    """Yield the differing lines, at most `NAMED` with a reason and `NAMED` without, and count all of the latter."""
    keys = np.union1d(taken.keys, counted.keys)
    money, fates, _ = taken.at(keys)
    expected, _, here = counted.at(keys)
    lines = refused.of(keys >> 1)
    reasons = np.where(lines != 0, lines, fates)
    # A refund that precedes its order is deducted when the order arrives, and the totals agree then.
    if found.counted.net - found.left_out.net == found.applied.net:
        pending = (reasons == 0) & ((keys & 1) == 1) & (money == 0)
        reasons[pending] = refused.code("pending")
    differ = money != expected
    explained, unexplained = differ & (reasons != 0), differ & (reasons == 0)
    found.unexplained = int(unexplained.sum())
    for which in (unexplained, explained):
        for at in np.flatnonzero(which)[:NAMED].tolist():
            line, kind = divmod(int(keys[at]), 2)
            was = int(expected[at]) if here[at] else None
            yield Difference(line, _KINDS[kind], was, int(money[at]), refused.names[int(reasons[at])])
