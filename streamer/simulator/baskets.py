"""Contents of orders, products viewed, and refunds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.events import InteractionType
from streamer.simulator.archetypes import Spread
from streamer.simulator.arrivals import DAY_MS, Arrivals, in_season
from streamer.simulator.catalogue import LADDER, RUNGS, rung_for
from streamer.simulator.population import Floats, Ints, pick_category
from streamer.simulator.world import World

PERCENTAGES: Ints = np.array([5, 10, 15, 20, 30])
# A seed draws indices into this table, so a different order would produce a different shop.
_SHARES: Final[Mapping[InteractionType, float]] = {
    "product.viewed": 0.46,
    "page.viewed": 0.18,
    "product.clicked": 0.12,
    "cart.added": 0.09,
    "email.opened": 0.07,
    "checkout.started": 0.03,
    "email.clicked": 0.03,
    "cart.removed": 0.02,
}
INTERACTIONS: tuple[str, ...] = tuple(_SHARES)
"""The interaction types of a simulated shop, most frequent first."""
FULL_REFUND, PART_REFUND, CANCELLATION, UNNAMED = range(4)
_REVERSAL_SHARES = (0.40, 0.25, 0.25, 0.10)
_QUANTITIES, _QUANTITY_SHARES = np.array([1, 2, 3, 6]), (0.72, 0.20, 0.05, 0.03)
_MAX_LINES = 6
_OUTLIER = (5.0, 20.0)
_T = TypeVar("_T", Floats, Ints)


@dataclass(frozen=True, slots=True)
class Orders:
    """Orders as columns. Lines of order ``i`` are those from ``first_line[i]`` to ``first_line[i + 1]``.

    Attributes
    ----------
    gross, discount
        Minor units; an order's total is their difference.
    percentage
        Percentage of the discount; 0 without one.
    line_place, line_quantity, line_price
        Shape (lines,): ``month * products + product``, number of pieces, minor units per piece.
    """

    customer: Ints
    at: Ints
    gross: Ints
    discount: Ints
    percentage: Ints
    first_line: Ints
    line_place: Ints
    line_quantity: Ints
    line_price: Ints


@dataclass(frozen=True, slots=True)
class Interactions:
    """Interactions as columns. ``kind`` is an index into ``INTERACTIONS``; ``place`` has the form of ``line_place``."""

    customer: Ints
    at: Ints
    visit: Ints
    kind: Ints
    place: Ints


@dataclass(frozen=True, slots=True)
class Reversals:
    """Refunded amounts, the order of each (its index in the same block), and the time."""

    order: Ints
    at: Ints
    kind: Ints


def draw_orders(world: World, arrivals: Arrivals, rng: np.random.Generator) -> Orders:
    """Draw baskets for the orders: log-normal sums, composed of products with the nearest prices."""
    people, scenario = world.population, world.scenario
    spell, count = arrivals.spell, len(arrivals.spell)
    basket = np.exp(people.log_basket[spell] + rng.normal(0.0, Spread().order_sd, count))
    if scenario.outliers:
        basket *= np.where(rng.random(count) < scenario.outliers, rng.uniform(*_OUTLIER, count), 1.0)

    lines = np.minimum(1 + rng.poisson(0.7, count), _MAX_LINES)
    first_line = np.concatenate([[0], np.cumsum(lines)])
    order = np.repeat(np.arange(count), lines)
    weight = rng.exponential(1.0, len(order)) + 0.3
    amount = basket[order] * weight / _sums(weight, first_line)[order]
    quantity = rng.choice(_QUANTITIES, size=len(order), p=_QUANTITY_SHARES)
    quantity = np.where(amount / quantity < LADDER[0], 1, quantity)
    # Amounts above the most expensive product become several pieces of it.
    quantity = np.maximum(quantity, np.rint(amount / LADDER[-1]).astype(np.int64))
    product = pick_category(people, spell[order], rng) * RUNGS + rung_for(amount / quantity)
    month = world.months(arrivals.at)[order]
    price = world.prices[month, product]
    gross = _sums(price * quantity, first_line)

    chance = people.discount[spell]
    if scenario.season_discount:
        season = in_season(scenario, world.config, (arrivals.at - world.config.start) / DAY_MS)
        chance = np.where(season, chance + (1 - chance) * scenario.season_discount, chance)
    percentage = np.where(rng.random(count) < chance, rng.choice(PERCENTAGES, size=count), 0)
    return Orders(
        customer=people.customer[spell],
        at=arrivals.at,
        gross=gross,
        discount=gross * percentage // 100,
        percentage=percentage,
        first_line=first_line,
        line_place=month * world.prices.shape[1] + product,
        line_quantity=quantity,
        line_price=price,
    )


def draw_interactions(world: World, arrivals: Arrivals, rng: np.random.Generator) -> Interactions:
    """Draw the products of interactions, near the customer's price level."""
    people, spell, count = world.population, arrivals.spell, len(arrivals.spell)
    amount = np.exp(people.log_basket[spell] - 0.5 + rng.normal(0.0, 0.6, count))
    product = pick_category(people, spell, rng) * RUNGS + rung_for(amount)
    return Interactions(
        customer=people.customer[spell],
        at=arrivals.at,
        visit=arrivals.visit,
        kind=rng.choice(len(INTERACTIONS), size=count, p=tuple(_SHARES.values())),
        place=world.months(arrivals.at) * world.prices.shape[1] + product,
    )


def draw_reversals(world: World, orders: Orders, end: int, rng: np.random.Generator) -> Reversals:
    """Draw refunds (days later) and cancellations (hours later) of some orders, all before ``end`` (ms)."""
    count = len(orders.at)
    order = np.flatnonzero(rng.random(count) < world.config.refunds)
    kind = rng.choice(len(_REVERSAL_SHARES), size=len(order), p=_REVERSAL_SHARES)
    hours = np.where(kind == CANCELLATION, rng.uniform(0.2, 12.0, len(order)), rng.uniform(24.0, 480.0, len(order)))
    at = orders.at[order] + (hours * 3_600_000).astype(np.int64)
    kept: NDArray[np.bool_] = at < end
    return Reversals(order[kept], at[kept], kind[kept])


def _sums(values: _T, first: Ints) -> _T:
    """Return the sums of ``values`` between the boundaries ``first``; no interval may be empty."""
    return np.add.reduceat(values, first[:-1]) if len(first) > 1 else values[:0]
