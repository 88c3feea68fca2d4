"""Suggests borders from the shop's own customers: quantiles of their spend and of their lateness.

Spend and order frequency are taken from active buyers only: lost customers have almost no decayed spend left, and
after some years they would pull every border close to zero.

The result is a proposal for a person to read; it is never applied automatically. The sample has no customers who never
came back, so lateness borders describe when customers return, not how many do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

import numpy as np

from models.customer.customer import Customer
from models.features.features import FEATURES, PRIOR_GAP_MS, PRIOR_GAPS, FeatureContext, top_category
from models.messages.count import Count
from models.rules.defaults import DEFAULT_TEXT
from models.rules.expressions import KEYWORDS

FEWEST_BUYERS = 50
LOST = 6.0
"""Inactivity, in the customer's own order gaps, that ends active buying; the start of the built-in ``lost``."""
_MOST_CATEGORIES = 8
_SPEND_SHARES = (0.5, 0.8, 0.95)
_LATE_SHARES = (0.9, 0.97, 0.99)
_ORDER_SHARES = (0.75, 0.93)


@dataclass(slots=True)
class Figures:
    """The customer figures from which borders are derived. Add customers, then call `suggest`."""

    customers: int = 0
    buyers: int = 0
    active: int = 0
    spend: list[float] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    categories: Counter[str] = field(default_factory=Counter)

    def add(self, customer: Customer, at: int, shop: FeatureContext) -> None:
        """Add one customer as of ``at`` (ms)."""
        self.customers += 1
        if customer.statistics.orders <= 0:
            return
        self.buyers += 1
        if FEATURES["lateness"].value(customer, at, shop) < LOST:
            self.active += 1
            self.orders.append(customer.statistics.orders)
            self.spend.append(FEATURES["spend_decayed"].value(customer, at, shop))
        if (category := top_category(customer)) is not None:
            self.categories[category] += 1
        self.late += returns([order.at for order in customer.book.orders if order.live])


def returns(orders: Sequence[int]) -> list[float]:
    """Return the lateness of each order after the first, in the customer's cadence before it; ``orders`` in ms, sorted.

    >>> returns([0, 45 * 86_400_000])
    [1.0]
    """
    return [
        (after - orders[count - 1])
        * (count - 1 + PRIOR_GAPS)
        / (orders[count - 1] - orders[0] + PRIOR_GAPS * PRIOR_GAP_MS)
        for count, after in enumerate(orders)
        if count
    ]


def suggest(figures: Figures) -> dict[str, Any]:
    """Return suggested borders of ``value`` and ``lifecycle``, JSON-safe; only a ``note`` if there are too few buyers."""
    if figures.active < FEWEST_BUYERS:
        return {
            "customers": figures.customers,
            "buyers": figures.buyers,
            "active": figures.active,
            "note": f"{Count(figures.active):|active buyer} {Count(figures.active):~is|are} too few to draw borders from; "
            "the built-in ones work from the first, "
            f"and from {FEWEST_BUYERS} active buyers on this command has something to say",
        }
    spend = rising([rounded(float(value)) for value in np.quantile(figures.spend, _SPEND_SHARES)])
    late = np.quantile(figures.late, _LATE_SHARES) if len(figures.late) >= FEWEST_BUYERS else np.array([2.0, 4.0, 6.0])
    lateness = rising([max(1.5, round(float(value), 1)) for value in late], 0.5)
    loyal, champion = (int(np.ceil(value)) for value in np.quantile(figures.orders, _ORDER_SHARES))
    loyal = max(3, loyal)
    return {
        "customers": figures.customers,
        "buyers": figures.buyers,
        "active": figures.active,
        "returns": len(figures.late),
        "spend_decayed": dict(zip(("medium", "high", "top"), spend, strict=True)),
        "lateness": dict(zip(("at_risk", "hibernating", "lost"), lateness, strict=True)),
        "categories": dict(figures.categories.most_common(_MOST_CATEGORIES)),
        "orders": {"loyal": loyal, "champion": max(champion, loyal + 2)},
    }


