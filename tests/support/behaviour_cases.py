"""Define small hand-made models for tests that need no learner."""

from __future__ import annotations

from dataclasses import replace

from models.behaviour.features import Priors
from models.behaviour.model import LIKELIHOOD, ClusterModel, Evidence, Frame, Preset, Segment

MU = (0.0, 1.6, 8.5, 1.0, 8.0, 0.3, 1.5)
SD = (0.9, 0.9, 1.4, 0.9, 0.6, 0.2, 0.7)


def segment(name: str, number: int, centroid: tuple[float, ...], orders: float, clicks: float) -> Segment:
    """Return a segment with code ``number + 2`` and slot ``number``."""
    return Segment(
        segment_id=name,
        name=name.title(),
        code=number + 2,
        slot=number,
        slot_since=1,
        centroid=centroid,
        order_rate=orders,
        click_rate=clicks,
        order_shape=4.0,
        click_shape=5.0,
        log_basket=8.0 + 0.1 * number,
        log_basket_var=0.05,
        basket=3_500.0,
        discount=0.2 + 0.1 * number,
        share=0.25,
        typical={"orders": 1.0},
    )


SEGMENTS = (
    segment("busy", 0, (1.6, 1.0, 1.0, -1.0, 0.0, 0.0, 1.0), 0.15, 0.5),
    segment("looking", 1, (-0.6, 1.1, -0.6, 1.4, 0.0, 0.0, -0.6), 0.01, 0.55),
    segment("quiet", 2, (-0.9, -1.6, -0.9, -0.7, 0.0, 0.0, -0.6), 0.005, 0.02),
    segment("steady", 3, (0.5, 0.0, 0.4, -0.5, 0.0, 0.0, 0.2), 0.05, 0.2),
)


def model(version: int = 1, segments: tuple[Segment, ...] = SEGMENTS, **other: object) -> ClusterModel:
    """Return a valid model in a standard frame."""
    frame = Frame(
        mu=MU,
        weights=tuple(tuple(1 / SD[i] if i == j else 0.0 for j in range(7)) for i in range(7)),
        low=tuple(m - 4 * s for m, s in zip(MU, SD, strict=True)),
        high=tuple(m + 4 * s for m, s in zip(MU, SD, strict=True)),
        priors=Priors(8.0, 0.3),
    )
    made = ClusterModel(
        version=version,
        frame=frame,
        segments=segments,
        sigma2=0.15,
        phi=(1.1, 1.3),
        preset=Preset(),
        evidence=Evidence(),
        parent=version - 1,
    )
    return replace(made, **other)  # type: ignore[arg-type]


LIKELY = Preset(h=1.0, theta=5.0, eta=8.0, statistic=LIKELIHOOD, holiday=5.5)
"""Positions by likelihood, as versions have them from the second layout of rhythm on."""


def with_rhythm(gap_cv2: float | None, preset: Preset = Preset()) -> ClusterModel:  # noqa: B008
    """Return the same model in a frame that knows the shop's usual variation of gaps."""
    made = model(preset=preset)
    return replace(made, frame=replace(made.frame, priors=replace(made.frame.priors, gap_cv2=gap_cv2)))
