"""Number and value of future orders: BG/NBD times Gamma-Gamma, seven parameters for a whole shop.

Fader, Hardie, Lee: *Counting your customers the easy way: an alternative to the Pareto/NBD model*, Marketing Science
2005 (orders until a customer drops out); Fader, Hardie: *The Gamma-Gamma model of monetary value*, 2013 (value of an
order).
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
"""Minimum number of customers with a second order for a fit."""
_RIDGE: Final = 0.01
"""Penalty that shrinks the logarithms of all parameters towards 0, so that they stay bounded in a small shop."""
_MOST_LOOKS: Final = 600
_CERTAIN: Final = 700.0
"""Log-odds at which a customer counts as gone for certain; the odds of thousands of orders would overflow."""
_LARGEST: Final = 1e4
_LOGS: Final = float(np.log(_LARGEST))


@dataclass(frozen=True, slots=True)
class Dropout:
    """Parameters of BG/NBD and Gamma-Gamma.

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
        """Return the parameters from seven positive numbers. Raises InvariantViolation for anything else."""
        if len(values) != 7 or not all(0 < value < float("inf") for value in values):
            raise InvariantViolation("prediction model: seven positive money parameters are required")
        r, alpha, a, b, p, q, gamma = map(float, values)
        return cls((r, alpha, a, b), (p, q, gamma))

    @property
    def values(self) -> list[float]:
        """All seven parameters in order."""
        return [*self.orders, *self.baskets]

    def expected_orders(self, records: Records, day: int | FloatArray, days: int) -> FloatArray:
        """Return the expected order-days (n,) in [day, day + days)."""
        r, alpha, a, b = self.orders
        x = records.orders - 1.0
        recency = records.last - records.first
        age = np.asarray(day, dtype=np.float64) - records.first
        left = (alpha + age) / (alpha + age + days)
        series = hyp2f1(r + x, b + x, a + b + x - 1.0, days / (alpha + age + days))
        # At a - 1 = 0 numerator and denominator vanish; near 0 the formula yields the limit.
        below = a - 1.0 if abs(a - 1.0) > 1e-6 else 1e-6
        come = (a + b + x - 1.0) / below * (1.0 - np.exp((r + x) * np.log(left)) * series)
        silence = (r + x) * np.log((alpha + age) / (alpha + recency))
        gone = a / (b + np.maximum(x, 1.0) - 1.0) * np.exp(np.minimum(silence, _CERTAIN))
        found: FloatArray = np.maximum(0.0, come / (1.0 + np.where(x > 0, gone, 0.0)))
        return found

    def expected_basket(self, orders: FloatArray, spend: FloatArray) -> FloatArray:
        """Return the expected money per order-day (n,), minor units, from past ``orders`` (n,) and ``spend`` (n,)."""
        p, q, gamma = self.baskets
        found: FloatArray = p * (gamma + np.maximum(spend, 0.0)) / (p * orders + q - 1.0)
        return found


def fitted(records: Records, spend: FloatArray, day: int, before: Dropout) -> Dropout:
    """Return the maximum-likelihood parameters as of a day, starting at ``before``; ``before`` with few repeat buyers.

    Parameters
    ----------
    spend
        Lifetime money of each customer, minor units, (n,).
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
    # In units of the median basket, so that the currency's scale does not matter.
    unit = float(np.median(mean))
    p, q, gamma = _most_likely(lambda logs: _gamma_gamma(np.exp(logs), count, mean / unit), np.array([6.0, 4.0, 15.0]))
    # With q at or below 1 the prior mean does not exist.
    return Dropout(_four(orders), (float(p), max(float(q), 1.05), float(gamma) * unit))


def _four(values: FloatArray) -> tuple[float, float, float, float]:
    r, alpha, a, b = values.tolist()
    return r, alpha, a, b


def _most_likely(loss: object, start: FloatArray) -> FloatArray:
    def penalised(logs: FloatArray) -> float:
        inside = np.clip(logs, -_LOGS, _LOGS)
        value = float(loss(inside)) + _RIDGE * float((logs**2).mean())  # type: ignore[operator]
        return value if np.isfinite(value) else 1e9

    # Some 200 evaluations suffice; after three times as many the current point is accepted.
    limits = {"maxiter": _MOST_LOOKS, "maxfev": _MOST_LOOKS, "xatol": 1e-3, "fatol": 1e-6}
    found = minimize(penalised, np.log(start), method="Nelder-Mead", options=limits)
    best: FloatArray = np.exp(np.clip(found.x, -_LOGS, _LOGS))
    return best


def _bg_nbd(parameters: FloatArray, x: FloatArray, recency: FloatArray, age: FloatArray) -> float:
    """Return the mean negative log-likelihood of BG/NBD."""
    r, alpha, a, b = parameters
    shared = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    leaves = betaln(a + 1.0, b + np.maximum(x, 1.0) - 1.0) - betaln(a, b) - (r + x) * np.log(alpha + recency)
    return float(-(shared + np.where(x > 0, np.logaddexp(stays, leaves), stays)).mean())


def _gamma_gamma(parameters: FloatArray, count: FloatArray, mean: FloatArray) -> float:
    """Return the mean negative log-likelihood of Gamma-Gamma."""
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