def file_of(figures: dict[str, Any]) -> str:
    """Return the built-in file with the suggested borders, and a header that names the sample."""
    spend, late, orders = figures["spend_decayed"], figures["lateness"], figures["orders"]
    text = DEFAULT_TEXT
    for segment, old in (("medium", "50, exit = 45"), ("high", "200, exit = 180"), ("top", "1000, exit = 900")):
        front, border = f'{{ segment = "{segment}", from = ', spend[segment]
        text = _put(text, f"{front}{old}", f"{front}{border:g}, exit = {_below(border):g}")
    for segment, old in (("lost", "6 exit 5.5"), ("hibernating", "4 exit 3.6"), ("at_risk", "2 exit 1.8")):
        front, border = f'{{ segment = "{segment}", when = "lateness >= ', late[segment]
        text = _put(text, f"{front}{old}", f"{front}{border:g} exit {_below(border):g}")
    text = _put(text, "orders >= 8", f"orders >= {orders['champion']}")
    text = _put(text, '"orders >= 4"', f'"orders >= {orders["loyal"]}"')
    for old, new in (
        ("four orders or more", f"{orders['loyal']} orders or more"),
        ("eight orders or more", f"{orders['champion']} orders or more"),
        ("silent for twice the", f"silent for {late['at_risk']:g} times the"),
        ("silent for four times", f"silent for {late['hibernating']:g} times"),
        ("silent for six times", f"silent for {late['lost']:g} times"),
    ):
        text = _put(text, old, new)
    text = _with_categories(text, list(figures["categories"]))
    return (
        f"# Suggested from {Count(figures['active']):|active buyer} of {Count(figures['customers']):|customer}:\n"
        f"# value: half of these buyers spend less than the first border of late, 80 % less than the second, 95 % the third.\n"
        f"# lateness: of {Count(figures['returns']):|order} after a first, 90 %, 97 % and 99 % came before these borders.\n"
        f"# orders: a quarter of these buyers have as many as a loyal one, 7 % as many as a champion.\n\n" + text
    )


def _with_categories(text: str, categories: Sequence[str]) -> str:
    """Add a rule to ``needs`` for each category that some customers buy most; ``needs`` stays inactive."""
    ids: dict[str, str] = {}
    for category in categories:
        # Categories that cannot be quoted are rare enough to skip.
        if '"' not in category and "\\" not in category and category.isprintable():
            ids[_id_of(category, ids.values())] = category
    rule = '    { segment = "focused", when = "top_share >= 0.4 exit 0.35" },\n'
    rules = "".join(
        f'    {{ segment = "{id}", when = \'top_category is "{category}" and top_share >= 0.4 exit 0.35\' }},\n'
        for id, category in ids.items()
        if "'" not in category
    )
    names = "".join(
        f'{id} = {{ name = "{category[:100]}", meaning = "buys mostly {category[:100]}" }}\n'
        for id, category in ids.items()
        if "'" not in category
    )
    return _put(_put(text, rule, rules + rule), "[needs.segments]\n", "[needs.segments]\n" + names)


def _id_of(category: str, taken: Iterable[str]) -> str:
    """Return a segment id derived from a category's name.

    >>> _id_of("Tea & Coffee", []), _id_of("茶", ["category_1"])
    ('tea_coffee', 'category_2')
    """
    held = {*taken, "focused", "mixed", "unknown", *KEYWORDS}
    slug = re.sub(r"[^a-z0-9]+", "_", category.lower()).strip("_")[:40]
    if re.match("[a-z]", slug) and slug not in held:
        return slug
    return next(id for number in range(1, 10_000) if (id := f"category_{number}") not in held)


def rounded(value: float) -> float:
    """Round to two significant digits, as people write borders.

    >>> rounded(1234.5), rounded(0.0), rounded(57.3)
    (1200.0, 1.0, 57.0)
    """
    if value < 1:
        return 1.0
    digits = 1 - floor(log10(value))
    return float(round(value, digits))


def rising(values: Iterable[float], step: float = 1.0) -> list[float]:
    """Return the values, each raised to at least ``step`` above the previous one."""
    found: list[float] = []
    for value in values:
        found.append(value if not found or value >= found[-1] + step else round(found[-1] + step, 2))
    return found


def _below(border: float) -> float:
    return round(border * 0.9, 2)


def _put(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise ValueError(f"the built-in file holds {old!r} {text.count(old)} times")
    return text.replace(old, new)
