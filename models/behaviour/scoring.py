"""A model as arrays, and the scores of feature rows under it.

Scores are linear: s_j = a_j . x + b_j with the frame folded in, larger is nearer, and
d_s^2 - d_c^2 = 2 (s_c - s_s). The margin of c over s is that difference over |mu_s - mu_c|^2: 0 on the
border halfway, 1 at the centroid of c.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations
from math import log
from statistics import median

import numpy as np

from models.behaviour.features import SCALE_DAYS, bounded_exp, feature_rows, tree_sum
from models.behaviour.layout import (
    CLICK_DAYS,
    DISCOUNTED,
    EXPOSURE,
    FEATURES,
    FULL_LONG,
    LOG_BASKET,
    ORDER_DAYS,
    ORDERS,
    BoolArray,
    FloatArray,
    IntArray,
)
from models.behaviour.likelihood import Tables, unfolded
from models.behaviour.model import LIKELIHOOD, ClusterModel, Segment

DISCOUNT_ORDERS = 10.0
"""Pseudo-orders behind a customer's own discount share in the change path."""
MOST_RATE = 0.95
"""Upper bound of the daily chance of an order or click, which limits the evidence of one inactive day."""
GAUSS_CLIP = 3.0
"""Maximum evidence of one basket for or against a segment."""
USUAL_NATS = 0.2
"""Mean daily evidence, in nats, between two segments for which ``Preset.eta`` applies unchanged."""
MOST_ALLOWANCE = 3.0
SHOP_NATS = 0.25
"""Median daily evidence between a shop's segments, in nats, below which all thresholds are lowered."""
SHOP_SLOPE = 2.25
MOST_SHOP = 1.5
_NEVER = 1e30  # cost of an inactive day in a dead slot; finite, so that its product with 0 is 0


@dataclass(frozen=True, slots=True)
class Compiled:
    """Arrays over slots (K = highest slot + 1); slot K is for customers without a segment.

    ``linear`` (K, 8, 1) holds a and b; ``raw`` (K, FEATURES) is a point in feature space that the frame maps onto the
    centroid. Dead slots score minus infinity and collect no evidence.
    """

    model: ClusterModel
    slots: int
    linear: FloatArray
    raw: FloatArray
    low: FloatArray
    high: FloatArray
    inverse_gap: FloatArray  # (K + 1, K) flattened, 1 / |mu_s - mu_c|^2
    log_odds: FloatArray  # (2, K, 1), of a day with an order, with a click
    shapes: FloatArray  # (2, K + 1)
    shape_days: FloatArray  # (2, K + 1), a / lambda
    inverse_phi: FloatArray  # (2, 1)
    silence: FloatArray  # (2, K, 1), -log of the chance of an inactive day under the hypothesis; huge in dead slots
    others: BoolArray  # (K, K + 1), slots to which a customer of each slot may be suspected to have moved; none at K
    allowance: FloatArray  # (K + 1, K), added to the threshold between two slots
    log_basket: FloatArray  # (K + 1,)
    basket_weight: FloatArray  # (K + 1,), sigma^2 / tau^2
    discount: FloatArray  # (K + 1,)
    codes: IntArray  # (K,)
    slot_table: IntArray  # (highest code + 2,), slot by code, K for an unused code
    since: IntArray  # (K,)
    tables: Tables | None  # one per slot; None for versions that place customers by distance
    absent: FloatArray  # (K, 1), 0; minus infinity in dead slots
    usual: tuple[
        Mapping[str, float], ...
    ]  # (K,), typical values of members, under the names of PARTS; empty for dead slots

    def slot_of(self, codes: IntArray) -> IntArray:
        """Return the slots of segment codes; K for codes this version does not have."""
        found: IntArray = self.slot_table.take(codes, mode="clip")
        return found


def compiled(model: ClusterModel) -> Compiled:
    """Return the arrays of a model, cached."""
    ready = model.cache.get("compiled")
    if ready is None:
        ready = model.cache["compiled"] = _compile(model)
    assert isinstance(ready, Compiled)
    return ready


