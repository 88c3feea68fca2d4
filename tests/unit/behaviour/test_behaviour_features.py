from __future__ import annotations

from math import exp, log

import numpy as np
import pytest

from models.behaviour.features import NAMES, UNITS, Priors, feature_rows, readable
from models.behaviour.layout import VECTOR

PRIORS = Priors(log_basket=8.0, discount=0.25)


def stats(**values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    names = ("exposure", "order_days", "click_days", "money", "orders", "log_basket", "discounted")
    vector = np.zeros((VECTOR, 1))
    for name, value in values.items():
        vector[names.index(name) if name in names else 7 + int(name[3:])] = value
    return vector


def test_features_by_hand() -> None:
    x = feature_rows(
        stats(
            exposure=72,
            order_days=4,
            click_days=10,
            money=20_000,
            orders=5,
            log_basket=33.0,
            discounted=2,
            cat0=4,
            cat3=4,
        ),
        PRIORS,
    )[:, 0]
    assert x.tolist() == pytest.approx(
        [
            log(2 + 0.3),
            log(5 + 0.5),
            log(10_000 + 0.3 * exp(8.0)),
            log(6 / 2.5),
            (33 + 8) / 5,
            (2 + 0.5) / 7,
            65 / 33,
            1.0,
        ]
    )
    shown = readable(x, PRIORS)
    assert tuple(shown) == NAMES and len(UNITS) == len(NAMES)
    assert (shown["orders"], shown["clicks"], shown["money"]) == pytest.approx((2, 5, 10_000))


def test_nobody_is_nothing_by_accident() -> None:
    shown = readable(feature_rows(stats(exposure=20), PRIORS)[:, 0], PRIORS)
    assert shown["basket"] == pytest.approx(exp(8.0))
    assert shown["discount_share"] == pytest.approx(0.25)
    assert shown["orders"] == pytest.approx(0) and shown["breadth"] == 1.0


def test_two_days_of_life_are_not_scaled_to_a_month_of_orders() -> None:
    shown = readable(feature_rows(stats(exposure=1, order_days=1), PRIORS)[:, 0], PRIORS)
    assert shown["orders"] == pytest.approx(36 / 7)
