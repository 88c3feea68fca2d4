"""What a check of a file found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from models.messages.translatable import Translatable
from streamer.sources.recount import ORDER

NAMED: Final = 1_000
"""Lines of each kind that are named, at most."""


@dataclass(slots=True)
class Side:
    """Orders, refunds, and their money in minor units of the shop's currency."""

    orders: int = 0
    order_money: int = 0
    refunds: int = 0
    refund_money: int = 0

    @property
    def net(self) -> int:
        """Orders less refunds, minor units."""
        return self.order_money - self.refund_money

    def add(self, kind: str, count: int, money: int) -> None:
        """Count orders or refunds."""
        if kind == ORDER:
            self.orders, self.order_money = self.orders + count, self.order_money + money
        else:
            self.refunds, self.refund_money = self.refunds + count, self.refund_money + money


@dataclass(frozen=True, slots=True)
class Difference:
    """A line whose money was counted and is not what was applied; ``reason`` is None where nothing explains it."""

    line: int
    kind: str
    counted: int | None
    applied: int
    reason: str | None


@dataclass(slots=True)
class Checked:
    """What a check found.

    Attributes
    ----------
    rows, refused
        Rows of the file; those that became no event, by reason.
    events, fates
        Events made of them, and what a lane made of these: ``applied``, ``duplicate``, a reason of dead letters.
    counted, left_out, applied
        The recount; what of it lies in lines with a reason to be left out; what a lane applied.
    reasons
        Money of ``left_out`` by reason.
    differences
        Lines that differ, the unexplained first, `NAMED` at most.
    unexplained
        How many of them nothing explains.
    months
        Money applied by month of the shop, ``YYYY-MM``: orders, refunds.
    unrated
        Orders and refunds in each currency without a rate.
    largest
        Orders of those customers who have most.
    """

    rows: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    events: int = 0
    fates: Counter[str] = field(default_factory=Counter)
    counted: Side = field(default_factory=Side)
    left_out: Side = field(default_factory=Side)
    reasons: dict[str, Side] = field(default_factory=dict)
    applied: Side = field(default_factory=Side)
    differences: list[Difference] = field(default_factory=list)
    unexplained: int = 0
    customers: int = 0
    months: dict[str, list[int]] = field(default_factory=dict)
    largest: list[tuple[str, int, int]] = field(default_factory=list)
    orders_by_customer: Counter[int] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    unrated: Counter[str] = field(default_factory=Counter)
    looks: list[Translatable] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether the recount, less what has a reason to be left out, is what was applied, line by line."""
        return self.unexplained == 0
