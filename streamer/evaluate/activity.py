"""Customers' activity with one row per customer and day: the input of the bench.

The rows are the buckets that the behaviour memory would hold at the end of each day, so playing them equals folding the
events one by one, without JSON, order books and rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.behaviour import bucket
from models.behaviour.layout import FloatArray, IntArray
from streamer.simulator.arrivals import DAY_MS
from streamer.simulator.baskets import CANCELLATION, FULL_REFUND, PART_REFUND, Orders, Reversals
from streamer.simulator.catalogue import CATEGORIES, RUNGS
from streamer.simulator.config import ShopConfig
from streamer.simulator.simulate import Block, Shop
from streamer.simulator.world import World


@dataclass(frozen=True, slots=True)
class Activity:
    """An event stream, aggregated by customer and day.

    Attributes
    ----------
    customers
        Ids; arrays of customers hold indices into this list.
    first_day
        Grid day on which day 0 begins; days below count from there.
    days
        Length of the history.
    day, customer
        Shape (rows,), ascending by day, then customer.
    buckets
        Shape (rows, B_WIDTH), as ``models.behaviour.bucket``.
    events
        Shape (days,), number of events on each day.
    met
        Shape (customers,), day of the first event; ``days`` for customers without one.
    """

    customers: list[str]
    first_day: int
    days: int
    day: IntArray
    customer: IntArray
    buckets: FloatArray
    events: IntArray
    met: IntArray

    @property
    def edges(self) -> IntArray:
        """The first row of each day, shape (days + 1,)."""
        return np.searchsorted(self.day, np.arange(self.days + 1)).astype(np.int64)


def of_shop(config: ShopConfig) -> Activity:
    """Return the activity of a simulated shop. Days are UTC days, as in the shop."""
    shop = Shop(config)
    parts = [_of_block(block, shop._world) for block in shop.blocks()]
    at, customer, bucket_rows, events = (np.concatenate(column) for column in zip(*parts, strict=True))
    return fold(
        shop.ids, config.start // DAY_MS, config.days, (at - config.start) // DAY_MS, customer, bucket_rows, events
    )


def fold(
    ids: list[str],
    first_day: int,
    days: int,
    day: IntArray,
    customer: IntArray,
    rows: FloatArray,
    events: IntArray,
) -> Activity:
    """Add up rows (n, B_WIDTH) of the same customer and day; ``events`` holds the number of events in each row."""
    keys = day * len(ids) + customer
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=-1))
    summed = np.add.reduceat(rows[order], starts) if len(keys) else rows
    summed[:, bucket.B_OWN] = np.minimum(summed[:, bucket.B_OWN], 1.0)
    found, who = keys[starts] // len(ids), keys[starts] % len(ids)
    met = np.full(len(ids), days, dtype=np.int64)
    np.minimum.at(met, who, found)
    return Activity(
        customers=ids,
        first_day=first_day,
        days=days,
        day=found,
        customer=who,
        buckets=summed,
        events=np.bincount(day, weights=events, minlength=days).astype(np.int64),
        met=met,
    )


_SLOTS: IntArray = np.array([bucket.slot_of(name) for name in CATEGORIES])
_Columns = tuple[IntArray, IntArray, FloatArray, IntArray]


def _of_block(block: Block, world: World) -> _Columns:
    orders, looks = block.orders, block.interactions
    bought = _order_rows(orders)
    clicked = np.zeros((len(looks.at), bucket.B_WIDTH))
    clicked[:, [bucket.B_INTERACTIONS, bucket.B_OWN]] = 1
    back = _reversal_rows(block.reversals, orders, bought)
    at = np.concatenate([orders.at, looks.at, block.reversals.at])
    customer = np.concatenate([orders.customer, looks.customer, orders.customer[block.reversals.order]])
    return at, customer, np.concatenate([bought, clicked, back]), np.ones(len(at), dtype=np.int64)


def _order_rows(orders: Orders) -> FloatArray:
    """Return one bucket per order."""
    money = (orders.gross - orders.discount).astype(np.float64)
    rows = np.zeros((len(money), bucket.B_WIDTH))
    rows[:, bucket.B_ORDERS] = rows[:, bucket.B_OWN] = 1
    rows[:, bucket.B_MONEY] = money
    rows[:, bucket.B_LOGS] = np.log(np.maximum(money, 1.0))
    rows[:, bucket.B_DISCOUNTED] = orders.percentage > 0
    order = np.repeat(np.arange(len(money)), np.diff(orders.first_line))
    category = orders.line_place % (RUNGS * len(CATEGORIES)) // RUNGS
    rows[order, _SLOTS[category]] = 1  # once per order, for any number of lines
    return rows


def _reversal_rows(reversals: Reversals, orders: Orders, bought: FloatArray) -> FloatArray:
    """Return the buckets of reversals: a whole order, or only money. Reversals are not the customer's own events."""
    rows = -bought[reversals.order]
    rows[:, bucket.B_OWN] = 0
    order = reversals.order
    first = orders.first_line[order]
    gross, total = orders.gross[order], orders.gross[order] - orders.discount[order]
    line = orders.line_price[first] * orders.line_quantity[first] * total // gross
    part = reversals.kind == PART_REFUND
    whole: NDArray[np.bool_] = (reversals.kind == FULL_REFUND) | (reversals.kind == CANCELLATION)
    whole |= part & (line >= total)  # reversing the only line of an order reverses the order
    rows[~whole] *= np.arange(bucket.B_WIDTH) == bucket.B_MONEY
    rows[part, bucket.B_MONEY] = -line[part]
    return rows
