"""Generate orders by day, the panel rows that lanes would write for them, and a predictor that receives these."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import numpy as np

from models.behaviour.bucket import B_ORDERS
from models.behaviour.panel import PanelRow
from models.customer.customer import Customer
from models.customer.orders import Order
from models.features.time import DAY_MS, DayGrid
from models.prediction.model import PredictionModel
from models.prediction.order_record import record_of
from models.prediction.predictor import MONDAY, Predictor
from models.prediction.predictor_snapshot import pack, unpack
from streamer.evaluate.activity import of_shop
from streamer.simulator.config import ShopConfig

GRID, DAYS, CUSTOMERS = DayGrid(), 200, 80
FIRST = 20_000 - 20_000 % 7 + MONDAY

Orders = list[tuple[int, int]]
"""Day and customer, by day."""


def orders(seed: int, customers: int = CUSTOMERS, days: int = DAYS) -> Orders:
    """Return customers who order by chance, each at an individual rate."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.2, 0.05, customers)
    day, customer = np.nonzero(rng.random((days, customers)) < rates)
    return [(FIRST + int(one), int(who)) for one, who in zip(day, customer, strict=True)]


def shop_orders(scenario: str, seed: int, customers: int) -> Orders:
    """Return the order-days of a simulated shop."""
    activity = of_shop(ShopConfig(customers=customers, seed=seed, scenario=scenario))
    bought = activity.buckets[:, B_ORDERS] > 0
    days, who = activity.day[bought], activity.customer[bought]
    return [(FIRST + int(day), int(one)) for day, one in zip(days, who, strict=True)]


def told(history: Orders) -> Iterable[tuple[int, PanelRow]]:
    """Yield the panel rows that lanes would write, by day."""
    customers: dict[int, Customer] = {}
    for day, who in history:
        at = day * DAY_MS + 3_600_000 * 12
        customer = customers.setdefault(who, Customer(f"c{who}", (0, who), at))
        name = f"{day}-{who}".encode()
        customer.post(customer.book.add(Order(at, name, 2_000 + 10 * who, 1, 0, ())), 25.0 * DAY_MS)
        record = record_of(customer, GRID)
        assert record is not None
        yield day, PanelRow(customer.id, day, b"x", msgspec.Raw(record.packed))


def played(
    history: Orders,
    until: int,
    *,
    restarts: bool = False,
    each: Callable[[int, Predictor], None] = lambda day, predictor: None,
) -> tuple[Predictor, list[PredictionModel]]:
    """Return a predictor that runs once a day, and the versions it made; ``each`` is called before each run."""
    predictor, versions = Predictor(), []
    rows = list(told(history))
    at = 0
    for day in range(FIRST, until + 1):
        while at < len(rows) and rows[at][0] <= day:
            predictor.observe(rows[at][1])
            at += 1
        each(day, predictor)
        version = predictor.learn(day)
        if version is not None:
            versions.append(version)
        if restarts:
            predictor = unpack(pack(predictor))
    return predictor, versions
