"""River's ``KMeans`` and ``STREAMKMeans`` for the owner: given first centres, learning point by point, storage.

River 0.26 has three properties that this module handles:

- Centres are dictionaries that draw a Gaussian number for each unknown feature, in the order of a *set* of the
  features. So all centres are assigned before the first point, every point has every feature, and features are the
  numbers 0, 1, ..., whose order in a set is the same in every process.
- ``STREAMKMeans`` learns each full chunk with a new ``KMeans`` with drawn centres (same seed for each chunk), then
  learns that model's centres, including those that no point has moved. This is the method, so it is left unchanged.
- Both can be saved only by pickle. Here their state is plain numbers: the centres, and the chunk in progress.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from models.behaviour.layout import FloatArray
from models.learning.clusterer_choice import ClustererChoice


class Kept(msgspec.Struct, array_like=True):
    """The stored state of a River clusterer: its choice, its centres, the number of points seen, and the open chunk."""

    choice: str
    centres: list[list[float]]
    seen: int = 0
    chunk: list[list[float]] = []


class RiverCentres:
    """A River clusterer with centres: ``KMeans`` or ``STREAMKMeans``.

    Parameters
    ----------
    choice
        ``KMeans`` or ``STREAMKMeans`` with its parameters.
    centroids
        The initial centres, (k, axes).
    """

    def __init__(self, choice: ClustererChoice, centroids: FloatArray) -> None:
        from river import cluster  # a third of a second to import, and only owners with River's clusterers need it

        self.choice = choice
        options = choice.options
        self._chunk_size = int(options.get("chunk_size", 0))
        self._seen = 0
        self._chunk: list[list[float]] = []
        self._model: Any = getattr(cluster, choice.name)(n_clusters=len(centroids), **options)
        centres = {i: dict(enumerate(row)) for i, row in enumerate(centroids.tolist())}
        self._model.centers = centres
        if self._chunk_size:
            self._model._kmeans.centers = centres

    @property
    def centers(self) -> dict[int, dict[int, float]]:
        """The centres in the form that River's metrics expect."""
        found: dict[int, dict[int, float]] = self._model.centers
        return found

    def centroids(self) -> FloatArray:
        """Return the centres, (k, axes)."""
        return np.array([list(center.values()) for center in self.centers.values()])

    def predict_one(self, x: dict[int, float]) -> int:
        """Return the number of the nearest centre."""
        return int(self._model.predict_one(x))

    def learn_one(self, x: dict[int, float]) -> None:
        """Learn one point."""
        self._model.learn_one(x)
        self._seen += 1
        if self._chunk_size:
            self._chunk.append(list(x.values()))
            if len(self._chunk) == self._chunk_size:
                self._chunk = []

    def keep(self) -> Kept:
        """Return the state from which ``resume`` continues as if never stopped."""
        return Kept(str(self.choice), self.centroids().tolist(), self._seen, [list(point) for point in self._chunk])

    @classmethod
    def resume(cls, choice: ClustererChoice, kept: Kept) -> RiverCentres:
        """Restore the clusterer from ``keep``; its choice must be the same."""
        found = cls(choice, np.array(kept.centres))
        # Points of an open chunk have not moved any centre yet.
        for point in kept.chunk:
            found.learn_one(dict(enumerate(point)))
        found._seen = kept.seen
        return found
