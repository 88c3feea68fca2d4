"""An oracle in the simulated shop: it knows each customer's behaviour as each kind, and only has to detect changes.

Its results are an upper bound for any method. It knows each customer's initial kind, and the customer's own rates,
baskets and discounts as that kind and as every other kind, season and holidays included. It does not know who changes,
when, or to which kind. Each day it adds up the log-likelihood ratio of every kind over the present one (Page's CUSUM,
*Biometrika* 41, 1954), and switches the customer to another kind when that passes a threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.behaviour.bucket import B_DISCOUNTED, B_INTERACTIONS, B_LOGS, B_ORDERS
from models.behaviour.layout import FIRST_CODE, BoolArray, FloatArray, IntArray
from streamer.evaluate.activity import Activity
from streamer.evaluate.metrics import Labels
from streamer.simulator.archetypes import Spread
from streamer.simulator.arrivals import in_season
from streamer.simulator.baskets import PERCENTAGES
from streamer.simulator.population import BOT_CLICKS_PER_DAY, KINDS
from streamer.simulator.simulate import Shop

THRESHOLD: Final = 8.0
"""Threshold in nats. For a customer who never changes, a false alarm occurs at most once in e^8 days."""
_FOLLOW_UP_DAYS: Final = 7
_MOST_OF_A_BASKET: Final = 3.0
_CENTS: Final = float(np.log(100.0))
_PAID: Final = float(np.log(1.0 - PERCENTAGES / 100.0).mean())  # effect of a discount on the log order value


@dataclass(frozen=True, slots=True)
class _Customers:
    """Each customer's behaviour as each kind, (customers, kinds); ``first`` is each customer's initial kind."""

    first: IntArray
    orders: FloatArray
    visits: FloatArray
    log_basket: FloatArray
    discount: FloatArray


def labels_of(shop: Shop, activity: Activity, threshold: float = THRESHOLD) -> Labels:
    """Return the oracle's labels, (days + 1, customers): FIRST_CODE + kind, 0 before the customer joined."""
    known = _customers(shop)
    everybody = np.arange(len(activity.customers))
    here_at_all = np.isin(np.arange(len(KINDS)), shop._world.population.kind)
    label, w = known.first.copy(), np.zeros(known.orders.shape)
    recent = np.zeros((_FOLLOW_UP_DAYS, len(everybody)))
    labels: Labels = np.zeros((activity.days + 1, len(everybody)), dtype=np.int16)
    edges = activity.edges
    for day in range(activity.days):
        rows = slice(int(edges[day]), int(edges[day + 1]))
        did = np.zeros((4, len(everybody)))
        columns = [B_ORDERS, B_INTERACTIONS, B_LOGS, B_DISCOUNTED]
        did[:, activity.customer[rows]] = activity.buckets[rows][:, columns].T
        here = activity.met <= day
        likelihoods = _log_likelihood(shop, known, day, did, recent.sum(axis=0))
        w = np.maximum(w + likelihoods - likelihoods[everybody, label][:, None], 0.0) * (here[:, None] & here_at_all)
        w[everybody, label] = 0.0
        to = w.argmax(axis=1)
        changed = w[everybody, to] > threshold
        label[changed], w[changed] = to[changed], 0.0
        recent[day % _FOLLOW_UP_DAYS] = np.maximum(did[0], 0.0)
        labels[day + 1, here] = FIRST_CODE + label[here]
    return labels


def _customers(shop: Shop) -> _Customers:
    """Return the customers' individual traits applied to the habits of every kind."""
    people, scenario = shop._world.population, shop._world.scenario
    count = len(people.joined)
    # First spells precede second ones, in the order of customers.
    first = people.kind[:count]
    usual = np.array([(k.orders_per_day, k.interactions_per_day, np.log(k.basket)) for k in KINDS])
    odds = np.array([k.discount / (1 - k.discount) for k in KINDS])
    own_odds = people.discount[:count] / (1 - people.discount[:count]) / odds[first]
    clicks = people.click_rate[:count] / usual[first, 1]
    visits = np.where(people.bots[:, None], BOT_CLICKS_PER_DAY, clicks[:, None] * usual[:, 1])
    own = own_odds[:, None] * odds
    return _Customers(
        first=first.copy(),
        orders=(people.order_rate[:count] / usual[first, 0])[:, None] * usual[:, 0] / (1 + scenario.follow_ups),
        visits=visits / scenario.sessions,
        log_basket=(people.log_basket[:count] - usual[first, 2])[:, None] + usual[:, 2] + _CENTS,
        discount=own / (1 + own),
    )


def _log_likelihood(shop: Shop, known: _Customers, day: int, did: FloatArray, recent: FloatArray) -> FloatArray:
    """Return the log-likelihood of a day for each customer as each kind, (customers, kinds).

    Terms common to all kinds are omitted.

    Parameters
    ----------
    did
        Orders, interactions, sum of log order values and discounted orders of each customer, (4, customers).
    recent
        Orders of the week before, which draw others, (customers,).
    """
    config, scenario = shop.config, shop._world.scenario
    orders, clicks, logs, discounted = did
    season = bool(in_season(scenario, config, np.array([day + 0.5]))[0])
    busy = (_awake(shop, day) * (scenario.season if season else 1.0))[:, None]
    drawn = scenario.follow_ups / _FOLLOW_UP_DAYS * recent
    found = _of_days(known.orders * busy + drawn[:, None], orders > 0) + _of_days(known.visits * busy, clicks > 0)

    n = np.maximum(orders, 1.0)
    share = np.clip(discounted / n, 0.0, 1.0)
    growth = day // 30 / 12 * np.log1p(scenario.inflation)
    basket = logs / n - share * _PAID - growth
    squared = (basket[:, None] - known.log_basket) ** 2 * (n / (2 * Spread().order_sd ** 2))[:, None]
    # Bound the evidence of an outlier.
    of_orders = -np.minimum(squared - squared.min(axis=1, keepdims=True), _MOST_OF_A_BASKET)
    chance = known.discount + (1 - known.discount) * (scenario.season_discount if season else 0.0)
    cheap = (n * share)[:, None]
    of_orders += cheap * np.log(chance) + (n[:, None] - cheap) * np.log1p(-chance)
    return found + np.where(orders > 0, of_orders.T, 0.0).T


def _of_days(rate: FloatArray, something: BoolArray) -> FloatArray:
    """Return the log-likelihood of a day with or without events, at Poisson rates (customers, kinds)."""
    rate = np.maximum(rate, 1e-12)
    found: FloatArray = np.where(something[:, None], np.log(-np.expm1(-rate)), -rate)
    return found


def _awake(shop: Shop, day: int) -> FloatArray:
    """Return the share of a day on which each customer is not on holiday, (customers,)."""
    windows = shop._world.population.holidays
    away = np.minimum(windows[:, :, 1], day + 1.0) - np.maximum(windows[:, :, 0], float(day))
    found: FloatArray = 1.0 - np.clip(away, 0.0, 1.0).sum(axis=1)
    return np.clip(found, 0.0, 1.0)
