"""The customers of the simulated shop, each with spells of constant behaviour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamer.simulator.archetypes import ARCHETYPES, SUBSCRIBER, Archetype, Spread
from streamer.simulator.catalogue import CATEGORIES
from streamer.simulator.config import ShopConfig
from streamer.simulator.scenarios import (
    CHANGE_DAYS,
    CHANGERS,
    HOLIDAY_DAYS,
    NEW_ARCHETYPE_DAYS,
    Scenario,
    scenario_named,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KINDS: tuple[Archetype, ...] = (*ARCHETYPES, SUBSCRIBER)
BOT_CLICKS_PER_DAY = 150.0
_YEAR = 365.0
# Three quarters join within the first month of a year; the others by August.
_EARLY, _EARLY_UNTIL, _JOIN_UNTIL = 0.75, 30.0, 240.0
# A customer must behave consistently for a while before a change counts.
_SETTLED_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Population:
    """Customers and their spells: one per customer, or two if the customer changes.

    Attributes
    ----------
    joined, bots
        Shape (customers,): day of joining; whether a bot makes the clicks.
    holidays
        Shape (customers, windows, 2): first day and end of inactive times.
    customer, kind, begins, ends
        Shape (spells,): customer, index in ``KINDS``, first day and end. All second spells are stored after the first
        ones.
    order_rate, click_rate, log_basket, discount
        Shape (spells,): rates per day, mean log of euros, a probability.
    affinity
        Shape (spells, categories): cumulative probabilities.
    """

    joined: Ints
    bots: NDArray[np.bool_]
    holidays: Floats
    customer: Ints
    kind: Ints
    begins: Floats
    ends: Floats
    order_rate: Floats
    click_rate: Floats
    log_basket: Floats
    discount: Floats
    affinity: Floats

    @property
    def last_spells(self) -> Ints:
        """Index of each customer's last spell, shape (customers,)."""
        places = np.zeros(len(self.joined), dtype=np.int64)
        # Later assignments overwrite earlier ones, and second spells are stored last.
        places[self.customer] = np.arange(len(self.customer))
        return places


def draw_population(config: ShopConfig, rng: np.random.Generator) -> Population:
    """Draw the population of a shop. Its days scale with the length of the history."""
    scenario = scenario_named(config.scenario)
    count, scale = config.customers, config.days / _YEAR
    spread = Spread().widened(scenario.heterogeneity)
    first = rng.choice(len(ARCHETYPES), size=count, p=[a.share for a in ARCHETYPES])
    early = rng.random(count) < _EARLY
    span = rng.random(count)
    joined = np.where(early, span * _EARLY_UNTIL, _EARLY_UNTIL + span * (_JOIN_UNTIL - _EARLY_UNTIL))
    joined = np.floor(joined * scale).astype(np.int64)

    changed, second = _changes(scenario, rng, first, joined, scale)
    movers = np.flatnonzero(np.isfinite(changed))
    customer = np.concatenate([np.arange(count), movers])
    kind = np.concatenate([first, second[movers]])
    begins = np.concatenate([joined.astype(np.float64), changed[movers]])
    ends = np.concatenate([np.minimum(changed, config.days), np.full(len(movers), float(config.days))])

    bots = np.zeros(count, dtype=np.bool_)
    if scenario.bots:
        robots = min(count, max(3, round(count * scenario.bots)))
        bots[rng.choice(count, size=robots, replace=False)] = True
    shape = 1.0 / spread.rate_variance
    order_factor = rng.gamma(shape, spread.rate_variance, count)[customer]
    click_factor = rng.gamma(shape, spread.rate_variance, count)[customer]
    basket_shift = rng.normal(0.0, spread.basket_sd, count)[customer]
    discount_shift = rng.normal(0.0, spread.discount_sd, count)[customer]
    click_rate = _of_kind(kind, [a.interactions_per_day for a in KINDS]) * click_factor
    odds = _of_kind(kind, [a.discount / (1 - a.discount) for a in KINDS]) * np.exp(discount_shift)
    return Population(
        joined=joined,
        bots=bots,
        holidays=_holidays(scenario, config, rng),
        customer=customer,
        kind=kind,
        begins=begins,
        ends=ends,
        order_rate=_of_kind(kind, [a.orders_per_day for a in KINDS]) * order_factor,
        click_rate=np.where(bots[customer], BOT_CLICKS_PER_DAY, click_rate),
        log_basket=np.log(_of_kind(kind, [a.basket for a in KINDS])) + basket_shift,
        discount=odds / (1 + odds),
        affinity=_affinities(_of_kind(kind, [a.breadth for a in KINDS]), rng),
    )


