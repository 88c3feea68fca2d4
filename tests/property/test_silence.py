"""Test that inactivity moves everybody on time: rules and bands against a daily recomputation of every customer.

The reference knows no dues. It computes the features of all customers at each grid point from their orders, and applies
the declared borders.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from heart_logs import DAY, T0, Driver, LogMaker, order, view
from numpy.typing import NDArray

from models.rules.declared import load
from models.rules.defaults import DEFAULT_TEXT
from streamer.core.policy import Policy

CUSTOMERS = 10_000
YEAR = 365
FADING = """
[fading]
kind = "rules"
rules = [
    { segment = "settled", when = "age_days >= 300.5 and not orders_decayed >= 0.7 exit 0.35" },
    { segment = "warm", when = "orders_decayed >= 0.8 exit 0.5 or recency_days < 12.25" },
    { segment = "cold" },
]
[fading.segments]
settled = {}
warm = {}
cold = {}
"""
POLICY = Policy(definitions=load(DEFAULT_TEXT + FADING, 1))

Numbers = NDArray[np.float64]
Held = NDArray[np.bool_]


class Reference:
    """All customers as arrays; all times, including ``day``, are in days after the first record."""

    def __init__(self, orders: Sequence[Sequence[tuple[float, float]]], seen: Sequence[float]) -> None:
        self.seen = np.array(seen)
        self.count = np.array([len(one) for one in orders], dtype=np.float64)
        first = np.array([min((at for at, _ in one), default=np.nan) for one in orders])
        self.last = np.array([max((at for at, _ in one), default=np.nan) for one in orders])
        span = np.nan_to_num(self.last - first)
        self.cadence = (span + 90.0) / (np.maximum(self.count, 1) + 1)
        # As of day 0, to keep the numbers small.
        self.spend = np.array([sum(money * 2 ** (at / 25) for at, money in one) for one in orders])
        self.orders = np.array([sum(2 ** (at / 25) for at, _ in one) for one in orders])

    def value(self, day: float, held: NDArray[np.str_]) -> NDArray[np.str_]:
        spend = self.spend * 2 ** (-day / 25)
        names = ["low", "medium", "high", "top"]
        level = np.array([names.index(one) if one in names else 0 for one in held])
        found = np.zeros(len(held), dtype=int)
        for index, (enter, leave) in enumerate(((50, 45), (200, 180), (1000, 900)), 1):
            found[spend >= np.where(index <= level, leave, enter)] = index
        return np.array(names)[found]

    def lifecycle(self, day: float, held: NDArray[np.str_], value: NDArray[np.str_]) -> NDArray[np.str_]:
        recency = day - self.last
        late = recency / self.cadence

        def late_for(segment: str, enter: float, leave: float) -> Held:
            return np.asarray(late >= np.where(held == segment, leave, enter))

        rich = np.isin(value, ["high", "top"])
        return np.select(
            [
                self.count <= 0,
                late_for("lost", 6, 5.5) | (recency >= 365),
                late_for("hibernating", 4, 3.6),
                late_for("at_risk", 2, 1.8),
                self.count == 1,
                (self.count >= 8) & rich,
                self.count >= 4,
            ],
            ["prospect", "lost", "hibernating", "at_risk", "new", "champion", "loyal"],
            "active",
        )

    def fading(self, day: float, held: NDArray[np.str_]) -> NDArray[np.str_]:
        orders = self.orders * 2 ** (-day / 25)
        age = day - self.seen
        busy = orders >= np.where(held == "settled", 0.35, 0.7)
        warm = (orders >= np.where(held == "warm", 0.5, 0.8)) | (day - self.last < 12.25)
        return np.select([(age >= 300.5) & ~busy, warm], ["settled", "warm"], "cold")


def test_ten_thousand_silent_customers_move_once_and_on_the_day_for_a_year() -> None:
    random = Random(11)
    log = LogMaker(now=T0)
    happened: list[tuple[float, bytes]] = []
    orders: list[list[tuple[float, float]]] = []
    seen = []
    for number in range(CUSTOMERS):
        id, mine = f"c{number}", list[tuple[float, float]]()
        times = sorted(
            round(random.uniform(0, 60), 4) for _ in range(random.choices((0, 1, 2, 4, 9), (20, 50, 20, 10, 4))[0])
        )
        for index, at in enumerate(times):
            money = round(random.lognormvariate(4, 1.2), 2)
            mine.append((at, money))
            happened.append((at, order(f"{id}-{index}", id, T0 + round(at * DAY), money)))
        if not times:
            times = [round(random.uniform(0, 60), 4)]
            happened.append((times[0], view(id, id, T0 + round(times[0] * DAY))))
        orders.append(mine)
        seen.append(times[0])
    for at, body in sorted(happened):
        log.event(body, now=T0 + round(at * DAY))
    driver = Driver(POLICY)
    for start in range(0, len(log.records), 5_000):
        driver.feed(log.records[start : start + 5_000])
    began = len(driver.changes)
    start_segments = {
        name: np.array([driver.segment(f"c{n}", name) for n in range(CUSTOMERS)], dtype="U16")
        for name in ("value", "lifecycle", "fading")
    }
    driver.tick(T0 + (61 + YEAR) * DAY)
    moves = driver.changes[began:]
    assert {change.cause for change in moves} == {"time"} and len(moves) > 2 * CUSTOMERS

    reference = Reference(orders, seen)
    held = {name: found.copy() for name, found in start_segments.items()}
    published = {name: found.copy() for name, found in start_segments.items()}
    waiting = sorted(moves, key=lambda change: change.changed_at)
    position = 0
    passed = 0
    for day in range(61, 61 + YEAR + 1):
        while position < len(waiting) and waiting[position].changed_at <= T0 + day * DAY:
            change = waiting[position]
            published[change.segmentation][int(change.customer_id[1:])] = change.after
            position += 1
        value = reference.value(day, held["value"])
        now = {
            "value": value,
            "lifecycle": reference.lifecycle(day, held["lifecycle"], value),
            "fading": reference.fading(day, held["fading"]),
        }
        for name, found in now.items():
            wrong = np.flatnonzero(found != published[name])
            assert not len(wrong), (day, name, [(f"c{n}", found[n], published[name][n]) for n in wrong[:5].tolist()])
            passed += int((found != held[name]).sum())
            held[name] = found.astype("U16")
    assert position == len(waiting) and passed > 2 * CUSTOMERS
    # A border passed by inactivity is passed once: nobody returns.
    gone: dict[tuple[str, str], set[str | None]] = {}
    for change in waiting:
        been = gone.setdefault((change.customer_id, change.segmentation), set())
        been.add(change.before)
        assert change.after not in been
