"""Segment cards: describe the customers of a segment in words, compared with the shop's average.

The numbers are computed from customers (rules and bands) or from a frozen model version (clusters). Simple comparisons
select the words. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from models.behaviour.layout import NEW_ID
from models.behaviour.model import ClusterModel
from models.behaviour.sums import plain_sum
from models.customer.customer import Customer
from models.features.features import FeatureContext, cadence_ms
from models.features.time import DAY_MS
from models.learning.naming import prototype_of
from models.learning.owner_types import LearnerConfig
from models.messages import Messages

_WEEK: Final = 7.0
_MONTH: Final = 30.44
_SELDOM_DAYS: Final = 1.5 * 365
"""Gap between orders, in days, from which on the text states no number of months."""


@dataclass(frozen=True, slots=True)
class Typical:
    """Typical figures of a group of customers; None if unknown.

    Parameters
    ----------
    gap_days
        Days between two orders.
    basket
        Money per order, in major units.
    discount_share
        Share of discounted orders, 0 to 1.
    clicks
        Interactions (or days with one) per day.
    silent_days
        Days since the last order.
    """

    gap_days: float | None = None
    basket: float | None = None
    discount_share: float | None = None
    clicks: float | None = None
    silent_days: float | None = None


@dataclass(slots=True)
class Group:
    """Running totals of the customers of one segment, or of the whole shop."""

    customers: int = 0
    buyers: int = 0
    orders: int = 0
    revenue: float = 0.0
    _discounted: int = 0
    _interactions: int = 0
    _days: float = 0.0
    _gaps: float = 0.0
    _silence: float = 0.0

    def add(self, customer: Customer, at: int, shop: FeatureContext) -> None:
        """Add a customer as of ``at`` (ms)."""
        statistics = customer.statistics
        self.customers += 1
        self.orders += statistics.orders
        self.revenue += statistics.spend / shop.minor_per_major
        self._discounted += statistics.discounted
        self._interactions += sum(statistics.interactions)
        self._days += max(at - customer.first_seen, DAY_MS) / DAY_MS
        if statistics.orders > 0 and statistics.last_order is not None:
            self.buyers += 1
            self._gaps += cadence_ms(customer) / DAY_MS
            self._silence += max(at - statistics.last_order, 0) / DAY_MS

    @property
    def typical(self) -> Typical:
        """The typical figures of its customers."""
        clicks = self._interactions / self._days if self._days else None
        if not self.buyers:
            return Typical(clicks=clicks)
        return Typical(
            gap_days=self._gaps / self.buyers,
            basket=self.revenue / self.orders if self.orders else None,
            discount_share=self._discounted / self.orders if self.orders else None,
            clicks=clicks,
            silent_days=self._silence / self.buyers,
        )


@dataclass(slots=True)
class Census:
    """All customers by segmentation and segment, and the shop as a whole."""

    shop: Group
    segments: dict[tuple[str, str], Group]

    def revenue_share(self, segmentation: str, segment: str) -> float | None:
        """Return the share of the shop's net revenue from a segment's customers; None without revenue."""
        group = self.segments.get((segmentation, segment))
        if self.shop.revenue <= 0:
            return None
        return 0.0 if group is None else group.revenue / self.shop.revenue


def census(customers: Iterable[Customer], at: int, shop: FeatureContext) -> Census:
    """Count customers, each as of ``at`` (ms) or of the customer's own ``as_of`` if that is later."""
    found = Census(Group(), {})
    for customer in customers:
        now = max(at, customer.as_of)
        found.shop.add(customer, now, shop)
        for segmentation, held in customer.segments.items():
            found.segments.setdefault((segmentation, held.segment), Group()).add(customer, now, shop)
    return found


