"""The structure of a version: its frame, its number of segments, and their centroids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.behaviour.layout import FloatArray
from models.behaviour.model import VOLUME, ClusterModel, Frame
from models.behaviour.rhythm import known_of
from models.learning.backtest import NoiseSample
from models.learning.build import Sample, labels_under
from models.learning.frame_selection import REGULAR_SHOP, fit_frame, steps_of
from models.learning.kmeans import Fit, choose_k, lloyd, multi_start, stability
from models.learning.owner_types import LearnerConfig
from models.learning.separation import supported


def fresh(
    sample: Sample,
    noise_samples: list[NoiseSample],
    config: LearnerConfig,
    rng: np.random.Generator,
    figures: dict[str, float],
) -> tuple[Frame, Fit]:
    """Fit a frame of the configured kind, and as many clusters as configured, or as can be distinguished."""
    ks = numbers(config, len(sample.customers))
    frame = fit_frame(config.frame, sample, noise_samples, ks, rng, figures)
    # A frame that won the comparison was evaluated with its own number of segments.
    k = config.k or int(figures.get(f"{frame.kind}_k", 0))
    if config.k:
        return frame, multi_start(sample.points(frame), k, rng)
    if not k:
        k = steps_of(ks)[0] if frame.kind == VOLUME else stable_number(sample.points(frame), config, rng, figures)
    _, fit = supported(sample, frame, k, rng, figures)
    return frame, fit


def stable_number(z: FloatArray, config: LearnerConfig, rng: np.random.Generator, figures: dict[str, float]) -> int:
    """Return the number of segments on which two halves of the panel agree; sets ``stability_<k>`` in ``figures``."""
    stable = stability(z, numbers(config, len(z)), rng)
    figures.update({f"stability_{k}": value for k, value in stable.items()})
    return choose_k(stable)


def numbers(config: LearnerConfig, customers: int) -> range:
    """Return the numbers of segments into which this many customers can be divided."""
    if config.k:
        return range(config.k, config.k + 1)
    low, high = config.k_range
    return range(low, max(low, min(high, customers // 10)) + 1)


def with_rhythm(frame: Frame, sample: Sample) -> Frame:
    """Add the shop's usual variation of gaps, once known, to the frame of a version without rhythm.

    Published this way, the clusters stay the same, and the moves it causes count as a refit.
    """
    if frame.priors.gap_cv2 is not None or sample.block is None or not known_of(sample.block):
        return frame
    return replace(frame, priors=replace(frame.priors, gap_cv2=sample.gap_cv2))


def made_of_phases(frame: Frame) -> bool:
    """Return whether a frame fitted before rhythm was known uses the phases of regular buyers as axes.

    Such clusters carry no information, so the structure is fitted anew without approval, as for the first frames.
    """
    usual = frame.priors.gap_cv2
    return usual is not None and usual < REGULAR_SHOP


def carried_over(sample: Sample, z: FloatArray, before: ClusterModel, better: float, rng: np.random.Generator) -> Fit:
    """Return the previous clusters in another frame, or a fresh fit if that is better.

    The previous clusters start from their members' positions in the new frame.

    Parameters
    ----------
    z
        Points of the sample in the other frame, (n, axes).
    better
        Share of inertia that others must save.
    """
    old = labels_under(before, sample)
    # An old cluster without members starts at the mean of the points.
    seeds = np.stack(
        [z[old == i].mean(axis=0) if (old == i).any() else z.mean(axis=0) + 1e-3 * (i + 1) for i in range(before.k)]
    )
    fit, challenger = lloyd(z, seeds), multi_start(z, before.k, rng)
    return challenger if challenger.inertia < (1 - better) * fit.inertia else fit
