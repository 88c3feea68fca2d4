"""The simulated shop live: its customers continue at the pace of the caller's clock."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from schemas.errors import UserError
from streamer.simulator.arrivals import Arrivals
from streamer.simulator.baskets import Reversals, draw_interactions, draw_orders, draw_reversals
from streamer.simulator.extras import render_live
from streamer.simulator.noise import add_noise, lateness
from streamer.simulator.population import Floats
from streamer.simulator.render import Rendered, render_interactions, render_orders, render_reversals
from streamer.simulator.world import World, generator
from streamer.sources.source import SourceEvent

# After a pause (a laptop asleep, a broker down) the shop continues from now and does not catch up.
_MAX_GAP_MS = 5_000
# A visit lasts half an hour.
_VISIT_MS = 1_800_000


class LiveShop:
    """Events of a shop's customers as they become due; customers are drawn by their latest rates.

    It reads no clock and never sleeps. Equal calls produce equal bytes. Ids contain ``start``, so a later run does not
    repeat them.

    Parameters
    ----------
    start
        Instant of the first event, epoch ms.
    rate
        Events per second, not counting duplicates, broken records and the types added by ``all_types``.
    all_types
        Whether to add the rarer event types, which do not change the other events.

    Attributes
    ----------
    sent
        Same as ``Shop.sent``.

    Raises
    ------
    UserError
        The rate is not above 0.
    """

    def __init__(self, world: World, start: int, rate: float, *, all_types: bool = False) -> None:
        if not rate > 0:
            raise UserError("a live shop needs a rate above 0", "pass the number of events per second to --rate")
        people = world.population
        self._world = world
        self._late = world.config.late
        self._config = replace(world.config, late=0.0)
        self._all_types = all_types
        self._start = self._until = start
        self._rate = rate
        self._owed = 0.0
        self._calls = 0
        self._spells = people.last_spells
        orders, clicks = people.order_rate[self._spells], people.click_rate[self._spells]
        self._by_orders, self._by_clicks = np.cumsum(orders), np.cumsum(clicks)
        self._order_share = float(orders.sum() / (orders.sum() + clicks.sum()))
        self._rng = generator(world.config, "live")
        self._noise = generator(world.config, "live-noise")
        # Use a separate generator, so that orders and interactions are the same with and without the rarer types.
        self._extras = generator(world.config, "live-extras")
        self.sent: Counter[str] = Counter()

    def due(self, now: int) -> list[SourceEvent]:
        """Return the events since the last call, up to ``now`` (ms), in order of arrival.

        Reversals follow their orders at once. A share ``config.late`` of the events happened an hour to three days
        earlier.
        """
        gap = min(max(0, now - self._until), _MAX_GAP_MS)
        self._until = max(self._until, now)
        self._owed += gap * self._rate / 1000.0
        count = int(self._owed)
        self._owed -= count
        if not count:
            return []
        begins = self._until - gap
        orders = int(self._rng.binomial(count, self._order_share))
        drawn = Rendered()
        tag = f"{self._start:x}.{self._calls:x}"
        self._calls += 1
        self._orders(orders, begins, gap, tag, drawn)
        self._interactions(count - orders, begins, gap, tag, drawn)
        if self._all_types:
            render_live(self._world, tag, count, (begins, begins + gap), self._extras, drawn)
        self.sent["events"] += len(drawn.at)
        return self._noisy(drawn, begins)

    def _orders(self, count: int, begins: int, gap: int, tag: str, into: Rendered) -> None:
        arrivals = self._arrivals(self._by_orders, count, begins, gap)
        orders = draw_orders(self._world, arrivals, self._rng)
        render_orders(self._world, tag, orders, into)
        # A live demo cannot wait days for a refund.
        drawn = draw_reversals(self._world, orders, 1 << 62, self._rng)
        reversals = Reversals(drawn.order, orders.at[drawn.order] + 1, drawn.kind)
        render_reversals(self._world, tag, reversals, orders, into)

    def _interactions(self, count: int, begins: int, gap: int, tag: str, into: Rendered) -> None:
        arrivals = self._arrivals(self._by_clicks, count, begins, gap)
        render_interactions(self._world, tag, draw_interactions(self._world, arrivals, self._rng), into)

    def _arrivals(self, cumulative: Floats, count: int, begins: int, gap: int) -> Arrivals:
        draws = self._rng.random(count) * cumulative[-1]
        spell = self._spells[np.minimum(np.searchsorted(cumulative, draws, side="right"), len(cumulative) - 1)]
        at = begins + (self._rng.random(count) * gap).astype(np.int64)
        waits = lateness(self._late, count, self._noise)
        self.sent["late"] += int(np.count_nonzero(waits))
        at -= waits
        return Arrivals(spell, at, self._world.population.customer[spell] * 100_000 + at // _VISIT_MS % 100_000)

    def _noisy(self, drawn: Rendered, begins: int) -> list[SourceEvent]:
        # Late events already have an event time in the past and arrive with the batch.
        arrival = np.maximum(np.array(drawn.at, dtype=np.int64), begins)
        arrival = add_noise(self._config, drawn, arrival, self._noise, self.sent)
        order = np.argsort(arrival, kind="stable").tolist()
        return [SourceEvent(drawn.at[place], drawn.keys[place], drawn.values[place]) for place in order]