def _compile(model: ClusterModel) -> Compiled:
    k = max(s.slot for s in model.segments) + 1
    frame = model.frame
    weights = np.array(frame.weights)
    mu = np.array(frame.mu)
    inverse = np.linalg.pinv(weights)  # (axes, FEATURES); its rows map an axis back to features
    linear = np.zeros((k, FEATURES + 1, 1))
    linear[:, FEATURES] = -np.inf
    raw = np.tile(mu, (k, 1))
    centroids = np.full((k, weights.shape[1]), np.nan)
    log_odds = np.zeros((2, k, 1))
    shapes, shape_days = np.ones((2, k + 1)), np.ones((2, k + 1))
    log_basket, weight, discount = np.zeros(k + 1), np.ones(k + 1), np.full(k + 1, 0.5)
    silence = np.full((2, k, 1), _NEVER)
    codes, since = np.full(k, -1, dtype=np.int64), np.zeros(k, dtype=np.int64)
    by_slot: list[Segment | None] = [None] * k
    table = np.full(max(s.code for s in model.segments) + 2, k, dtype=np.int64)
    for s in model.segments:
        j, z = s.slot, np.array(s.centroid)
        a = weights @ z
        linear[j, :FEATURES, 0] = a
        linear[j, FEATURES, 0] = -(a @ mu) - z @ z / 2
        raw[j] = mu + z @ inverse
        centroids[j] = z
        rate = np.minimum((s.order_rate, s.click_rate), MOST_RATE)
        shape = np.array((s.order_shape, s.click_shape))
        log_odds[:, j, 0] = np.log(rate / (1 - rate))
        shapes[:, j] = shape
        shape_days[:, j] = shape / rate
        silence[:, j, 0] = -np.log1p(-rate) / model.phi
        log_basket[j] = s.log_basket
        weight[j] = model.sigma2 / s.log_basket_var
        discount[j] = s.discount
        codes[j], since[j], table[s.code] = s.code, s.slot_since, j
        by_slot[j] = s
    squared = ((centroids[:, None] - centroids[None]) ** 2).sum(axis=2)
    gap = np.zeros((k + 1, k))
    with np.errstate(divide="ignore"):
        gap[:k] = np.where(squared > 0, 1 / squared, 0.0)
    others = np.zeros((k, k + 1), dtype=np.bool_)
    allowance = np.zeros((k + 1, k))
    for away, to in permutations(model.segments, 2):
        others[to.slot, away.slot] = True
        allowance[away.slot, to.slot] = _allowance(nats_a_day(away, to, model))
    absent = np.array([-np.inf if s is None else 0.0 for s in by_slot])[:, None]
    likelihood = model.preset.statistic == LIKELIHOOD
    if likelihood:
        allowance += _allowance_of_shop(model)
    return Compiled(
        model=model,
        slots=k,
        linear=linear,
        raw=raw,
        low=np.array(frame.low)[:, None],
        high=np.array(frame.high)[:, None],
        inverse_gap=gap.ravel(),
        log_odds=log_odds,
        shapes=shapes,
        shape_days=shape_days,
        inverse_phi=1 / np.array(model.phi)[:, None],
        silence=silence,
        others=others,
        allowance=allowance,
        log_basket=log_basket,
        basket_weight=weight,
        discount=discount,
        codes=codes,
        slot_table=table,
        since=since,
        tables=unfolded([s or model.segments[0] for s in by_slot], model.sigma2, model.phi) if likelihood else None,
        absent=absent,
        usual=tuple({} if s is None else _usual(s) for s in by_slot),
    )


def _usual(segment: Segment) -> dict[str, float]:
    """Return the typical behaviour of a segment's members, in readable units."""
    return {
        "orders": segment.order_rate * SCALE_DAYS,
        "clicks": segment.click_rate * SCALE_DAYS,
        "basket": bounded_exp(segment.log_basket),
        "discount_share": segment.discount,
    }


def own_rates(long: FloatArray, slot: IntArray, c: Compiled) -> FloatArray:
    """Return customers' own chances of a day with an order and with a click, shape (2, n), shrunk towards their
    segment's.

    Parameters
    ----------
    long
        The trusted past L, shape (VECTOR, n).
    slot
        Slots of their segments, shape (n,).
    """
    counts = np.maximum(long[ORDER_DAYS : CLICK_DAYS + 1], 0.0)
    counts += c.shapes.take(slot, axis=1)
    exposure = long[EXPOSURE] + c.shape_days.take(slot, axis=1)
    chances: FloatArray = np.minimum(counts / exposure, MOST_RATE)
    return chances


