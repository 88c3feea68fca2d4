"""A frozen version of the prediction model, as published to lanes, and the predictions it computes."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar, Final, Self

import numpy as np

from models.behaviour.layout import FloatArray
from models.features.predicted import CHURN_90, NEXT_FROM, NEXT_TO, ORDERS_90, P_BUY, SPEND_90
from models.prediction.cells import CELLS, chance_in_cells
from models.prediction.dropout import Dropout
from models.prediction.features import NAMES
from models.prediction.hazard import WEEK, reached, rolled, window
from models.prediction.prior import shipped, shipped_basket, shipped_dropout
from models.prediction.products import Pair, is_pair, weekly_with
from models.prediction.records import Records
from schemas.errors import InvariantViolation

SEGMENTATION: Final = "predictions"
"""Name of prediction versions in control records, in the field for the segmentation of cluster versions."""
ALIVE_DAYS: Final = 365
"""Days without an order after which there are no predictions."""
WINDOW_DAYS: Final = 182
HORIZON: Final = 90
CHUNK: Final = 1_024
"""Customers computed together: few enough for the cache."""
_BASKET: Final = "basket"
HAZARD_FORM: Final = "hazard"
CELLS_FORM: Final = "cells"


@dataclass(frozen=True, slots=True)
class PredictionModel:
    """A published version of the prediction model.

    Attributes
    ----------
    version, made_on
        Its number, 0 for the shipped version, and the day on which it was learned.
    form
        ``hazard`` or ``cells``: the source of the weekly order probability.
    weights
        Weights of the weekly hazard, in the order of `models.prediction.features.NAMES`.
    cells
        Weekly order probabilities by recency and frequency.
    dropout
        Parameters for the number and value of orders.
    usual_basket
        The median customer's mean spend per order-day, minor units; 0 if unknown.
    products
        Products of two features with their weights, from an approved challenger.
    """

    version: int
    made_on: int
    form: str
    weights: tuple[float, ...]
    cells: tuple[float, ...]
    dropout: Dropout
    usual_basket: float = 0.0
    products: tuple[tuple[Pair, float], ...] = ()

    kind: ClassVar[str] = "predictions"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "version": self.version,
            "made_on": self.made_on,
            "form": self.form,
            "weights": dict(zip(NAMES, self.weights, strict=True)),
            "cells": list(self.cells),
            "dropout": self.dropout.values,
            "usual_basket": self.usual_basket,
            **({"products": [[*pair, weight] for pair, weight in self.products]} if self.products else {}),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Self:
        """Decode a version from its JSON form.

        Raises
        ------
        InvariantViolation
            It is not a version, or its features differ from this program's.
        """
        try:
            # The first versions had no basket weight.
            weights = dict(body["weights"])
            weights.setdefault(_BASKET, 0.0)
            cells, usual = [float(one) for one in body["cells"]], float(body.get("usual_basket", 0.0))
            if tuple(weights) != NAMES or len(cells) != CELLS or body["form"] not in (HAZARD_FORM, CELLS_FORM):
                raise ValueError("features differ from this program's")
            numbers = [float(one) for one in weights.values()]
            if not all(map(math.isfinite, (*numbers, usual))) or usual < 0 or not all(0.0 < one < 1.0 for one in cells):
                raise ValueError("a weight or a probability is not a number")
            return cls(
                int(body["version"]),
                int(body["made_on"]),
                str(body["form"]),
                tuple(numbers),
                tuple(cells),
                Dropout.of([float(one) for one in body["dropout"]]),
                usual,
                _products_of(body),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvariantViolation(f"prediction model: cannot be read: {error}") from error

    # -- predictions -------------------------------------------------------------------------------------------------

    def chances(self, records: Records, day: int | FloatArray, horizons: tuple[int, ...]) -> FloatArray:
        """Return the probabilities (horizons, n) of an order within each horizon (days), not rounded."""
        records = records.against(self.usual_basket)
        if self.form == CELLS_FORM:
            return rolled(partial(chance_in_cells, np.array(self.cells)), records, day, horizons)
        if self.products:
            return rolled(partial(weekly_with, self.all_weights, self.pairs), records, day, horizons)
        return reached(np.array(self.weights), records, day, horizons)

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The products, without weights."""
        return tuple(pair for pair, _ in self.products)

    @property
    def all_weights(self) -> FloatArray:
        """Weights of the features, then of the products."""
        return np.array([*self.weights, *(weight for _, weight in self.products)])

    def score(
        self, records: Records, spend: FloatArray, day: int | FloatArray, names: Collection[str]
    ) -> dict[str, FloatArray]:
        """Return the named predictions, each (n,), rounded as shown and compared; NaN if there is no prediction.

        Probabilities and orders have three decimals, money (minor units) none, days are whole.

        Parameters
        ----------
        spend
            Lifetime money of each customer, minor units, (n,).
        day
            The day at whose start predictions are made; one for all customers, or one for each.
        """
        n = len(records.last)
        days = np.broadcast_to(np.asarray(day, dtype=np.float64), (n,))
        found = {name: np.full(n, np.nan) for name in names}
        predictable = np.flatnonzero((records.orders > 0) & (records.last < days) & (days - records.last <= ALIVE_DAYS))
        for at in range(0, len(predictable), CHUNK):
            some = predictable[at : at + CHUNK].astype(np.int64)
            for name, values in self._scored(records.of(some), spend[some], days[some], names).items():
                found[name][some] = values
        return found

    def _scored(
        self, records: Records, spend: FloatArray, day: FloatArray, names: Collection[str]
    ) -> dict[str, FloatArray]:
        found = self._bought(records, day, names)
        if ORDERS_90 in names or SPEND_90 in names:
            orders = self.dropout.expected_orders(records, day, HORIZON)
            found[ORDERS_90] = np.round(orders, 3)
            found[SPEND_90] = np.round(orders * self.dropout.expected_basket(records.orders, spend), 0)
        return {name: found[name] for name in names}

    def _bought(self, records: Records, day: FloatArray, names: Collection[str]) -> dict[str, FloatArray]:
        """Return the predictions derived from order probabilities, in one call because they share their weeks."""
        found: dict[str, FloatArray] = {}
        horizons = {days for name, days in P_BUY.items() if name in names} | ({HORIZON} if CHURN_90 in names else set())
        starts = np.arange(0, WINDOW_DAYS + WEEK, WEEK) if NEXT_FROM in names or NEXT_TO in names else np.arange(0)
        asked = sorted({*horizons, *starts.tolist()})
        if not asked:
            return found
        chances: dict[int, FloatArray] = dict(zip(asked, self.chances(records, day, tuple(asked)), strict=True))
        shown = {days: np.round(chances[days], 3) for days in horizons}
        found.update({name: shown[days] for name, days in P_BUY.items() if name in names})
        if CHURN_90 in names:
            found[CHURN_90] = np.round(1.0 - shown[HORIZON], 3)
        if len(starts):
            weeks = np.stack([chances[days] for days in starts.tolist()])
            found[NEXT_FROM], found[NEXT_TO] = np.round(window(weeks, starts))
        return found


def _products_of(body: Mapping[str, Any]) -> tuple[tuple[Pair, float], ...]:
    products = tuple(((str(a), str(b)), float(weight)) for a, b, weight in body.get("products", ()))
    if not all(is_pair(pair) and math.isfinite(weight) for pair, weight in products):
        raise ValueError("a product is not of this program's features")
    return products


@lru_cache(maxsize=1)
def first_version() -> PredictionModel:
    """Return the version in force until a shop's own first version, made from the shipped prior."""
    dropout, cells = shipped_dropout()
    return PredictionModel(0, 0, HAZARD_FORM, tuple(shipped().mean.tolist()), cells, dropout, shipped_basket())
