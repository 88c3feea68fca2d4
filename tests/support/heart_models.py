"""Define cluster models that move customers readily, so that a log of a few days has many moves."""

from __future__ import annotations

from dataclasses import replace

from models.behaviour.features import Priors
from models.behaviour.model import ClusterModel, Evidence, Frame, Preset, Segment
from models.prediction.model import PredictionModel, first_version

_MU = (0.0, 1.6, 8.5, 1.0, 8.0, 0.3, 1.5)
_SPREAD = (0.9, 0.9, 1.4, 0.9, 0.6, 0.2, 0.7)
_TABLE = (
    ("busy", (1.6, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0), 0.5, 0.5),
    ("looking", (-0.6, 1.1, -0.6, 1.4, 0.0, 0.0, -0.6), 0.02, 0.8),
    ("quiet", (-0.9, -1.6, -0.9, -0.7, 0.0, 0.0, -0.6), 0.01, 0.02),
    ("steady", (0.5, 0.0, 0.4, -0.5, 0.0, 0.0, 0.2), 0.2, 0.3),
)


def foreseeing(version: int = 1, *, keen: float = 0.0) -> PredictionModel:
    """Return a version of the predictions; ``keen`` is added to the log-odds of an order in a week."""
    shipped = first_version()
    weights = (shipped.weights[0] + keen, *shipped.weights[1:])
    form = "cells" if version % 4 == 3 else "hazard"
    return replace(shipped, version=version, weights=weights, form=form)


def jumpy(version: int = 1, *, shift: float = 0.0, without: tuple[str, ...] = ()) -> ClusterModel:
    """Return a valid model with hardly any hysteresis.

    ``shift`` moves all centroids, so that another version moves customers by itself; ``without`` retires segments.
    """
    segments = tuple(
        Segment(
            segment_id=name,
            name=name.title(),
            code=number + 2,
            slot=number,
            slot_since=1,
            centroid=tuple(value + shift * (-1) ** number for value in centroid),
            order_rate=orders,
            click_rate=clicks,
            order_shape=4.0,
            click_shape=5.0,
            log_basket=8.0 + 0.1 * number,
            log_basket_var=0.05,
            basket=3_500.0,
            discount=0.2 + 0.1 * number,
        )
        for number, (name, centroid, orders, clicks) in enumerate(_TABLE)
        if name not in without
    )
    return ClusterModel(
        version=version,
        frame=Frame(
            mu=_MU,
            weights=tuple(tuple(1 / _SPREAD[i] if i == j else 0.0 for j in range(7)) for i in range(7)),
            low=tuple(m - 4 * s for m, s in zip(_MU, _SPREAD, strict=True)),
            high=tuple(m + 4 * s for m, s in zip(_MU, _SPREAD, strict=True)),
            priors=Priors(8.0, 0.3),
        ),
        segments=segments,
        sigma2=0.15,
        phi=(1.0, 1.0),
        preset=Preset(h=0.0, theta=0.3, eta=1.0),
        evidence=Evidence(orders=1, interactions=2, age_days=1),
        parent=version - 1,
        retired=tuple((number + 2, name) for number, (name, *_) in enumerate(_TABLE) if name in without),
    )