def of_cluster(model: ClusterModel, segment_id: str, minor_per_major: int = 100) -> tuple[Typical, Typical] | None:
    """Return the figures of a cluster and the average of all clusters, from the version's statistics; None for ``new``.

    A segment's order rate counts days with an order, so a second order on one day adds nothing.
    """
    segment = model.by_id(segment_id)
    if segment_id == NEW_ID or segment is None:
        return None
    whole = plain_sum(s.share for s in model.segments) or 1.0
    rate = plain_sum(s.share * s.order_rate for s in model.segments) / whole
    money = plain_sum(s.share * s.order_rate * s.basket for s in model.segments) / whole
    cheap = plain_sum(s.share * s.order_rate * s.discount for s in model.segments) / whole
    clicks = plain_sum(s.share * s.click_rate for s in model.segments) / whole
    average = Typical(1 / rate, money / rate / minor_per_major, cheap / rate, clicks)
    own = Typical(1 / segment.order_rate, segment.basket / minor_per_major, segment.discount, segment.click_rate)
    return own, average


def in_words(own: Typical, shop: Typical, texts: Messages) -> str:
    """Describe a group, compared with the shop, in a few words.

    >>> from models.messages import messages
    >>> in_words(Typical(21.0, 80.0, 0.7, 0.1), Typical(40.0, 40.0, 0.3, 0.1), messages("en"))
    'buys every 3 weeks, twice the average basket, mostly discounted'
    >>> in_words(Typical(21.0, 80.0, 0.7, 0.1), Typical(40.0, 40.0, 0.3, 0.1), messages("zh"))
    '每 3 周买一次，客单价是平均的两倍，多在打折时购买'
    """
    found = [_pace(own.gap_days, texts), _basket(own.basket, shop.basket, texts), _discount(own, shop, texts)]
    found += [_clicks(own.clicks, shop.clicks, texts), _silence(own, texts)]
    return texts("between phrases").join(phrase for phrase in found if phrase)


def cluster_meaning(model: ClusterModel, segment_id: str, texts: Messages) -> str:
    """Describe a cluster's prototype, and its members in this shop."""
    found = of_cluster(model, segment_id)
    parts = [texts.cluster_meaning(prototype_of(segment_id)), "" if found is None else in_words(*found, texts)]
    return texts("meaning then words").join(part for part in parts if part)


def why_no_clusters(texts: Messages) -> str:
    """Explain which requirements of the first behaviour clusters are not met yet."""
    needs = LearnerConfig()
    return texts("no clusters yet", buyers=needs.min_buyers, days=needs.frame_days[0])


def _pace(gap_days: float | None, texts: Messages) -> str:
    if gap_days is None:
        return texts("card never")
    if gap_days >= _SELDOM_DAYS:
        return texts("card seldom")
    for unit, days, most in (("days", 1.0, 11.0), ("weeks", _WEEK, 70.0), ("months", _MONTH, _SELDOM_DAYS)):
        if gap_days < most:
            count = max(1, round(gap_days / days))
            return texts(f"card one {unit}") if count == 1 else texts(f"card many {unit}", count=count)
    raise AssertionError("the last bound is the largest")


def _basket(own: float | None, shop: float | None, texts: Messages) -> str:
    if own is None or not shop:
        return ""
    ratio = own / shop
    if ratio >= 2.5:
        return texts("card basket times", times=round(ratio))
    for least, key in ((1.75, "twice"), (1.25, "larger"), (0.8, "average"), (0.6, "smaller"), (0.4, "half")):
        if ratio >= least:
            return texts(f"card basket {key}")
    return texts("card basket tiny")


def _discount(own: Typical, shop: Typical, texts: Messages) -> str:
    share, usual = own.discount_share, shop.discount_share
    if share is None or usual is None:
        return ""
    if share >= 0.6:
        return texts("card discount mostly")
    if share >= usual + 0.15:
        return texts("card discount often")
    return texts("card discount hardly") if usual >= 0.15 and share <= usual / 2 else ""


def _clicks(own: float | None, shop: float | None, texts: Messages) -> str:
    if own is None or not shop:
        return ""
    ratio = own / shop
    return texts("card looks much") if ratio >= 1.5 else texts("card looks little") if ratio <= 0.4 else ""


def _silence(own: Typical, texts: Messages) -> str:
    """Describe the inactivity if it is long compared with the group's own order gap."""
    if own.silent_days is None or own.gap_days is None or own.silent_days < 2 * own.gap_days:
        return ""
    months = round(own.silent_days / _MONTH)
    return (
        texts("card silent months", count=months)
        if months >= 2
        else texts("card silent weeks", count=round(own.silent_days / _WEEK))
    )
