"""The simulated shop: customers with known truth, their history, and their live events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from streamer.simulator.arrivals import DAY_MS, interaction_arrivals, order_arrivals
from streamer.simulator.baskets import (
    Interactions,
    Orders,
    Reversals,
    draw_interactions,
    draw_orders,
    draw_reversals,
)
from streamer.simulator.config import ShopConfig
from streamer.simulator.extras import render_extras
from streamer.simulator.live import LiveShop
from streamer.simulator.noise import add_noise
from streamer.simulator.population import Ints
from streamer.simulator.render import Rendered, render_interactions, render_orders, render_reversals
from streamer.simulator.truth import CustomerTruth, truth_of
from streamer.simulator.world import build_world, generator
from streamer.sources.source import SourceEvent

# Days are drawn in blocks of about this many events: enough for NumPy, and small in memory.
_BLOCK_EVENTS = 50_000


@dataclass(frozen=True, slots=True)
class Block:
    """Columns of the customers' activity in the days ``[first_day, end_day)``, before rendering as JSON.

    Follow-up orders and reversals may be later than ``end_day``, but not than the history.
    """

    number: int
    first_day: int
    end_day: int
    orders: Orders
    interactions: Interactions
    reversals: Reversals


class Shop:
    """A simulated shop as a ``Source``: equal parameters produce equal bytes.

    >>> shop = Shop(ShopConfig(customers=20, days=30))
    >>> [event.value for event in shop.history()] == [event.value for event in shop.history()]
    True

    Attributes
    ----------
    rows
        Number of records returned; ``None`` before the first read.
    skipped
        Always empty, because every drawn record is returned.
    sent
        Counts of the last read: ``events``, ``late``, ``duplicates``, and ``broken:`` with the reason under which such
        records must be dead-lettered.
    """

    def __init__(self, config: ShopConfig) -> None:
        self.config = config
        self.rows: int | None = None
        self.skipped: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._world = build_world(config)

    @property
    def content_hash(self) -> str:
        """SHA-256 (hex) of the parameters."""
        return self.config.digest()

    @property
    def ids(self) -> list[str]:
        """Customers' ids; arrays of customers hold indices into this list."""
        return self._world.ids

    def events(self) -> Iterator[SourceEvent]:
        """Yield the whole history in order of arrival."""
        return self.history()

    def history(self) -> Iterator[SourceEvent]:
        """Yield the whole history in order of arrival, including events that arrive after its end."""
        self.rows, self.sent = 0, Counter()
        waiting = Rendered()
        arrivals = np.empty(0, dtype=np.int64)
        for block in self.blocks():
            drawn, arrival = self._rendered(block)
            waiting.at += drawn.at
            waiting.keys += drawn.keys
            waiting.values += drawn.values
            arrivals = np.concatenate([arrivals, arrival])
            order = np.argsort(arrivals, kind="stable")
            last = block.end_day >= self.config.days
            due = self.config.start + block.end_day * DAY_MS
            count = len(order) if last else int(np.searchsorted(arrivals, due, sorter=order))
            at, keys, values = waiting.at, waiting.keys, waiting.values
            for place in order[:count].tolist():
                yield SourceEvent(at[place], keys[place], values[place])
            self.rows += count
            kept = order[count:]
            places = kept.tolist()
            waiting = Rendered([at[p] for p in places], [keys[p] for p in places], [values[p] for p in places])
            arrivals = arrivals[kept]

    def blocks(self) -> Iterator[Block]:
        """Yield the history as columns, for callers that need no JSON."""
        world, config = self._world, self.config
        people, scenario = world.population, world.scenario
        daily = float((people.order_rate + people.click_rate).sum()) * config.customers / len(people.customer)
        span = max(1, min(config.days, round(_BLOCK_EVENTS / max(daily, 1.0))))
        for number, first in enumerate(range(0, config.days, span)):
            end = min(first + span, config.days)
            rng = generator(config, "block", number)
            orders = draw_orders(world, order_arrivals(people, scenario, config, (first, end), rng), rng)
            looks = interaction_arrivals(people, scenario, config, (first, end), rng)
            interactions = draw_interactions(world, looks, rng)
            reversals = draw_reversals(world, orders, config.end, rng)
            yield Block(number, first, end, orders, interactions, reversals)

    def truth(self) -> list[CustomerTruth]:
        """Return every customer's true kinds with their first days."""
        return truth_of(self._world)

    def live(self, start: int, rate: float, *, all_types: bool = False) -> LiveShop:
        """Return the same customers live, from the instant ``start`` (ms) on, at ``rate`` events per second.

        ``all_types`` adds profiles, consents, links, feedback, message outcomes and erasures, which do not count
        towards the rate.
        """
        return LiveShop(self._world, start, rate, all_types=all_types)

    def _rendered(self, block: Block) -> tuple[Rendered, Ints]:
        """Return the records of a block including noise, and the arrival time of each (ms)."""
        world, tag, drawn = self._world, f"{block.number:x}", Rendered()
        render_orders(world, tag, block.orders, drawn)
        render_interactions(world, tag, block.interactions, drawn)
        render_reversals(world, tag, block.reversals, block.orders, drawn)
        if self.config.all_types:
            days = (block.first_day, block.end_day)
            rng = generator(self.config, "extras", block.number)
            render_extras(world, tag, days, block.orders, rng, drawn)
        self.sent["events"] += len(drawn.at)
        arrival = np.array(drawn.at, dtype=np.int64)
        rng = generator(self.config, "noise", block.number)
        return drawn, add_noise(self.config, drawn, arrival, rng, self.sent)
