"""The panel's rows as a stream: each is predicted, measured and learned once, in order of arrival.

Rows wait until they are needed, because stepping many at once costs a hundredth of stepping each. The result is
identical to the last bit, since the step of a row depends on that row alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import structs

from models.behaviour.daily_step import advance
from models.behaviour.features import block_of, feature_rows, position_stats
from models.behaviour.layout import DAY, FEATURES, FloatArray, IntArray
from models.behaviour.memory import Memory
from models.behaviour.model import ClusterModel, Evidence, Frame
from models.behaviour.rhythm import beat_of
from models.learning.build import learned_from
from models.learning.clusterer_choice import ClustererChoice
from models.learning.frame import into_frame
from models.learning.kmeans import Fit, nearest, served, weekly
from models.learning.river_centres import Kept, RiverCentres

_MOST_WAITING: Final = 4_096


class RowStream:
    """The rows that arrive between two weekly updates, and the clusterer that learns from them.

    Parameters
    ----------
    choice
        The clusterer. Ours learns in the weekly update, from the panel; River's learn from each row here.
    """

    def __init__(self, choice: ClustererChoice, evidence: Evidence) -> None:
        self.choice = choice
        self._evidence = evidence
        self._waiting: list[tuple[str, bytes]] = []
        self._river: RiverCentres | None = None
        self._frame: Frame | None = None
        self._rows = 0
        self._silhouette: Any = None

    def begin(self, model: ClusterModel, kept: Kept | None = None) -> None:
        """Continue from the centroids of a version, or from the state that ``kept`` holds of the same clusterer."""
        if self.choice.ours:
            return
        centres = [list(s.centroid) for s in model.segments]
        if kept is not None and kept.choice == str(self.choice):
            self._river = RiverCentres.resume(self.choice, kept)
        elif self._river is not None and self._frame == model.frame:
            # The same centres in segment order; the open chunk keeps its points.
            self._river = RiverCentres.resume(self.choice, structs.replace(self._river.keep(), centres=centres))
        else:
            self._river = RiverCentres(self.choice, np.array(centres))
        self._frame = model.frame

    def keep(self) -> Kept | None:
        """Return the state for ``begin``; drain the stream first, so that no rows wait."""
        return None if self._river is None else self._river.keep()

    def take(self, customer: str, blob: bytes) -> bool:
        """Queue a row; return whether the queue is long enough to drain."""
        self._waiting.append((customer, blob))
        return len(self._waiting) >= _MOST_WAITING

    def forget(self, customer: str) -> None:
        """Drop the waiting rows of a customer who is gone."""
        self._waiting = [one for one in self._waiting if one[0] != customer]

    def drain(self, frame: Frame | None, centroids: FloatArray | None) -> None:
        """Predict, measure and learn each waiting row as a point of the frame; without a frame, drop the rows.

        Parameters
        ----------
        centroids
            Clusters at the last update, (k, axes): ours stay there until the next one.
        """
        blobs, self._waiting = [blob for _, blob in self._waiting], []
        if frame is None or centroids is None or not blobs:
            return
        z = points_of(blobs, frame, self._evidence)
        if self._river is None:
            labels = nearest(z, centroids).labels.tolist()
            centers = {i: dict(enumerate(row)) for i, row in enumerate(centroids.tolist())}
            for label, point in zip(labels, z.tolist(), strict=True):
                self._measure(dict(enumerate(point)), label, centers)
            return
        for point in z.tolist():
            x = dict(enumerate(point))
            # Measure before learning, so that the clusters are judged on unseen points.
            self._measure(x, self._river.predict_one(x), self._river.centers)
            self._river.learn_one(x)

    def update(
        self, z: FloatArray, centroids: FloatArray, rng: np.random.Generator, figures: dict[str, float]
    ) -> tuple[Fit, Fit]:
        """Return the weekly update on the whole panel (n, axes): the current clusters, and a fresh fit beside them.

        Sets in ``figures`` the ``panel_rows`` since the last update and their progressive ``silhouette`` by River's
        definition: distances to the own centre over those to the next one, so smaller is better.
        """
        if self._rows and len(centroids) > 1:
            figures["panel_rows"], figures["silhouette"] = float(self._rows), float(self._silhouette.get())
        self._rows, self._silhouette = 0, None
        fit, challenger = weekly(z, centroids, rng, int(self.choice.options.get("steps", 0)))
        return (fit if self._river is None else served(z, self._river.centroids())), challenger

    def _measure(self, x: dict[int, float], label: int, centers: dict[int, dict[int, float]]) -> None:
        if self._silhouette is None:
            from river import metrics  # takes seconds to import, and only the owner needs it

            silhouette: Any = metrics.Silhouette
            self._silhouette = silhouette()
        self._silhouette.update(x, label, centers)
        self._rows += 1


def points_of(blobs: Sequence[bytes], frame: Frame, evidence: Evidence) -> FloatArray:
    """Return rows, with their open day counted, as points (n, axes) of a frame, without those that lack the evidence."""
    memory = Memory(len(blobs))
    rows: IntArray = np.array([memory.load(blob) for blob in blobs], dtype=np.int64)
    advance(memory, rows, memory.matrix[rows, DAY].astype(np.int64) + 1, ())
    block = block_of(memory, rows)
    block = block[:, learned_from(block, evidence)]
    stats = position_stats(block, beat_of(block, frame.priors.gap_cv2))
    return into_frame(np.ascontiguousarray(feature_rows(stats, frame.priors)[:FEATURES].T), frame)
