"""Find customers worth contacting and customers who need no offer, by their predictions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final

from streamer.queries.foreseen_of_many import Foreseen

SELDOM: Final = 0.2
"""Customers with a lower probability of ordering within 30 days are worth contacting, if money is expected."""
ANYWAY: Final = 0.6
"""Customers with at least this probability need no offer."""
MOST: Final = 5


@dataclass(frozen=True, slots=True)
class Call:
    """A customer worth contacting; money is in major units."""

    spend: float
    customer: str
    chance: float


@dataclass(slots=True)
class Reach:
    """The result of a pass over all customers.

    Attributes
    ----------
    known
        Number of customers with predictions.
    seldom, anyway
        Number of customers with a low and with a high probability.
    seldom_money, anyway_money
        Their expected spend within 90 days, in major units.
    calls
        Low-probability customers with the highest expected spend who allow offers, at most MOST.
    unasked
        Number of low-probability customers with expected spend who allow no offers.
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
            Ids of customers who allow no offers.
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
