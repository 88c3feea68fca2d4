"""Poisson arrivals of orders and interactions over a range of days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.simulator.config import ShopConfig
from streamer.simulator.population import Floats, Ints, Population
from streamer.simulator.scenarios import Scenario

DAY_MS = 86_400_000
# Weight of each hour of the day: quiet nights, a bump at noon, most traffic in the evening.
_HOURLY = np.array([2, 1, 1, 1, 1, 2, 3, 5, 6, 7, 7, 8, 9, 8, 7, 7, 7, 8, 10, 12, 13, 11, 8, 4], dtype=np.float64)
_BY_HOUR: Floats = np.concatenate([[0.0], np.cumsum(_HOURLY / _HOURLY.sum())])
_FOLLOW_UP_DAYS = (0.5, 7.0)
_BETWEEN_CLICKS_MS = 45_000.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Arrivals as arrays of shape (n,): index of the spell, time (epoch ms), and number of the visit."""

    spell: Ints
    at: Ints
    visit: Ints

    def before(self, end: int) -> Arrivals:
        """Return the arrivals before ``end``."""
        kept = self.at < end
        return Arrivals(self.spell[kept], self.at[kept], self.visit[kept])


def order_arrivals(
    population: Population,
    scenario: Scenario,
    config: ShopConfig,
    days: tuple[int, int],
    rng: np.random.Generator,
) -> Arrivals:
    """Draw the orders of the days; follow-up orders may be up to a week later."""
    rate = population.order_rate / (1.0 + scenario.follow_ups)
    spell, day = _poisson(population, scenario, config, rate, days, rng)
    if scenario.follow_ups:
        drawn = np.flatnonzero(rng.random(len(spell)) < scenario.follow_ups)
        spell = np.concatenate([spell, spell[drawn]])
        day = np.concatenate([day, day[drawn] + rng.uniform(*_FOLLOW_UP_DAYS, len(drawn))])
    at = instants(day, config.start)
    return Arrivals(spell, at, population.customer[spell] * 100_000 + day.astype(np.int64)).before(config.end)


def interaction_arrivals(
    population: Population,
    scenario: Scenario,
    config: ShopConfig,
    days: tuple[int, int],
    rng: np.random.Generator,
) -> Arrivals:
    """Draw the interactions of the days, single or in visits of several within minutes."""
    rate = population.click_rate / scenario.sessions
    spell, day = _poisson(population, scenario, config, rate, days, rng)
    at = instants(day, config.start)
    visit = population.customer[spell] * 100_000 + day.astype(np.int64)
    if scenario.sessions > 1.0:
        sizes = rng.geometric(1.0 / scenario.sessions, len(spell))
        visits = np.repeat(np.arange(len(spell)), sizes)
        steps = rng.exponential(_BETWEEN_CLICKS_MS, len(visits))
        run = np.cumsum(steps)
        first = np.cumsum(sizes) - sizes
        offset = run - run[first][visits] if len(visits) else run
        spell, at = spell[visits], at[visits] + offset.astype(np.int64)
        visit = (visit * 100 + np.arange(len(visit)) % 100)[visits]
    return Arrivals(spell, at, visit).before(config.end)


def instants(day: Floats, start: int) -> Ints:
    """Convert fractional days to epoch ms, with times of day that follow the shop's daily rhythm."""
    whole = np.floor(day)
    bent = np.interp(day - whole, _BY_HOUR, np.arange(25) / 24.0)
    # The last millisecond of a day must not round into the next.
    within = np.minimum((bent * DAY_MS).astype(np.int64), DAY_MS - 1)
    return start + whole.astype(np.int64) * DAY_MS + within


def _poisson(
    population: Population,
    scenario: Scenario,
    config: ShopConfig,
    rate: Floats,
    days: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[Ints, Floats]:
    """Draw spells and fractional days of a Poisson process thinned by season and holidays."""
    begin = np.maximum(population.begins, days[0])
    length = np.maximum(0.0, np.minimum(population.ends, days[1]) - begin)
    peak = max(1.0, scenario.season)
    spell = np.repeat(np.arange(len(rate)), rng.poisson(rate * length * peak))
    day = begin[spell] + rng.random(len(spell)) * length[spell]
    kept: NDArray[np.bool_] = np.ones(len(spell), dtype=np.bool_)
    if peak > 1.0:
        kept &= rng.random(len(spell)) * peak < np.where(in_season(scenario, config, day), peak, 1.0)
    if scenario.holidays:
        windows = population.holidays[population.customer[spell]]
        silent = (windows[:, :, 0] <= day[:, None]) & (day[:, None] < windows[:, :, 1])
        kept &= ~silent.any(axis=1)
    return spell[kept], day[kept]


def in_season(scenario: Scenario, config: ShopConfig, day: Floats) -> NDArray[np.bool_]:
    """Return whether each day of the history is in the season."""
    low, high = (edge * config.days / 365.0 for edge in scenario.season_days)
    inside: NDArray[np.bool_] = (scenario.season > 1.0) & (low <= day) & (day < high)
    return inside