def own_habits(long: FloatArray, slot: IntArray, c: Compiled) -> tuple[FloatArray, FloatArray]:
    """Return customers' own log order values and discount shares, each (n,), shrunk in the same way.

    See ``own_rates`` for the parameters.
    """
    past = np.maximum(long, 0.0)
    weight = c.basket_weight[slot]
    basket: FloatArray = (past[LOG_BASKET] + weight * c.log_basket[slot]) / (past[ORDER_DAYS] + weight)
    discount = (past[DISCOUNTED] + DISCOUNT_ORDERS * c.discount[slot]) / (past[ORDERS] + DISCOUNT_ORDERS)
    return basket, np.minimum(np.maximum(discount, 1e-6), 1 - 1e-6)


def nats_a_day(away: Segment, to: Segment, model: ClusterModel) -> float:
    """Return the mean daily evidence of a member of ``to`` against ``away``, in nats: the drift of W after a change.

    The Kullback-Leibler divergence of the two tables per day: Bernoulli in orders, clicks and discounts, Gaussian in
    baskets.
    """
    orders, clicks = (
        _bernoulli(min(theirs, MOST_RATE), min(mine, MOST_RATE)) / phi
        for mine, theirs, phi in (
            (away.order_rate, to.order_rate, model.phi[0]),
            (away.click_rate, to.click_rate, model.phi[1]),
        )
    )
    basket = min((to.log_basket - away.log_basket) ** 2 / (2 * model.sigma2), GAUSS_CLIP)
    return orders + clicks + to.order_rate * (basket + _bernoulli(to.discount, away.discount))


def _bernoulli(p: float, q: float) -> float:
    return p * log(p / q) + (1 - p) * log((1 - p) / (1 - q))


def _allowance(nats: float) -> float:
    """Return the difference between a pair's threshold and ``Preset.eta``: the log of its daily nats over the usual."""
    return min(max(log(max(nats, 1e-9) / USUAL_NATS), -MOST_ALLOWANCE), MOST_ALLOWANCE)


def _allowance_of_shop(model: ClusterModel) -> float:
    """Return the reduction of all thresholds in a shop with little daily evidence, where moves would take months."""
    found = [nats_a_day(away, to, model) for away, to in permutations(model.segments, 2)]
    if not found:
        return 0.0
    return min(max(SHOP_SLOPE * log(max(median(found), 1e-9) / SHOP_NATS), -MOST_SHOP), 0.0)


def placed(stats: FloatArray, c: Compiled, full: float = FULL_LONG) -> FloatArray:
    """Return the feature rows of statistics, winsorised at the borders of the frame; (FEATURES + 1, n)."""
    x = feature_rows(stats, c.model.frame.priors, full)
    inner = x[:FEATURES]
    np.maximum(inner, c.low, out=inner)
    np.minimum(inner, c.high, out=inner)
    return x


def scores(x: FloatArray, c: Compiled) -> FloatArray:
    """Return the scores of feature rows (FEATURES + 1, n) under every slot, shape (K, n)."""
    return tree_sum(c.linear * x)


def margin_terms(x: FloatArray, origin: FloatArray, c: Compiled, away: int, to: int) -> FloatArray:
    """Return the contributions of the features to the margin of ``to`` over ``away``, from ``origin`` to ``x``.

    They add up to margin(x) - margin(origin) exactly, as the margin is linear in x.
    """
    beta = 2 * (c.linear[to, :FEATURES, 0] - c.linear[away, :FEATURES, 0])
    terms: FloatArray = beta * (x[:FEATURES] - origin[:FEATURES]) * c.inverse_gap[away * c.slots + to]
    return terms


def margin_of(x: FloatArray, c: Compiled, away: int, to: int) -> float:
    """Return the margin of slot ``to`` over slot ``away`` at one feature vector."""
    column = np.append(x[:FEATURES], 1.0)[:, None]
    score = scores(column, c)[:, 0]
    return float(2 * (score[to] - score[away]) * c.inverse_gap[away * c.slots + to])


def confidence_of(score: FloatArray, to: int) -> float:
    """Return the share of slot ``to`` among all, assuming round clusters with unit variance; ``score`` is (K,)."""
    return confidences_of(score[:, None], np.array([to]))[0]


def confidences_of(score: FloatArray, to: IntArray) -> list[float]:
    """Like `confidence_of` for several customers: ``score`` is (K, n), ``to`` is (n,)."""
    # One customer per row, so that each sum is independent of the others.
    rows = np.ascontiguousarray(score.T)
    weights = np.exp(rows - rows.max(axis=1, keepdims=True))
    found: list[float] = (weights[np.arange(len(to)), to] / weights.sum(axis=1)).tolist()
    return found