def _of_kind(kind: Ints, values: list[float]) -> Floats:
    return np.asarray(values)[kind]


def _changes(
    scenario: Scenario, rng: np.random.Generator, first: Ints, joined: Ints, scale: float
) -> tuple[Floats, Ints]:
    """Draw the day of change (infinite for none) and the next kind, both of shape (customers,)."""
    count = len(first)
    low, high = CHANGE_DAYS
    day = np.floor(rng.uniform(low, high, count) * scale)
    able = rng.permutation(np.flatnonzero(joined + _SETTLED_DAYS * scale <= day))
    movers = able[: round(CHANGERS * count)]
    changed = np.full(count, np.inf)
    changed[movers] = day[movers]
    # Draw the next kind by the shares of the other kinds.
    weights = np.tile([a.share for a in ARCHETYPES], (len(ARCHETYPES), 1))
    np.fill_diagonal(weights, 0.0)
    cumulative = np.cumsum(weights / weights.sum(axis=1, keepdims=True), axis=1)
    second = _pick(cumulative[first], rng.random(count))
    if scenario.new_archetype:
        low, high = NEW_ARCHETYPE_DAYS
        day = np.floor(rng.uniform(low, high, count) * scale)
        able = rng.permutation(np.flatnonzero(np.isinf(changed) & (joined + _SETTLED_DAYS * scale <= day)))
        converts = able[: round(scenario.new_archetype * count)]
        changed[converts] = day[converts]
        second[converts] = len(ARCHETYPES)
    return changed, second


def _pick(cumulative: Floats, draws: Floats) -> Ints:
    """Draw a column for each row of cumulative probabilities."""
    # The last column is not compared, so rounding of its sum cannot lead to a column beyond it.
    picked: Ints = (draws[:, None] > cumulative[:, :-1]).sum(axis=1)
    return picked


def pick_category(population: Population, spells: Ints, rng: np.random.Generator) -> Ints:
    """Draw a category for each spell by its affinities."""
    return _pick(population.affinity[spells], rng.random(len(spells)))


def _holidays(scenario: Scenario, config: ShopConfig, rng: np.random.Generator) -> Floats:
    """Draw inactive windows for each customer, ``scenario.holidays`` per half year."""
    windows = scenario.holidays * max(1, round(config.days / (_YEAR / 2)))
    length = rng.uniform(*HOLIDAY_DAYS, (config.customers, windows))
    stretch = config.days / max(1, windows)
    begins = stretch * np.arange(windows) + rng.random((config.customers, windows)) * stretch
    return np.stack([begins, begins + length], axis=2)


def _affinities(breadth: Floats, rng: np.random.Generator) -> Floats:
    """Draw cumulative category shares, Dirichlet around their popularity, shape (spells, categories)."""
    popularity = 1.0 / (2.0 + np.arange(len(CATEGORIES)))
    popularity *= 3.0 / popularity.sum()
    # All draws of a narrow customer may underflow; the floor keeps their sum above 0.
    draws = rng.gamma(breadth[:, None] * popularity) + 1e-12
    return np.cumsum(draws / draws.sum(axis=1, keepdims=True), axis=1)
