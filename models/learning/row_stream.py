"""The panel's rows as a stream: each is predicted, measured and learned once, in the order in which it came.

Rows wait until somebody asks, because stepping many at once costs a hundredth of stepping each; what comes of it is the
same to the last bit, since the step of a row depends on that row alone.
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
    """What arrives between two weekly looks, and the clusterer that learns from it.

    Parameters
    ----------
    choice
        The clusterer. Ours learns at the weekly look, from the panel; River's learn from each row here.
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
        """Go on from the centroids of a version, or from what the same clusterer ``kept`` before a restart."""
        if self.choice.ours:
            return
        centres = [list(s.centroid) for s in model.segments]
        if kept is not None and kept.choice == str(self.choice):
            self._river = RiverCentres.resume(self.choice, kept)
        elif self._river is not None and self._frame == model.frame:
            # The same centres, in the order of the segments: what waits for its chunk to be full goes on waiting.
            self._river = RiverCentres.resume(self.choice, structs.replace(self._river.keep(), centres=centres))
        else:
            self._river = RiverCentres(self.choice, np.array(centres))
        self._frame = model.frame

    def keep(self) -> Kept | None:
        """What ``begin`` goes on from; drain the stream before, so that nothing waits."""
        return None if self._river is None else self._river.keep()

    def take(self, customer: str, blob: bytes) -> bool:
        """A row has come; whether so many wait that they should be drained."""
        self._waiting.append((customer, blob))
        return len(self._waiting) >= _MOST_WAITING

    def forget(self, customer: str) -> None:
        """Drop what waits of a customer who is gone."""
        self._waiting = [one for one in self._waiting if one[0] != customer]

    def drain(self, frame: Frame | None, centroids: FloatArray | None) -> None:
        """Predict, measure and learn each row that waits, as points of the frame. Before there is one, rows are dropped.

        Parameters
        ----------
        centroids
            Where clusters were at the last look, (k, axes): ours stay there until the next one.
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
            # Measured before it is learned: what was not seen yet judges what was learned.
            self._measure(x, self._river.predict_one(x), self._river.centers)
            self._river.learn_one(x)

    def look(
        self, z: FloatArray, centroids: FloatArray, rng: np.random.Generator, figures: dict[str, float]
    ) -> tuple[Fit, Fit]:
        """The weekly look at the whole panel (n, axes): the clusters as they are now, and a fresh fit beside them.

        ``figures`` get ``panel_rows`` that came since the last look and their progressive ``silhouette``: River's, the distances
        to the own centre over those to the next one, so less is better.
        """
        if self._rows and len(centroids) > 1:
            figures["panel_rows"], figures["silhouette"] = float(self._rows), float(self._silhouette.get())
        self._rows, self._silhouette = 0, None
        fit, challenger = weekly(z, centroids, rng, int(self.choice.options.get("steps", 0)))
        return (fit if self._river is None else served(z, self._river.centroids())), challenger

    def _measure(self, x: dict[int, float], label: int, centers: dict[int, dict[int, float]]) -> None:
        if self._silhouette is None:
            from river import metrics  # seconds to import, and only the owner needs it

            silhouette: Any = metrics.Silhouette
            self._silhouette = silhouette()
        self._silhouette.update(x, label, centers)
        self._rows += 1


def points_of(blobs: Sequence[bytes], frame: Frame, evidence: Evidence) -> FloatArray:
    """Rows with their open day counted, as points (n, axes) of a frame; those without the evidence are left out."""
    memory = Memory(len(blobs))
    rows: IntArray = np.array([memory.load(blob) for blob in blobs], dtype=np.int64)
    advance(memory, rows, memory.matrix[rows, DAY].astype(np.int64) + 1, ())
    block = block_of(memory, rows)
    block = block[:, learned_from(block, evidence)]
    stats = position_stats(block, beat_of(block, frame.priors.gap_cv2))
    return into_frame(np.ascontiguousarray(feature_rows(stats, frame.priors)[:FEATURES].T), frame)
