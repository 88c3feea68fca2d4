"""Retrains the shipped prior of the predictions: ``python -m streamer.evaluate.prior``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

import models.prediction
from models.behaviour.bucket import B_MONEY
from models.behaviour.layout import FloatArray
from models.prediction.cells import CELLS, cell_of, chances_of
from models.prediction.dropout import Dropout, fitted
from models.prediction.features import NAMES
from models.prediction.hazard import WEEK
from models.prediction.prior import FILE
from models.prediction.records import Records
from models.prediction.recursion import Belief, refit
from streamer.evaluate.activity import Activity, of_shop
from streamer.evaluate.predictions import Orders, alive, answers, panel_of
from streamer.simulator.config import ShopConfig

SHOP: Final = ShopConfig(customers=1_500, seed=1, scenario="lifelike")
_RIDGE: Final = 10.0
_DIGITS: Final = 4
_START: Final = Dropout((1.0, 30.0, 1.0, 3.0), (6.0, 4.0, 60_000.0))


def learn() -> dict[str, Any]:
    """Learn the shipped prior from the simulated shop's year.

    Returns the weights by feature, fitted to all weekly answers with a ridge towards zero; the probabilities by recency
    and frequency from the same answers; and the parameters of orders and money of the whole year.
    """
    activity = of_shop(SHOP)
    orders = Orders(activity)
    closed = list(answers(orders, panel_of(activity.customers), activity.days))
    x, came = np.concatenate([x for _, x, _ in closed], axis=1), np.concatenate([came for _, _, came in closed])
    found = refit(Belief.around(np.zeros(len(NAMES)), _RIDGE), x, came)
    return {
        "weights": {name: round(weight, _DIGITS) for name, weight in zip(NAMES, found.mean.tolist(), strict=True)},
        "dropout": [float(f"{value:.{_DIGITS}g}") for value in _money(activity, orders).values],
        "cells": [round(chance, _DIGITS) for chance in _cells(orders).tolist()],
        "usual_basket": float(f"{orders.records(activity.days).median_basket:.{_DIGITS}g}"),
    }


def _money(activity: Activity, orders: Orders) -> Dropout:
    records, spend = orders.records(activity.days), np.zeros(orders.customers)
    np.add.at(spend, activity.customer, activity.buckets[:, B_MONEY])
    who = np.flatnonzero(records.orders > 0).astype(np.int64)
    return fitted(records.of(who), spend[who], activity.days, _START)


def _cells(orders: Orders) -> FloatArray:
    asked, came = np.zeros(CELLS), np.zeros(CELLS)
    records = Records.empty(orders.customers)
    for day in range(orders.days - WEEK):
        if day % WEEK == 0:
            who = alive(records, np.arange(orders.customers), day)
            cells = cell_of(records.of(who), day)
            np.add.at(asked, cells, 1.0)
            np.add.at(came, cells, orders.between(day, day + WEEK)[who])
        records.note(day, orders.on(day))
    return chances_of(asked, came)


def main() -> None:
    """Write the prior beside the code."""
    path = Path(models.prediction.__path__[0]) / FILE
    path.write_text(json.dumps(learn(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
