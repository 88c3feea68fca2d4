"""Hold the result of checking a file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from models.messages.translatable import Translatable
from streamer.sources.recount import ORDER

NAMED: Final = 1_000
"""Maximum number of lines listed per kind."""


@dataclass(slots=True)
class Side:
    """Number of orders and refunds, and their money in minor units of the shop's currency."""

    orders: int = 0
    order_money: int = 0
    refunds: int = 0
    refund_money: int = 0

    @property
    def net(self) -> int:
        """Orders less refunds, minor units."""
        return self.order_money - self.refund_money

    def add(self, kind: str, count: int, money: int) -> None:
        """Add orders or refunds."""
        if kind == ORDER:
            self.orders, self.order_money = self.orders + count, self.order_money + money
        else:
            self.refunds, self.refund_money = self.refunds + count, self.refund_money + money


@dataclass(frozen=True, slots=True)
class Difference:
    """A line whose counted and applied money differ. ``reason`` is None if the difference is unexplained."""

    line: int
    kind: str
    counted: int | None
    applied: int
    reason: str | None


@dataclass(slots=True)
class Checked:
    """The result of a check.

    Attributes
    ----------
    rows, refused
        Rows of the file, and the rows that produced no event by reason.
    events, fates
        Events produced, and a lane's result for each: ``applied``, ``duplicate``, or a dead-letter reason.
    counted, left_out, applied
        The recount, its part in lines with a reason to be left out, and what a lane applied.
    reasons
        Money of ``left_out`` by reason.
    differences
        Lines that differ, unexplained ones first, at most `NAMED`.
    unexplained
        Number of unexplained differences.
    months
        Money applied by month of the shop, ``YYYY-MM``: orders, refunds.
    unrated
        Orders and refunds in each currency without a rate.
    largest
        Order counts of the customers with the most orders.
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
        """Whether, line by line, the recount less the lines with a reason to be left out equals what was applied."""
        return self.unexplained == 0
