"""Our clusterer as a River estimator: warm-started k-means over the newest points.

The model owner runs the same weekly update (``weekly``) over its panel, where each customer is one point and only the
newest counts. This class runs it over a window of a stream, so that it fits into a River pipeline and can be compared
with River's clusterers by River's own metrics.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
from river import base

from models.behaviour.layout import FloatArray
from models.learning.identity import carried, overlaps
from models.learning.kmeans import Fit, multi_start, nearest, weekly


class PanelKMeans(base.Clusterer):
    """k-means over a window, warm-started, with a challenger; centres keep their numbers.

    Every ``every`` points a few Lloyd steps over the window continue from the previous centres. A fresh fit
    (k-means++, ten starts) replaces them only if it saves ``better`` of their inertia ``streak`` times in a row; its
    clusters inherit the numbers of those whose members they hold.

    Parameters
    ----------
    n_clusters
        Number of clusters; fewer while fewer points were seen.
    window
        Number of newest points to remember.
    every
        Points between two fits.
    steps
        Maximum number of Lloyd steps per fit.
    better
        Share of inertia that a fresh fit must save.
    streak
        Number of consecutive fits in which it must.
    seed
        Seed of the fresh fits.

    Attributes
    ----------
    centers : dict
        Centre of each cluster, by feature.

    Examples
    --------
    >>> from river import preprocessing
    >>> points = [{"x": i % 3 * 10.0, "y": i % 3 * -7.0} for i in range(60)]
    >>> model = preprocessing.StandardScaler() | PanelKMeans(n_clusters=3, every=10)
    >>> for point in points:
    ...     model.learn_one(point)
    >>> len({model.predict_one(point) for point in points})
    3
    """

    def __init__(
        self,
        n_clusters: int = 5,
        window: int = 500,
        every: int = 100,
        steps: int = 3,
        better: float = 0.03,
        streak: int = 2,
        seed: int = 1,
    ) -> None:
        self.n_clusters = n_clusters
        self.window = window
        self.every = every
        self.steps = steps
        self.better = better
        self.streak = streak
        self.seed = seed
        self.centers: dict[int, dict[base.typing.FeatureName, float]] = {}
        self._rows: deque[dict[base.typing.FeatureName, float]] = deque(maxlen=window)
        self._seen = 0
        self._fits = 0
        self._beaten = 0

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"n_clusters": 3, "window": 60, "every": 10}

    def learn_one(self, x: dict[base.typing.FeatureName, Any]) -> None:
        """Remember a point; fit when due."""
        self._rows.append({name: float(value) for name, value in x.items()})
        self._seen += 1
        if self._seen % self.every == 0:
            self._fit()

    def predict_one(self, x: dict[base.typing.FeatureName, Any]) -> int:
        """Return the number of the nearest centre; 0 before the first fit. A missing feature counts as 0."""
        if not self.centers:
            return 0

        def squared(number: int) -> float:
            center = self.centers[number]
            known = sum((float(x.get(name, 0.0)) - at) ** 2 for name, at in center.items())
            return known + sum(float(value) ** 2 for name, value in x.items() if name not in center)

        return min(self.centers, key=squared)

    def _fit(self) -> None:
        # The same order in every process, whatever the order of a point's features.
        names = sorted({name for row in self._rows for name in row}, key=lambda name: (type(name).__name__, str(name)))
        z = np.array([[row.get(name, 0.0) for name in names] for row in self._rows])
        rng = np.random.default_rng((self.seed, self._fits))
        self._fits += 1
        if not self.centers:
            centroids = multi_start(z, min(self.n_clusters, len(z)), rng).centroids
        else:
            before = np.array([[self.centers[i].get(name, 0.0) for name in names] for i in sorted(self.centers)])
            centroids = self._better_of(*weekly(z, before, rng, self.steps), z)
        self.centers = {i: dict(zip(names, row, strict=True)) for i, row in enumerate(centroids.tolist())}

    def _better_of(self, fit: Fit, challenger: Fit, z: FloatArray) -> FloatArray:
        beaten = challenger.inertia < (1 - self.better) * fit.inertia
        self._beaten = self._beaten + 1 if beaten else 0
        if self._beaten < self.streak:
            return fit.centroids
        self._beaten = 0
        k = len(fit.centroids)
        heirs = carried(overlaps(nearest(z, fit.centroids).labels, challenger.labels, k, k), same=0.0)
        free = iter(sorted(set(range(k)) - {heir for heir in heirs if heir is not None}))
        place = [next(free) if heir is None else heir for heir in heirs]
        centroids: FloatArray = challenger.centroids[np.argsort(place)]
        return centroids
