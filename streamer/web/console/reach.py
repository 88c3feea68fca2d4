"""Customers worth a call, and customers who need none, by their predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final

from streamer.queries.foreseen_of_many import Foreseen

SELDOM: Final = 0.2
"""A customer with a lower probability of ordering within 30 days is worth a call, if money is expected."""
ANYWAY: Final = 0.6
"""A customer with at least this probability needs no offer."""
MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Call:
    """A customer worth a call; money in major units."""

    spend: float
    customer: str
    chance: float


@dataclass(slots=True)
class Reach:
    """The result of a pass over all customers.

    Attributes
    ----------
    known
        Customers with predictions.
    seldom, anyway
        Customers with a low and with a high probability.
    seldom_money, anyway_money
        Their expected spend within 90 days, major units.
    calls
        The low-probability customers with the highest expected spend, at most MOST; only those who allow offers.
    unasked
        Low-probability customers from whom money is expected, but who allow no offers.
    """

    known: int = 0
    seldom: int = 0
    anyway: int = 0
    seldom_money: float = 0.0
    anyway_money: float = 0.0
    calls: list[Call] = field(default_factory=list)
    unasked: int = 0

    def add(self, found: Mapping[str, Foreseen], unapproachable: Collection[str] = ()) -> None:
        """Add more customers.

        Parameters
        ----------
        unapproachable
            Ids of those who allow no offers.
        """
        self.known += len(found)
        calls = self.calls
        for id, one in found.items():
            chance, spend = one.values["p_buy_30d"], one.values["expected_spend_90d"]
            if chance < SELDOM:
                self.seldom += 1
                self.seldom_money += spend
                if spend > 0 and id in unapproachable:
                    self.unasked += 1
                elif spend > 0:
                    calls.append(Call(spend, id, chance))
            elif chance >= ANYWAY:
                self.anyway += 1
                self.anyway_money += spend
        self.calls = nlargest(MOST, calls, key=lambda call: (call.spend, call.customer))
