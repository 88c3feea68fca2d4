"""How many orders, and of how much: BG/NBD times Gamma-Gamma, seven numbers for a whole shop.

Fader, Hardie, Lee: *Counting your customers the easy way: an alternative to the Pareto/NBD model*, Marketing Science 2005
(orders until somebody drops out); Fader, Hardie: *The Gamma-Gamma model of monetary value*, 2013 (what an order is worth).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from models.behaviour.layout import FloatArray
from models.prediction.records import Records
from schemas.errors import InvariantViolation

_LEAST_BUYERS: Final = 30
"""Customers with a second order below which nothing is fitted."""
_RIDGE: Final = 0.01
"""Draws the logarithms of all parameters towards 0, so that a small shop's do not run away."""
_MOST_LOOKS: Final = 600
_CERTAIN: Final = 700.0
"""Logarithm of odds at which somebody is gone for certain; those of thousands of orders would overflow."""
_LARGEST: Final = 1e4
_LOGS: Final = float(np.log(_LARGEST))


@dataclass(frozen=True, slots=True)
class Dropout:
    """The parameters.

    Attributes
    ----------
    orders
        BG/NBD: r, alpha (days), a, b.
    baskets
        Gamma-Gamma: p, q, gamma; gamma in minor units of the shop's currency.
    """

    orders: tuple[float, float, float, float]
    baskets: tuple[float, float, float]

    @classmethod
    def of(cls, values: list[float]) -> Self:
        """The parameters from seven positive numbers; raises InvariantViolation for anything else."""
        if len(values) != 7 or not all(0 < value < float("inf") for value in values):
            raise InvariantViolation("prediction model: seven positive numbers of money are needed")
        r, alpha, a, b, p, q, gamma = map(float, values)
        return cls((r, alpha, a, b), (p, q, gamma))

    @property
    def values(self) -> list[float]:
        """All of them in a row."""
        return [*self.orders, *self.baskets]

    def expected_orders(self, records: Records, day: int | FloatArray, days: int) -> FloatArray:
        """Order-days (n,) to come in [day, day + days)."""
        r, alpha, a, b = self.orders
        x = records.orders - 1.0
        recency = records.last - records.first
        age = np.asarray(day, dtype=np.float64) - records.first
        left = (alpha + age) / (alpha + age + days)
        series = hyp2f1(r + x, b + x, a + b + x - 1.0, days / (alpha + age + days))
        # a - 1 may be 0, where both sides are; a hair beside it the limit is met.
        below = a - 1.0 if abs(a - 1.0) > 1e-6 else 1e-6
        come = (a + b + x - 1.0) / below * (1.0 - np.exp((r + x) * np.log(left)) * series)
        silence = (r + x) * np.log((alpha + age) / (alpha + recency))
        gone = a / (b + np.maximum(x, 1.0) - 1.0) * np.exp(np.minimum(silence, _CERTAIN))
        found: FloatArray = np.maximum(0.0, come / (1.0 + np.where(x > 0, gone, 0.0)))
        return found

    def expected_basket(self, orders: FloatArray, spend: FloatArray) -> FloatArray:
        """What an order-day of each is worth (n,), minor units; ``orders`` (n,) and ``spend`` (n,) are those so far."""
        p, q, gamma = self.baskets
        found: FloatArray = p * (gamma + np.maximum(spend, 0.0)) / (p * orders + q - 1.0)
        return found


def fitted(records: Records, spend: FloatArray, day: int, before: Dropout) -> Dropout:
    """The most likely parameters of customers as of a day, from those of ``before`` on; that, where too few came twice.

    Parameters
    ----------
    spend
        Money of each customer so far, minor units, (n,).
    """
    twice = records.orders > 1
    if int(twice.sum()) < _LEAST_BUYERS:
        return before
    x, recency, age = records.orders - 1.0, records.last - records.first, day - records.first
    orders = _most_likely(lambda logs: _bg_nbd(np.exp(logs), x, recency, age), np.array(before.orders))
    paid = twice & (spend > 0)
    if int(paid.sum()) < _LEAST_BUYERS:
        return Dropout(_four(orders), before.baskets)
    count, mean = records.orders[paid], spend[paid] / records.orders[paid]
    # In units of the usual basket, so that a currency of cents or of thousands makes no difference.
    unit = float(np.median(mean))
    p, q, gamma = _most_likely(lambda logs: _gamma_gamma(np.exp(logs), count, mean / unit), np.array([6.0, 4.0, 15.0]))
    # With q at or below 1 there is no mean to draw towards.
    return Dropout(_four(orders), (float(p), max(float(q), 1.05), float(gamma) * unit))


def _four(values: FloatArray) -> tuple[float, float, float, float]:
    r, alpha, a, b = values.tolist()
    return r, alpha, a, b


def _most_likely(loss: object, start: FloatArray) -> FloatArray:
    def penalised(logs: FloatArray) -> float:
        inside = np.clip(logs, -_LOGS, _LOGS)
        value = float(loss(inside)) + _RIDGE * float((logs**2).mean())  # type: ignore[operator]
        return value if np.isfinite(value) else 1e9

    # Some 200 looks at the customers do; what has not settled after three times as many is taken so.
    limits = {"maxiter": _MOST_LOOKS, "maxfev": _MOST_LOOKS, "xatol": 1e-3, "fatol": 1e-6}
    found = minimize(penalised, np.log(start), method="Nelder-Mead", options=limits)
    best: FloatArray = np.exp(np.clip(found.x, -_LOGS, _LOGS))
    return best


def _bg_nbd(parameters: FloatArray, x: FloatArray, recency: FloatArray, age: FloatArray) -> float:
    """Mean negative log-likelihood."""
    r, alpha, a, b = parameters
    shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    leaves = betaln(a + 1.0, b + np.maximum(x, 1.0) - 1.0) - betaln(a, b) - (r + x) * np.log(alpha + recency)
    return float(-(shared + np.where(x > 0, np.logaddexp(stays, leaves), stays)).mean())


def _gamma_gamma(parameters: FloatArray, count: FloatArray, mean: FloatArray) -> float:
    """Mean negative log-likelihood."""
    p, q, gamma = parameters
    likelihood = (
        gammaln(p * count + q)
        - gammaln(p * count)
        - gammaln(q)
        + q * np.log(gamma)
        + (p * count - 1.0) * np.log(mean)
        + p * count * np.log(count)
        - (p * count + q) * np.log(gamma + count * mean)
    )
    return float(-likelihood.mean())
